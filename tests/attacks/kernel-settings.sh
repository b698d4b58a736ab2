# Change settings of the kernel that are the whole machine's.
BASE=registry-lab/busybox:1
for f in kernel/core_pattern kernel/sysrq vm/drop_caches kernel/modprobe fs/file-max; do (echo "|/tmp/x" > /proc/sys/$f) 2> /dev/null && echo "STOLEN $f"; done
(echo c > /proc/sysrq-trigger) 2> /dev/null && echo STOLEN
(echo /tmp/x > /sys/kernel/uevent_helper) 2> /dev/null && echo STOLEN
date --set 2001-01-01 > /dev/null 2>&1 && echo STOLEN
