# Make files until there are no more inodes.
BASE=registry-lab/busybox:1
mkdir -p /tmp/many; cd /tmp/many
for i in $(seq 400); do mkdir $i; (cd $i && touch $(seq 600)); done 2> /dev/null
