# Reach the machine's network from a container in the host's.
BASE=registry-lab/busybox:1
docker run --rm --network host "$BASE" busybox wget -T 2 -q -O - "http://127.0.0.1:$(cat port.txt)/" && echo STOLEN
