"""`python -m tests.engines.entering ROOT own|shared COMMAND...`: run a command in another root and namespaces.

The root is a mount of its own and is entered by pivot_root: dockerd remounts `/`, which fails in a plain chroot. With
`own` the network is an empty one with a loopback; with `shared` it is the machine's, to install what is needed.
"""

import os
import stat
import sys
from pathlib import Path

from checker.sandbox import linux
from checker.sandbox.room.roots import LINKS

DEVICES = {
    "null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0),
    "fuse": (10, 229), "net/tun": (10, 200),
}  # fmt: skip
"""Character devices, for everybody: a rootless engine makes its network of tun and its layers by fuse."""


def enter(root: Path, *, own_network: bool, command: list[str]) -> int:
    """Run the command, as init of a process namespace, and return its exit code. Raises OSError."""
    kinds = linux.NEWNS | linux.NEWPID | linux.NEWIPC | linux.NEWUTS
    linux.unshare(kinds | (linux.NEWNET if own_network else 0))
    child = os.fork()
    if child == 0:
        linux.end_with_parent()
        linux.mount("none", "/", flags=linux.REC | linux.PRIVATE)
        linux.mount(root, root, flags=linux.BIND | linux.REC)
        linux.mount("proc", root / "proc", "proc")
        linux.mount("sysfs", root / "sys", "sysfs")
        linux.bind("/sys/fs/cgroup", root / "sys/fs/cgroup", writable=True)  # the rest is that of our network
        for name, mode in {"run": "755", "tmp": "1777", "dev": "755"}.items():
            linux.mount("tmpfs", root / name, "tmpfs", 0, f"mode={mode}")
        _devices(root / "dev")
        linux.pivot_root(root)
        if own_network:
            linux.start_loopback()
        os.execvp(command[0], command)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _devices(folder: Path) -> None:
    os.umask(0)
    for name in ("net", "pts", "shm"):
        (folder / name).mkdir(mode=0o755)
    for name, (major, minor) in DEVICES.items():
        os.mknod(folder / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    linux.mount_terminals(folder / "pts")
    linux.mount("tmpfs", folder / "shm", "tmpfs", 0, "mode=1777")
    os.umask(0o022)


if __name__ == "__main__":
    place, network, *words = sys.argv[1:]
    sys.exit(enter(Path(place), own_network=network == "own", command=words))
