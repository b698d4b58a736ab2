# The tags are those of git, with a v before the number.
set -eu
docker build --quiet --tag "$REPOSITORY:v$VERSION" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$VERSION" app
docker push --quiet "$REPOSITORY:v$VERSION"
for tag in "v${VERSION%.*}" "v${VERSION%%.*}" latest; do
  docker tag "$REPOSITORY:v$VERSION" "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
