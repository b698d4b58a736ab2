# End the driver of the engine's layers, so that nothing can be built, or be judged.
BASE=registry-lab/busybox:1
for process in /proc/[0-9]*; do
  [ "$(readlink "$process/exe")" ] || kill -9 "${process#/proc/}"
done
sleep 0.2
