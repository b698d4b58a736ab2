# Thirty machines behind one address share one limit. With a cache between, the hub is asked only once.
set -eu
# What the engine has it does not ask for, and what is not asked for the cache does not get to keep. The builder's own
# cache counts too: it keeps the layers it made.
forget() {
  for repository in "$REPOSITORY" "$CACHED"; do
    docker image rm --force "$repository:$NEXT_VERSION" > /dev/null 2>&1 || true
  done
  docker builder prune --force > /dev/null
}
forget
docker pull --quiet "$CACHED:$NEXT_VERSION"
forget

# However this ends, the hub comes back. (The real one cannot be stopped, and a pull is a pull there.)
trap 'docker start "$HUB_CONTAINER" || true' EXIT
docker stop "$HUB_CONTAINER" || echo "This hub is not mine to stop."
docker pull --quiet "$CACHED:$NEXT_VERSION"
