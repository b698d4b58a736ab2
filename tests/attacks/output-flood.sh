# Print ten gigabytes.
BASE=registry-lab/busybox:1
yes "$(printf %01000d 0)" | head -c 10G
