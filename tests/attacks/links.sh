# Put links to elsewhere where files are read and written.
BASE=registry-lab/busybox:1
rm -rf note.txt pinned.txt .lab; ln -s /proc/1/environ note.txt; ln -s "$(cat where.txt)" pinned.txt; ln -s / .lab; ln -s /proc/self/root up
