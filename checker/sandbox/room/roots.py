"""The root file system of a room, put together by root outside before anything runs in it.

Two trees. The worker's has what grading needs, to be read only: Python, this package, the labs, one submission. The
room's own, where answers and the engine live, is a file system of limited size with the machine's programs in it, to be
read only. `SHARED` is the same folder under the same name in both.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from checker.sandbox import linux
from checker.sandbox.room.limits import RoomLimits

SHARED = Path("/lab")
CACHE = SHARED / "cache"
ENGINE = SHARED / "engine"
SOCKET = ENGINE / "docker.sock"
DATA = ENGINE / "data"
HANDED_IN = Path("/tmp/handed-in")  # noqa: S108 - a file system of the worker's own
ROOM = Path("/room")
"""Where the worker's tree has the room's."""

SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
SETTINGS = ("alternatives", "ca-certificates", "ld.so.cache", "ld.so.conf.d", "localtime", "mime.types",
            "nsswitch.conf", "protocols", "services", "ssl/certs", "ssl/openssl.cnf", "containers/policy.json",
            "containers/registries.conf", "containers/registries.d")  # fmt: skip
"""Of /etc, all that programs look for; nothing there is anybody's secret."""
MADE = {
    "passwd": "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n",
    "group": "root:x:0:\ntty:x:5:\nnogroup:x:65534:\n",
    "hosts": "127.0.0.1 localhost\n",
    "hostname": "room\n",
    "resolv.conf": "",
}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2", "ptmx": "pts/ptmx"}
OWN = "lab/cache lab/engine lab/tmp proc sys tmp run root var/lib var/tmp var/log".split()
"""Folders of the room that can be written."""
BEHIND = ("proc", "sys")
"""Of the machine's: a user namespace may only mount such file systems where one can be seen already."""


class RoomPlan(msgspec.Struct, frozen=True):
    """What goes into a room.

    readable: files and folders that the worker sees where they are. programs: the folder of fetched programs, seen by
    answers too. stock: a data folder of an engine with base images, copied in; with `fill` it is the engine's own.
    layers: whether that engine keeps them by our driver.
    """

    readable: tuple[str, ...]
    programs: str
    stock: str
    layers: bool
    fill: bool = False


def build(
    base: Path, plan: RoomPlan, limits: RoomLimits, owner: int, hand_in: Callable[[Path], None]
) -> Path:
    """Put the trees together at `base`, in a mount namespace of our own, and make `base` the root.

    hand_in: puts into a folder what the worker is given, read by root. Returns the worker's tree as it is called
    from then on. Raises OSError.
    """
    tree, room = base / "worker", base / "worker" / ROOM.relative_to("/")
    linux.mount("none", "/", flags=linux.REC | linux.PRIVATE)
    linux.mount("tmpfs", base, "tmpfs", linux.NOSUID | linux.NODEV, "size=16m,mode=755")
    for behind in BEHIND:
        (base / behind).mkdir()
        linux.mount(f"/{behind}", base / behind, flags=linux.BIND | linux.REC)
    for folder in (tree, room, tree / "proc", tree / "sys", tree / "tmp"):
        folder.mkdir()
    ours = f"uid={owner},gid={owner}"
    linux.mount("tmpfs", tree / "tmp", "tmpfs", linux.NOSUID | linux.NODEV, f"size=512m,mode=755,{ours}")
    # Without flags: those would be locked in the room, where engines take them off to mount volumes read-only.
    linux.mount("tmpfs", room, "tmpfs", 0, f"size={limits.disk},nr_inodes={limits.files},mode=755,{ours}")
    handed_in = tree / HANDED_IN.relative_to("/")
    handed_in.mkdir()
    hand_in(handed_in)
    _give(handed_in, owner)
    _system(tree)
    _system(room)
    for name in OWN:
        (room / name).mkdir(parents=True, exist_ok=True)
    for shared_by_all in ("tmp", "var/tmp", "dev/shm"):
        (room / shared_by_all).chmod(0o1777)
    (room / "var/run").symlink_to("/run")
    if plan.programs and Path(plan.programs).is_dir():
        (room / "lab/cache/programs").mkdir()
        linux.bind(plan.programs, room / "lab/cache/programs")
    data = room / DATA.relative_to("/")
    if plan.fill:
        data.mkdir()
        linux.bind(plan.stock, data, writable=True)
    elif plan.stock:
        copy(Path(plan.stock), data)
    _give(room, owner, besides=data)
    for path in _outermost(plan.readable):
        _show(path, tree)
    shared = tree / SHARED.relative_to("/")
    shared.mkdir()
    linux.mount(room / SHARED.relative_to("/"), shared, flags=linux.BIND | linux.REC)
    linux.pivot_root(base)
    return Path("/worker")


def copy(source: Path, target: Path) -> None:
    """Copy a data folder with owners and attributes. Raises OSError."""
    done = subprocess.run(
        ["cp", "--archive", "--no-target-directory", source, target],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise OSError(0, done.stderr.strip()[-300:], str(target))


def python_paths() -> list[str]:
    """Return all that this Python and this package are read from."""
    package = Path(__file__).resolve().parents[2]
    found = [sys.prefix, sys.base_prefix, str(package)]
    found += [path for path in sys.path if path and "site-packages" in path and Path(path).is_dir()]
    # A package that is installed from elsewhere, as ours is by developers, is found by files of names.
    return list(dict.fromkeys(found))


def _system(tree: Path) -> None:
    """The machine's programs and settings, and a /dev of the devices that harm nobody."""
    for name in SYSTEM:
        here = Path("/") / name
        if here.is_symlink():
            (tree / name).symlink_to(here.readlink())
        elif here.is_dir():
            (tree / name).mkdir()
            linux.bind(here, tree / name)
    (tree / "etc").mkdir()
    for name, text in MADE.items():
        (tree / "etc" / name).write_text(text)
    for name in SETTINGS:
        _show(f"/etc/{name}", tree)
    for folder in ("dev/pts", "dev/shm"):
        (tree / folder).mkdir(parents=True)
    for name in DEVICES:
        (tree / "dev" / name).touch()
        linux.mount(f"/dev/{name}", tree / "dev" / name, flags=linux.BIND)
    for name, target in LINKS.items():
        (tree / "dev" / name).symlink_to(target)


def _show(path: str, tree: Path) -> None:
    """A file or folder of the machine's where it is, to be read only. What is not there is left out."""
    source, target = Path(os.path.realpath(path)), tree / Path(path).relative_to("/")
    if any(target == tree / name or tree / name in target.parents for name in SYSTEM) or target.is_symlink():
        return
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
    elif source.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    else:
        return
    linux.bind(source, target)


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths, without those inside of others; a link's target belongs to them too."""
    every = {str(Path(path).absolute()) for path in paths} | {os.path.realpath(path) for path in paths}
    return [path for path in sorted(every) if not any(Path(other) in Path(path).parents for other in every)]


def _give(tree: Path, owner: int, besides: Path | None = None) -> None:
    """Make all of a tree the owner's that is its own, and not shown in it from elsewhere."""
    device = tree.stat().st_dev
    os.chown(tree, owner, owner)
    for folder, names, files in os.walk(tree):
        here = Path(folder)
        own = [name for name in (*names, *files) if (here / name).lstat().st_dev == device]
        for name in own:
            os.lchown(here / name, owner, owner)
        names[:] = [name for name in names if name in own and here / name != besides]
