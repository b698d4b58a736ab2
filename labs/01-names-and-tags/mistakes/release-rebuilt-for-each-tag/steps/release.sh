set -eu
for tag in "$VERSION" "${VERSION%.*}" "${VERSION%%.*}" latest; do
  docker build --quiet --no-cache --label built="$tag" --tag "$REPOSITORY:$tag" \
    --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
  docker push --quiet "$REPOSITORY:$tag"
done
