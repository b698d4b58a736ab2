# Fill every disk that can be written.
BASE=registry-lab/busybox:1
for d in /lab /tmp /var/tmp /root /dev/shm /run "$HOME"; do head -c 3G /dev/zero > "$d/fill" & done 2> /dev/null
wait
