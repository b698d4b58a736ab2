# End every process that can be named.
BASE=registry-lab/busybox:1
kill -9 -1 2> /dev/null
for p in $(seq 2 2000); do [ $p = $$ ] || kill -9 $p; done 2> /dev/null
