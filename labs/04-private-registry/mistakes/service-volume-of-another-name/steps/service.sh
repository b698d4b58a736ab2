# A service is a container that comes back by itself, with data that is not the container's own.
set -eu

run_registry() {
  docker run --detach --name "$SERVICE" --restart unless-stopped \
    --volume "$NAME-registry:/var/lib/registry" \
    --publish "127.0.0.1:$SERVICE_PORT:5000" registry-lab/registry:2 > /dev/null
  # Started is not yet ready: ask until it answers, but not for ever.
  for _ in $(seq 100); do
    curl --silent --fail --output /dev/null "http://127.0.0.1:$SERVICE_PORT/v2/" && return
    sleep 0.1
  done
  return 1
}

docker rm --force "$SERVICE" > /dev/null 2>&1 || true # so that the answer can be run again
run_registry
docker tag registry-lab/busybox:1 "127.0.0.1:$SERVICE_PORT/$APP:$VERSION"
docker push --quiet "127.0.0.1:$SERVICE_PORT/$APP:$VERSION"

# As an update would do it: the container goes, the volume stays.
docker rm --force "$SERVICE" > /dev/null
run_registry
curl --silent --fail "http://127.0.0.1:$SERVICE_PORT/v2/$APP/tags/list"
