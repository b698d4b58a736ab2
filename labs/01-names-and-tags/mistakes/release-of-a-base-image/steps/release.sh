set -eu
for tag in "$VERSION" "${VERSION%.*}" "${VERSION%%.*}" latest; do
  docker tag registry-lab/busybox:1 "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
