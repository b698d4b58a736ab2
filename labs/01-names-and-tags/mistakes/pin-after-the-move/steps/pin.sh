# A tag can be moved under a running deployment; a digest is computed from the image and cannot.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

docker pull --quiet "$REPOSITORY:$NEXT_VERSION"
docker tag "$REPOSITORY:$NEXT_VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

digest=$(docker pull "$REPOSITORY:stable" | sed -n 's/^Digest: //p')
mkdir -p deploy
cat > deploy/compose.yaml <<END
services:
  web:
    image: $REPOSITORY@$digest
    ports:
      - "127.0.0.1:8080:8080"
END
