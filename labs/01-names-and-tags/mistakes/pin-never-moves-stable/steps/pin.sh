# A tag can be moved under a running deployment; a digest is computed from the image and cannot.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

# What the registry calls the image that `stable` names right now: every engine prints it when it pulls.
digest=$(docker pull "$REPOSITORY:stable" | sed -n 's/^Digest: //p')
mkdir -p deploy
cat > deploy/compose.yaml <<END
services:
  web:
    image: $REPOSITORY@$digest
    ports:
      - "127.0.0.1:8080:8080"
END
