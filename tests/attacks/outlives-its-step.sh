# Leave something running, out of reach of the process group.
BASE=registry-lab/busybox:1
setsid nohup sleep 4242 > /dev/null 2>&1 &
(trap "" TERM HUP; exec sleep 4242) &
