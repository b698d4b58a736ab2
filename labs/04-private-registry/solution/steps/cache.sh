# The first pull of an image goes to the upstream registry, every later one is answered from the cache.
set -eu
docker tag registry-lab/busybox:1 "$UPSTREAM/$APP:$VERSION"
docker push --quiet "$UPSTREAM/$APP:$VERSION"

mkdir -p cache
cat > cache/config.yml <<'END'
version: 0.1
storage:
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
proxy:
  remoteurl: http://upstream:5000
END

# Names like "upstream" are known on the network that both are on.
networks='{{range $name, $_ := .NetworkSettings.Networks}}{{println $name}}{{end}}'
network=$(docker inspect --format "$networks" "$UPSTREAM_CONTAINER" | head -n 1)
docker rm --force --volumes "$CACHE" > /dev/null 2>&1 || true
docker run --detach --name "$CACHE" --restart unless-stopped --network "$network" \
  --volume "$PWD/cache:/etc/docker/registry:ro" --volume "$CACHE-data:/var/lib/registry" \
  --publish "127.0.0.1:$CACHE_PORT:5000" registry-lab/registry:2 > /dev/null
for _ in $(seq 100); do
  curl --silent --fail --output /dev/null "http://127.0.0.1:$CACHE_PORT/v2/" && break
  sleep 0.1
done
docker pull --quiet "127.0.0.1:$CACHE_PORT/$APP:$VERSION"
