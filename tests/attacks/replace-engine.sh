# Answer in the engine's place.
BASE=registry-lab/busybox:1
pkill -9 dockerd; sleep 0.5; rm -f /lab/engine/docker.sock /lab/engine/docker.pid
setsid dockerd --config-file=/lab/engine/daemon.json --data-root=/lab/other --exec-root=/lab/other-exec --pidfile=/lab/other.pid --host=unix:///lab/engine/docker.sock > /dev/null 2>&1 &
sleep 2; docker ps
