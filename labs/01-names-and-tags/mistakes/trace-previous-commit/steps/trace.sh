# The tags lead people to the commit; the label inside the image stays true even if a tag is moved.
set -eu
commit=$(git rev-parse HEAD~1)
by_commit=$REPOSITORY:sha-$(git rev-parse --short HEAD~1)
by_date=$REPOSITORY:$BUILD_DATE-$BUILD_NUMBER
docker build --quiet --tag "$by_commit" --tag "$by_date" \
  --label org.opencontainers.image.revision="$commit" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$by_commit"
docker push --quiet "$by_date"
