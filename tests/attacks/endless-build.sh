# Have the engine build something that never ends.
BASE=registry-lab/busybox:1
printf "FROM %s\nRUN sleep 4242\n" "$BASE" | docker build --tag "$REGISTRY/$WORD:1" -
