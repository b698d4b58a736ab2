# Put another registry in the place of the lab's.
BASE=registry-lab/busybox:1
port=${REGISTRY##*:}
docker rm --force $(docker ps --quiet) > /dev/null
docker run --detach --publish "127.0.0.1:$port:5000" registry-lab/registry:2
sleep 1
printf 'FROM %s\nLABEL token=%s\n' "$BASE" "$TOKEN" | docker build --quiet --tag "$REGISTRY/$WORD:1" -
docker push --quiet "$REGISTRY/$WORD:1"
