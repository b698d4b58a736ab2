# Find other submissions and reports, and read them.
BASE=registry-lab/busybox:1
find / -xdev -name "*.json" -path "*report*" 2> /dev/null
ls -d "$(dirname "$(cat where.txt)")"/*/ 2> /dev/null && echo STOLEN
find / -name neighbours-own.txt 2> /dev/null | grep . && echo STOLEN
