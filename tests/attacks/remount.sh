# Make what is read-only writable, or look under it.
BASE=registry-lab/busybox:1
mount -o remount,rw /usr 2> /dev/null && echo STOLEN
mount -o remount,bind,rw /usr 2> /dev/null && echo STOLEN
umount /usr 2> /dev/null && echo STOLEN
touch /usr/bin/x 2> /dev/null && echo STOLEN
unshare --user --map-root-user --mount sh -c "umount -l /usr /etc/alternatives; touch /usr/bin/x" 2> /dev/null && echo STOLEN
