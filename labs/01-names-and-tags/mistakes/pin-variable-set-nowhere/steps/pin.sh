# A tag can be moved under a running deployment; a digest is computed from the image and cannot.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

# What the registry calls the image that `stable` names right now: every engine prints it when it pulls.
digest=$(docker pull "$REPOSITORY:stable" | sed -n 's/^Digest: //p')
mkdir -p deploy
image=$REPOSITORY@$digest
cat > deploy/compose.yaml <<'END'
services:
  web:
    image: ${image}
END

# Now stable moves on; the deployment does not.
docker pull --quiet "$REPOSITORY:$NEXT_VERSION"
docker tag "$REPOSITORY:$NEXT_VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"
