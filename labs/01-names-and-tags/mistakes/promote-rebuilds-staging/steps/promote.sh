set -eu
for environment in dev production; do
  docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:$environment"
  docker push --quiet "$REPOSITORY:$environment"
done
docker build --quiet --no-cache --tag "$REPOSITORY:staging" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
docker push --quiet "$REPOSITORY:staging"
