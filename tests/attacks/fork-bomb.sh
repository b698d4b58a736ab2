# Start processes until there is no room for more.
BASE=registry-lab/busybox:1
for i in $(seq 3000); do setsid sleep 300 & done 2> /dev/null
sleep 300
