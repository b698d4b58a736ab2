# X.Y, X and latest promise "the newest of that line", so they move.
# X.Y.Z of the release promises one image for ever, so nothing here touches it.
set -eu
docker build --quiet --tag "$REPOSITORY:$NEXT_VERSION" \
  --build-arg GREETING="$GREETING" --build-arg VERSION="$NEXT_VERSION" app
docker push --quiet "$REPOSITORY:$NEXT_VERSION"
for tag in "${NEXT_VERSION%.*}" "${NEXT_VERSION%%.*}"; do
  docker tag "$REPOSITORY:$NEXT_VERSION" "$REPOSITORY:$tag"
  docker push --quiet "$REPOSITORY:$tag"
done
