"""System calls that Python does not have. Each raises OSError."""

import ctypes
import fcntl
import os
import socket
import struct
from pathlib import Path

NEWNS, NEWCGROUP, NEWUTS, NEWIPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEWUSER, NEWPID, NEWNET = 0x10000000, 0x20000000, 0x40000000
FS = 0x00000200
"""From <linux/sched.h>."""
RDONLY, NOSUID, NODEV, NOEXEC, BIND, REC, PRIVATE = 0x1, 0x2, 0x4, 0x8, 0x1000, 0x4000, 0x40000
"""From <linux/mount.h>."""
MNT_DETACH = 2
PR_SET_PDEATHSIG = 1
SYS_MOUNT_SETATTR, SYS_PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
ATTR_RDONLY = 0x1
AT_FDCWD, AT_RECURSIVE = -100, 0x8000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
"""From <linux/sockios.h>."""

_libc = ctypes.CDLL(None, use_errno=True)


def _done(result: int, what: str) -> None:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(kinds: int) -> None:
    """Move this process into new namespaces; a new process namespace is only for its children."""
    _done(_libc.unshare(kinds), "unshare")


def mount(source: str | Path, target: str | Path, kind: str = "", flags: int = 0, options: str = "") -> None:
    _done(
        _libc.mount(
            os.fsencode(source),
            os.fsencode(target),
            kind.encode() or None,
            ctypes.c_ulong(flags),
            options.encode() or None,
        ),
        str(target),
    )


def mount_terminals(target: str | Path) -> None:
    """Mount terminals of its own at `target`, that nobody outside has."""
    mount("devpts", target, "devpts", NOSUID | NOEXEC, "newinstance,ptmxmode=0666,mode=620")


def bind(source: str | Path, target: str | Path, *, writable: bool = False) -> None:
    """Show `source`, with what is mounted below it, at `target` too: to be read unless `writable`."""
    mount(source, target, flags=BIND | REC)
    if writable:
        return
    change = struct.pack("QQQQ", ATTR_RDONLY, 0, 0, 0)
    _done(
        _libc.syscall(SYS_MOUNT_SETATTR, AT_FDCWD, os.fsencode(target), AT_RECURSIVE, change, len(change)),
        str(target),
    )


def pivot_root(new: str | Path) -> None:
    """Make the mount `new` the root of this mount namespace, and let go of the root before it."""
    os.chdir(new)
    number = SYS_PIVOT_ROOT[os.uname().machine]
    _done(_libc.syscall(number, b".", b"."), str(new))  # the old one on top of it: pivot_root(2), NOTES
    unmount(".")
    os.chdir("/")


def unmount(target: str | Path) -> None:
    _done(_libc.umount2(os.fsencode(target), MNT_DETACH), str(target))


def end_with_parent() -> None:
    """Be killed when the parent ends. Changed credentials undo it (prctl(2)), so it comes after them."""
    _done(_libc.prctl(PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl")


def start_loopback() -> None:
    with socket.socket() as any_socket:
        name = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | IFF_UP))
