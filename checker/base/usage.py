"""Processor time and memory of a process and of all it started, as Linux counts them; None where it does not."""

import os
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

PROC = Path("/proc")
UNIT = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
"""Units of a second in which /proc counts."""
ENGINES = ("dockerd", "containerd", "conmon", "podman", "buildkitd")
"""What the names of processes begin with that have containers below them."""
WINDOW = 1.0
STILL = 0.5
"""Share of the time that processes which do nothing run or wait at most: they wake up now and then, and on a busy
machine wait their turn."""
LISTENING, CONNECTED = "0A", "03"
"""States of sockets in /proc/net/tcp and /proc/net/unix (proc(5))."""


class Used(msgspec.Struct, frozen=True):
    """What a tree of processes used so far.

    cpu: seconds of processor time, ended children included. waited: seconds in which those that live were ready to
    run and did not. talks: whether one of them has a connection, so that it may be waiting for somebody's answer.
    youngest: seconds since one was started.
    """

    cpu: float
    waited: float
    talks: bool
    youngest: float = 0.0


def tree(pid: int, proc: Path = PROC, helper: str = "") -> Used | None:
    """Return what the process and its descendants used; None if nothing can be seen of it.

    Leaves out what was orphaned, as that has another parent. helper: a word on the command line of processes of our own
    whose sockets do not count.

    >>> tree(os.getpid()).cpu
    0.31
    """
    found = members(pid, proc)
    if not found:
        return None
    return Used(
        cpu=sum(each.cpu for each in found.values()),
        waited=sum(_scheduled(proc / str(member))[1] for member in found),
        talks=any(_talks(proc / str(member), helper) for member in found),
        youngest=max(0.0, _since_boot(proc) - max(each.started for each in found.values())),
    )


class Member(msgspec.Struct, frozen=True):
    """A process. cpu: seconds of processor time, those of ended children included. started: seconds after the boot.

    runs: whether it runs or is ready to, also where a control group holds it back (state R, proc(5)). collected: page
    faults of the children that have ended, which is more after each that does.
    """

    name: str
    parent: int
    cpu: float
    started: float
    runs: bool = False
    collected: int = 0


def members(pid: int, proc: Path = PROC) -> dict[int, Member]:
    """Return the processes of the tree by their numbers; empty where nothing is seen."""
    return _below([pid], _everything(proc))


def quiet(pid: int, proc: Path = PROC, window: float = WINDOW) -> bool:
    """Return whether nobody who may work for a process wants a processor: the process waits for nothing that
    is slow.

    Looks for a second at its tree and at all engines with their containers; in a room, where everything is ours, at
    everything but this process. What a control group holds back is not counted as waiting until it runs again: it is
    seen to be ready both times. A script may be seen between two of its programs, but they leave a trace in its counts.
    """

    def company() -> dict[int, Member]:
        seen = _everything(proc)
        if proc == PROC and os.getpid() == 1:
            return {number: each for number, each in seen.items() if number != 1}
        engines = [number for number, each in seen.items() if each.name.startswith(ENGINES)]
        return _below([pid, *engines], seen)

    before = company()
    wanted = _wanted(before, proc)
    time.sleep(window)
    after = company()
    if not before or before.keys() != after.keys():
        return False
    held = any(before[number].runs and after[number].runs for number in before)
    worked = any(before[number].collected != after[number].collected for number in _below([pid], before))
    return not held and not worked and _wanted(after, proc) - wanted < STILL * window


def _everything(proc: Path) -> dict[int, Member]:
    """Return all processes that are seen."""
    seen: dict[int, Member] = {}
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            name, _, rest = (entry / "stat").read_text("utf-8", "replace").rpartition(")")
            fields = rest.split()
            cpu = sum(map(int, fields[11:15])) / UNIT  # utime, stime, and those of ended children
            seen[int(entry.name)] = Member(
                name.partition("(")[2],
                int(fields[1]),
                cpu,
                int(fields[19]) / UNIT,
                fields[0] == "R",
                int(fields[8]),
            )
    return seen


def _below(roots: Collection[int], seen: dict[int, Member]) -> dict[int, Member]:
    children: dict[int, list[int]] = {}
    for number, each in seen.items():
        children.setdefault(each.parent, []).append(number)
    found: dict[int, Member] = {}
    wave = [number for number in roots if number in seen]
    while wave:
        found |= {number: seen[number] for number in wave}
        wave = [child for number in wave for child in children.get(number, ()) if child not in found]
    return found


def _since_boot(proc: Path) -> float:
    try:
        return float((proc / "uptime").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return 0.0


def _wanted(pids: Collection[int], proc: Path) -> float:
    return sum(sum(_scheduled(proc / str(pid))) for pid in pids)


def _scheduled(process: Path) -> tuple[float, float]:
    """Seconds in which the threads of a process ran, and in which they waited for a processor (sched-stats.rst)."""
    ran = waited = 0
    for thread in process.glob("task/[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            numbers = (thread / "schedstat").read_text().split()
            ran, waited = ran + int(numbers[0]), waited + int(numbers[1])
    return ran / 1e9, waited / 1e9


def _talks(process: Path, helper: str) -> bool:
    """Return whether a process has a connection open, or another socket than one that listens; True where
    that is not seen."""
    try:
        if helper and helper.encode() in (process / "cmdline").read_bytes().split(b"\0"):
            return False
        names = os.listdir(process / "fd")  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return False
    except OSError:
        return True
    sockets = set()
    for name in names:
        with suppress(OSError):
            target = os.readlink(process / "fd" / name)  # noqa: PTH115 - it is no path
            if target.startswith("socket:["):
                sockets.add(target[len("socket:[") : -1])
    return bool(sockets - _listening(process)) if sockets else False


def _listening(process: Path) -> set[str]:
    """Return the inodes of sockets that wait for clients."""
    found = set()
    for file, state, inode in (("tcp", 3, 9), ("tcp6", 3, 9), ("unix", 5, 6)):
        with suppress(OSError):
            for line in (process / "net" / file).read_text("ascii", "replace").splitlines()[1:]:
                fields = line.split()
                quiet_state = (
                    fields[state : state + 1] == [LISTENING]
                    if file != "unix"
                    else (fields[state : state + 1] != [CONNECTED])
                )
                if quiet_state and len(fields) > inode:
                    found.add(fields[inode])
    return found
