"""What a process and all it started used of the machine, as Linux counts it; None where the system does not say."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

PROC = Path("/proc")
UNIT = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
"""Units of a second in which /proc counts."""


class Used(msgspec.Struct, frozen=True):
    """What a tree of processes used so far.

    cpu: seconds of processor time, ended children included. waited: seconds in which those that live were ready to
    run and did not. talks: whether one of them has a socket open, so that it may be waiting for somebody's answer.
    youngest: seconds since one was started.
    """

    cpu: float
    waited: float
    talks: bool
    youngest: float = 0.0


def tree(pid: int, proc: Path = PROC, helper: str = "") -> Used | None:
    """What the process and its descendants used; None if nothing can be seen of it.

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
        waited=sum(_waited(proc / str(member)) for member in found),
        talks=any(_talks(proc / str(member), helper) for member in found),
        youngest=max(0.0, _since_boot(proc) - max(each.started for each in found.values())),
    )


class Member(msgspec.Struct, frozen=True):
    """A process. cpu: seconds of processor time, those of ended children included. started: seconds after the boot."""

    cpu: float
    started: float


def members(pid: int, proc: Path = PROC) -> dict[int, Member]:
    """Return the processes of the tree by their numbers; empty where nothing is seen."""
    children: dict[int, list[int]] = {}
    seen: dict[int, Member] = {}
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            number = int(entry.name)
            children.setdefault(int(fields[1]), []).append(number)
            # utime, stime, and those of ended children; starttime
            seen[number] = Member(sum(map(int, fields[11:15])) / UNIT, int(fields[19]) / UNIT)
    found: dict[int, Member] = {}
    wave = [pid] if pid in seen else []
    while wave:
        found |= {number: seen[number] for number in wave}
        wave = [child for number in wave for child in children.get(number, ()) if child not in found]
    return found


def _since_boot(proc: Path) -> float:
    try:
        return float((proc / "uptime").read_text().split()[0])
    except (OSError, IndexError, ValueError):
        return 0.0


def _waited(process: Path) -> float:
    """Seconds in which the threads of a process waited for a processor (sched-stats.rst: the second number)."""
    total = 0
    for thread in process.glob("task/[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


def _talks(process: Path, helper: str) -> bool:
    """Whether a process has a socket open; True where that cannot be seen."""
    try:
        if helper and helper.encode() in (process / "cmdline").read_bytes().split(b"\0"):
            return False
        names = os.listdir(process / "fd")  # noqa: PTH208 - names are enough
    except FileNotFoundError:
        return False
    except OSError:
        return True
    for name in names:
        with suppress(OSError):
            if os.readlink(process / "fd" / name).startswith("socket:"):  # noqa: PTH115 - it is no path
                return True
    return False
