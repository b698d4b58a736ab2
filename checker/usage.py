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
    """

    cpu: float
    waited: float
    talks: bool


def tree(pid: int, proc: Path = PROC) -> Used | None:
    """What the process and its descendants used; None if nothing can be seen of it.

    Leaves out what was orphaned, as that has another parent.

    >>> tree(os.getpid()).cpu
    0.31
    """
    found = members(pid, proc)
    if not found:
        return None
    waited, talks = 0.0, False
    for member in found:
        waited += _waited(proc / str(member))
        talks = talks or _talks(proc / str(member))
    return Used(sum(found.values()), waited, talks)


def members(pid: int, proc: Path = PROC) -> dict[int, float]:
    """Return each process of the tree with the seconds of processor time it used; empty where nothing is seen."""
    children: dict[int, list[int]] = {}
    cpu: dict[int, float] = {}
    for entry in proc.glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            number = int(entry.name)
            children.setdefault(int(fields[1]), []).append(number)
            cpu[number] = sum(map(int, fields[11:15])) / UNIT  # utime, stime, and those of ended children
    found: dict[int, float] = {}
    wave = [pid] if pid in cpu else []
    while wave:
        found |= {number: cpu[number] for number in wave}
        wave = [child for number in wave for child in children.get(number, ()) if child not in found]
    return found


def _waited(process: Path) -> float:
    """Seconds in which the threads of a process waited for a processor (sched-stats.rst: the second number)."""
    total = 0
    for thread in process.glob("task/[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            total += int((thread / "schedstat").read_text().split()[1])
    return total / 1e9


def _talks(process: Path) -> bool:
    """Whether a process has a socket open; True where that cannot be seen."""
    try:
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
