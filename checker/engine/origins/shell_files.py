"""Files and scripts that several recipes share."""

from checker.engine.origins import File

APPLETS = (
    "[ ash awk base64 basename cat chgrp chmod chown chroot clear cmp cp cut date dd df "
    "diff dirname du echo env expr false find free fold grep gunzip gzip head hexdump hostname httpd id "
    "ip kill killall less ln ls md5sum mkdir mknod mktemp more mount mv nc nslookup od ping "
    "printf ps pwd readlink realpath rm rmdir sed seq sh sha1sum sha256sum sha512sum sleep sort "
    "stat strings stty sync tail tar tee telnet test time timeout top touch tr true tty umount uname uniq "
    "unzip uptime vi wc wget which whoami xargs yes"
).split()
"""Commands that are links to busybox. Debian's build of it has all of these."""

SHELL_FILES = {
    "etc/passwd": File(
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n"
    ),
    "etc/group": File("root:x:0:\nnogroup:x:65534:\n"),
}
SHELL_LINKS = {f"usr/bin/{applet}": "busybox" for applet in APPLETS}
FOLDERS = {"tmp": 0o1777, "root": 0o700}
PATH = "ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
