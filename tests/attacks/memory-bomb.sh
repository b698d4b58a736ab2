# Take all memory there is.
BASE=registry-lab/busybox:1
head -c 6G /dev/zero | tail > /dev/null
head -c 6G /dev/zero | sort > /dev/null
