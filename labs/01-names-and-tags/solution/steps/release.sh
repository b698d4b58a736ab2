# Build once, name often: all four tags are names of one image, so they can never disagree.
set -eu
docker build --quiet --tag "$REPOSITORY:$VERSION" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
docker push --quiet "$REPOSITORY:$VERSION"
for tag in "${VERSION%.*}" "${VERSION%%.*}" latest; do
  docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
