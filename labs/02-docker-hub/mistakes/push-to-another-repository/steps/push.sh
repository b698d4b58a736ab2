set -eu
name=$HUB/$HUB_USERNAME/app:$VERSION
docker build --quiet --build-arg VERSION="$VERSION" --tag "$name" app
docker push --quiet "$name"
docker image rm "$name"
