set -eu
docker run --detach --name "$CONTAINER" --publish "127.0.0.1:$PORT:8080" "$REPOSITORY:$VERSION" > /dev/null
