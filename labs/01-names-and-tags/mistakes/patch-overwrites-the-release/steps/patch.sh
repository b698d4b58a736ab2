set -eu
docker build --quiet --tag "$REPOSITORY:$VERSION" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:$VERSION"
for tag in "${NEXT_VERSION%.*}" "${NEXT_VERSION%%.*}" latest; do
  docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
