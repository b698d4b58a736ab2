"""The limits of a room, as control groups (cgroups(7), version 1 or 2)."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec

PREFIX = "registry-lab-"
V1 = ("cpu", "cpuacct", "memory", "pids", "devices", "freezer", "blkio", "cpuset")
"""Hierarchies that an engine wants to see; those with a limit of ours are cpu, memory and pids."""
USUAL = "/sys/fs/cgroup"


class RoomLimits(msgspec.Struct, frozen=True):
    """disk counts as memory too, where it is one: see `roots`. seconds: of the whole replay."""

    memory: int = 2048 * 1024**2
    disk: int = 1024 * 1024**2
    processes: int = 1024
    files: int = 200_000
    seconds: float = 900.0


def shares(jobs: int) -> list[tuple[int, ...]]:
    """Return the cores of the machine for each of so many rooms side by side; nothing if they cannot be
    shared out evenly.

    A room on cores of its own gets by with less of them: with two on two cores, a tenth.
    """
    if not hasattr(os, "sched_getaffinity"):
        return []
    cores = sorted(os.sched_getaffinity(0))
    return [] if len(cores) % jobs else [tuple(cores[place::jobs]) for place in range(jobs)]


class Group(msgspec.Struct, frozen=True):
    """The control groups of one room. folders: hierarchy -> folder; the name is empty for version 2."""

    folders: dict[str, str]

    def handles(self) -> list[int]:
        """Open files: whoever writes `0` to each of them has joined. They work where the folders are not seen."""
        found = []
        for folder in self.folders.values():
            inner = Path(folder) / "init" / "cgroup.procs"
            found.append(os.open(inner if inner.exists() else Path(folder) / "cgroup.procs", os.O_WRONLY))
        return found

    def ended_for_memory(self) -> bool:
        """Return whether the kernel has ended a process of the room because its memory was used up."""
        for folder in self.folders.values():
            for name in ("memory.events", "memory.oom_control"):
                with suppress(OSError):
                    words = (Path(folder) / name).read_text(encoding="utf-8").split()
                    counts = dict(zip(words[::2], words[1::2], strict=False))
                    if int(counts.get("oom_kill", "0")):
                        return True
        return False

    def remove(self, within: float = 5.0) -> None:
        """Remove them, and those that an engine made inside. Whatever ran in them has been ended."""
        deadline = time.monotonic() + within
        for folder in map(Path, self.folders.values()):
            while folder.is_dir() and time.monotonic() < deadline:
                for path, _, _ in os.walk(folder, topdown=False):
                    with suppress(OSError):
                        Path(path).rmdir()
                if folder.is_dir():
                    time.sleep(0.01)


def join(handles: list[int]) -> None:
    """Move this process into the groups."""
    for handle in handles:
        os.write(handle, b"0")


def make(name: str, limits: RoomLimits, owner: int) -> tuple[Group, list[str]]:
    """Make the groups of a room; what could not be limited, as halves of sentences.

    owner: the user that may make groups inside of them, but not change the limits.
    """
    folders: dict[str, str] = {}
    missing: list[str] = []
    for hierarchy, parent in _parents().items():
        folder = parent / f"{PREFIX}{name}"
        try:
            folder.mkdir()
        except OSError:
            continue
        folders[hierarchy] = str(folder)
        if hierarchy == "cpuset":
            for file in ("cpuset.cpus", "cpuset.mems"):
                with suppress(OSError):
                    (folder / file).write_text((parent / file).read_text())
        for path in (folder, *folder.glob("cgroup.procs"), *folder.glob("tasks"), *folder.glob("cgroup.threads"),
                     *folder.glob("cgroup.subtree_control")):  # fmt: skip
            os.chown(path, owner, owner)
        if not hierarchy:
            inner = folder / "init"  # a group of version 2 has processes or groups inside, not both
            inner.mkdir()
            for path in (inner, inner / "cgroup.procs"):
                os.chown(path, owner, owner)
            with suppress(OSError):
                (folder / "cgroup.subtree_control").write_text("+cpu +memory +pids")
    wanted = {
        "its memory": (("memory", "memory.limit_in_bytes"), ("", "memory.max"), limits.memory),
        "its number of processes": (("pids", "pids.max"), ("", "pids.max"), limits.processes),
    }
    for what, (*places, value) in wanted.items():
        if not any(_limited(folders, *place, value) for place in places):
            missing.append(f"{what} is not limited")
    _limited(folders, "memory", "memory.memsw.limit_in_bytes", limits.memory)
    _limited(folders, "", "memory.swap.max", 0)
    _limited(folders, "cpu", "cpu.shares", 512)  # half of what other programs of the machine get
    _limited(folders, "", "cpu.weight", 50)
    return Group(folders), missing


def sweep(is_gone: Callable[[str], bool]) -> None:
    """Remove the groups of rooms that are gone, by their names."""
    for parent in _parents().values():
        for folder in parent.glob(f"{PREFIX}*"):
            if is_gone(folder.name.removeprefix(PREFIX)):
                Group({"": str(folder)}).remove(within=0.5)


def _limited(folders: dict[str, str], hierarchy: str, file: str, value: int) -> bool:
    if hierarchy not in folders:
        return False
    try:
        (Path(folders[hierarchy]) / file).write_text(str(value))
    except OSError:
        return False
    return True


@cache
def unified() -> bool:
    """Return whether control groups are of version 2 here, told as Docker tells it: by what is mounted at
    their usual place.

    `make` asks first, where that is the machine's; what is forked from there on remembers it.
    """
    kinds = [kind for place, kind, _, _ in _mounted() if place == USUAL]
    return bool(kinds) and kinds[-1] == "cgroup2"


def _parents() -> dict[str, Path]:
    """Return where groups of ours go, by hierarchy."""
    if unified():
        return {"": Path(USUAL)}
    found: dict[str, Path] = {}
    own: dict[str, str] = {}
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        own |= dict.fromkeys(names.split(","), path)
    for place, kind, root, options in _mounted():
        if kind == "cgroup":
            for name in set(options.split(",")) & set(V1):
                inside = Path(place) / own.get(name, "/").lstrip("/") if root == "/" else Path(place)
                found[name] = inside if inside.is_dir() else Path(place)
    return found


def _mounted() -> Iterator[tuple[str, str, str, str]]:
    """Yield what is mounted where: place, kind, the part that is shown, options."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        root, place = before.split()[3:5]
        kind, _, options = after.split(" ", 2)
        yield place, kind, root, options
