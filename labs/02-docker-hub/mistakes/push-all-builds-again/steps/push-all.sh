# --all-tags takes whatever tags of the repository this machine has, so look before you leap.
set -eu
docker tag "$REPOSITORY:$VERSION" "$REPOSITORY:${VERSION%.*}"
docker build --quiet --no-cache --build-arg VERSION=latest --tag "$REPOSITORY:latest" app
docker push --quiet --all-tags "$REPOSITORY"
