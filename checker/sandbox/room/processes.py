"""Processes in this namespace, read from /proc (proc(5))."""

from contextlib import suppress
from pathlib import Path


def parents() -> dict[int, int]:
    """Parent of every process that is seen here."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def held() -> list[str]:
    """Names of the processes that have been stopped by a signal (proc(5), the state T)."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            before, _, after = entry.read_text().rpartition(")")
            if after.split()[0] == "T":
                found.add(before.partition("(")[2])
    return sorted(found)


def children(parent: int, program: str) -> list[int]:
    """Return the child processes of a process that run the machine's program of that name."""
    found = []
    for pid, above in parents().items():
        with suppress(OSError):
            if above == parent and Path(f"/proc/{pid}/exe").readlink().name == program:
                found.append(pid)
    return found


def descendants(roots: list[int]) -> set[int]:
    """Return the processes and all that they started, as far as it is not orphaned."""
    above = parents()
    found: set[int] = set()
    wave = set(roots)
    while wave:
        found |= wave
        wave = {pid for pid, parent in above.items() if parent in wave} - found
    return found
