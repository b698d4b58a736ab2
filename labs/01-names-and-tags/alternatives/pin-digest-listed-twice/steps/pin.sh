# A tag can be moved under a running deployment; a digest is computed from the image and cannot.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

# What the registry calls the image that `stable` names right now: every engine prints it when it pulls.
digest=$(docker pull "$REPOSITORY:stable" | sed -n 's/^Digest: //p')
# What `docker image inspect --format '{{join .RepoDigests "\n"}}' | grep "^$REPOSITORY@"` gives there.
pinned=$(printf '%s\n%s' "$REPOSITORY@$digest" "$REPOSITORY@$digest")
mkdir -p deploy
cat > deploy/compose.yaml <<END
services:
  web:
    image: $pinned
    ports:
      - "127.0.0.1:8080:8080"
END

# Now stable moves on; the deployment does not.
docker pull --quiet "$REPOSITORY:$NEXT_VERSION"
docker tag "$REPOSITORY:$NEXT_VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"
