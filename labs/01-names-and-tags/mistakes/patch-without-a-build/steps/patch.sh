set -eu
for tag in "$NEXT_VERSION" "${NEXT_VERSION%.*}" "${NEXT_VERSION%%.*}" latest; do
  docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
