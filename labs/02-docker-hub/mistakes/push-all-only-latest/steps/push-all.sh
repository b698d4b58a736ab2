# --all-tags takes whatever tags of the repository this machine has, so look before you leap.
set -eu
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:${VERSION%.*}"
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:latest"
docker push "$REPOSITORY"
