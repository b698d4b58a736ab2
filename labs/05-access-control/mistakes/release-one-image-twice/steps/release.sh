# Every account does what it is there for: the pipeline pushes, the administrator deletes.
set -eu
printf %s "$CICD_PASSWORD" | docker login --username "$CICD_USER" --password-stdin "$REGISTRY"
for version in "$VERSION" "$NEXT_VERSION"; do
  # The label makes them two images. One image under two names would be deleted under both.
  echo "FROM registry-lab/busybox:1" |
    docker build --quiet --label org.opencontainers.image.version="$VERSION" --tag "$REPOSITORY:$version" -
  docker push --quiet "$REPOSITORY:$version"
done

# docker has no command for deleting in a registry, so: a token, the digest behind the tag, DELETE.
# curl reads the password from its standard input; on a command line everybody could see it.
scope="repository:$TEAM/$APP:pull,delete"
token=$(printf 'user = "%s:%s"\n' "$ADMIN_USER" "$ADMIN_PASSWORD" |
  curl --silent --show-error --fail --config - "http://$API/token?service=registry.lab&scope=$scope" |
  jq --raw-output .token)
# The types that docker pushes, older and newer. Without them the registry converts the manifest, and
# names the digest of something nobody pushed.
types="application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"
types="$types, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json"
manifests="http://$REGISTRY/v2/$TEAM/$APP/manifests"
digest=$(printf 'header = "Authorization: Bearer %s"\n' "$token" |
  curl --silent --show-error --fail --config - --head \
    --header "Accept: $types" "$manifests/$NEXT_VERSION" |
  tr -d '\r' | awk 'tolower($1) == "docker-content-digest:" { print $2 }')
printf 'header = "Authorization: Bearer %s"\n' "$token" |
  curl --silent --show-error --fail --config - --request DELETE "$manifests/$digest"
