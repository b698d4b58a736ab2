# A machine that never saw the image: no copy under any name, nothing that runs from it, nothing in the builder's cache,
# which keeps layers too, and no login.
set -eu
docker rm --force "$CONTAINER" > /dev/null 2>&1 || true
docker image ls --quiet "$REPOSITORY" | sort -u | xargs --no-run-if-empty docker image rm --force > /dev/null
docker builder prune --force > /dev/null
docker --config "$(mktemp -d)" pull --quiet "$REPOSITORY:$VERSION"
docker run --detach --name "$CONTAINER" --publish "127.0.0.1:$PORT:8080" "$REPOSITORY:$VERSION" > /dev/null
