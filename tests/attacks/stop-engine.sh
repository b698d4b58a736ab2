# Have the engine stand still.
BASE=registry-lab/busybox:1
pkill -STOP dockerd
