# Read the memory and files of the driver of the engine's layers, which was part of the grader once.
BASE=registry-lab/busybox:1
for process in /proc/[0-9]*; do
  head --bytes 1 "$process/mem" > /dev/null 2> /tmp/why || grep -q 'Input/output' /tmp/why || continue
  tr '\0' '\n' < "$process/environ" | grep -q '^REGISTRY_LAB_CACHE=' && echo STOLEN
  ls "$process/cwd/" > /dev/null && [ "$(cat "$process/comm")" = python ] && echo STOLEN
done
