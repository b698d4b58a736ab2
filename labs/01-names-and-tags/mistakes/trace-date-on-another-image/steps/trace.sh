set -eu
build() {
  docker build --quiet --tag "$REPOSITORY:$1" --build-arg GREETING="$GREETING" --build-arg VERSION="$2" \
    --label org.opencontainers.image.revision="$(git rev-parse HEAD)" app
  docker push --quiet "$REPOSITORY:$1"
}
build "sha-$(git rev-parse --short HEAD)" "$NEXT_VERSION"
build "$BUILD_DATE-$BUILD_NUMBER" "$VERSION"
