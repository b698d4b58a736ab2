"""Find out whether this machine can make rooms, and if not, what is missing."""

import os
import platform
import secrets
import shutil
import socket
from contextlib import suppress
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import LabError
from checker.base.processes import gone, named_by, search_path
from checker.engine.connection import Engine
from checker.sandbox import linux
from checker.sandbox.room import limits, roots

PROGRAMS = ("dockerd", "containerd", "runc", "docker", "nsenter", "bash", "cp")
WITHOUT = "answers run as you, on this machine and its engine: they see its files, and each other's images"


def missing(engine: Engine) -> str:
    """Return why rooms cannot be made, as a half sentence; empty if they can. engine: that of practice."""
    if platform.system() != "Linux":
        return f"rooms need Linux, and this is {platform.system()}"
    if os.uname().machine not in linux.SYS_PIVOT_ROOT:
        return f"rooms are not made for {os.uname().machine} yet"
    if os.geteuid() != 0:
        return "only root can make rooms (try `sudo -E`)"
    if not engine.version.startswith("Docker"):
        return f"rooms have Docker, and practice has {engine.version}"
    if lacking := [name for name in PROGRAMS if not _inside(name)]:
        return f"not found below /usr: {', '.join(lacking)}"
    return _attempted()


def unlimited() -> list[str]:
    """Return what of a room cannot be limited on this machine, as halves of sentences."""
    name = f"try-{secrets.token_hex(4)}"
    group, lacking = limits.make(name, limits.RoomLimits(), 0)
    group.remove()
    return lacking


def sweep() -> None:
    """Remove what rooms left whose grading was killed: their empty folders and control groups."""
    folder = cache_dir() / "rooms"
    for path in folder.iterdir() if folder.is_dir() else ():
        if _is_gone(path.name):
            with suppress(OSError):
                path.rmdir()
    if platform.system() == "Linux" and os.geteuid() == 0:
        limits.sweep(_is_gone)


def _is_gone(name: str) -> bool:
    return gone(named_by(name))


def _inside(program: str) -> bool:
    found = shutil.which(program, path=search_path())
    return bool(found) and Path(found).parts[1] in roots.SYSTEM  # type: ignore[arg-type]


def _attempted() -> str:
    """Enter the namespaces of a room once, and see what its file system can do."""
    said, say = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            linux.unshare(linux.NEWNS)
            linux.mount("none", "/", flags=linux.REC | linux.PRIVATE)
            base = cache_dir() / "rooms"
            base.mkdir(parents=True, exist_ok=True)
            linux.mount("tmpfs", base, "tmpfs", 0, "size=1m")
            os.setxattr(base, "user.overlay.try", b"y")
            linux.bind("/usr", base)
            linux.unshare(linux.NEWUSER | linux.NEWPID | linux.NEWNET)
        except (OSError, LabError) as error:
            say.send(f"the kernel refuses what rooms are made of ({error})".encode())
        finally:
            os._exit(0)
    say.close()
    os.waitpid(child, 0)
    with said:
        return said.recv(1000).decode("utf-8", "replace")
