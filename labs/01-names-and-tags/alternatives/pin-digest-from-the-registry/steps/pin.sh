# A tag can be moved under a running deployment; a digest is computed from the image and cannot.
set -eu
docker pull --quiet "$REPOSITORY:$VERSION"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"

accept=application/vnd.docker.distribution.manifest.v2+json
accept=$accept,application/vnd.oci.image.manifest.v1+json,application/vnd.oci.image.index.v1+json
digest=$(curl --silent --head --header "Accept: $accept" "http://$REGISTRY/v2/$TEAM/$APP/manifests/stable" |
  tr -d '\r' | sed -n 's/^docker-content-digest: //Ip')
mkdir -p deploy
cat > deploy/compose.yaml <<END
services:
  web:
    image: $REPOSITORY@$digest
    ports:
      - "127.0.0.1:8080:8080"
END

# Now stable moves on; the deployment does not.
docker pull --quiet "$REPOSITORY:$NEXT_VERSION"
docker tag "$REPOSITORY:$NEXT_VERSION" "$REPOSITORY:stable"
docker push --quiet "$REPOSITORY:stable"
