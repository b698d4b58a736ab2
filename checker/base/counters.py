"""What the kernel counts of processors and of waiting for them; None for what it does not count (macOS, old kernels).

Waiting is in /proc/pressure/cpu (Documentation/accounting/psi.rst), use and `steal` in /proc/stat (proc(5)), the limits
of control groups in their files (cgroups(7)).
"""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base import usage


class CounterReading(msgspec.Struct, frozen=True):
    """What the system counted up to a moment, in seconds; None where it does not count that.

    waited: in which a program was ready and had no processor. stolen: that the hypervisor took, of all processors.
    busy: that anybody used of the processors that we may use. held: in which control groups kept their processes from
    running. ours: that we used of processors. closely: whether that is counted for all that is ours.
    """

    at: float
    waited: float | None
    stolen: float | None
    busy: float | None
    held: float | None
    ours: float
    closely: bool = False


class Counters:
    """Reads the counters of this machine, unless a test hands in others' files. cores: 0 for those of this process."""

    def __init__(
        self, proc: Path = usage.PROC, groups: Path = Path("/sys/fs/cgroup"), cores: int = 0
    ) -> None:
        self._proc = proc
        self._groups = groups
        self._cores = cores

    @property
    def cores(self) -> tuple[int, ...]:
        """The processors that we may use, by their numbers."""
        if not self._cores and hasattr(os, "sched_getaffinity"):
            return tuple(sorted(os.sched_getaffinity(0)))
        return tuple(range(self._cores or os.cpu_count() or 1))

    @property
    def alone(self) -> bool:
        """Whether all processes that are seen are ours, as in a room."""
        return self._proc == usage.PROC and os.getpid() == 1

    def look(self, at: float, *, closely: bool = False) -> CounterReading:
        """Read everything: some small files.

        closely: count in `CounterReading.ours` all processes that are ours and not only this one with its ended
        children, which takes some milliseconds. Only readings of one kind can be compared.
        """
        stolen, busy = self._processors()
        return CounterReading(at, self._waited(), stolen, busy, self._held(), self._ours(closely), closely)

    def quota(self) -> float:
        """Return the processors that our control groups may use, at most 1."""
        least = 1.0
        for folder in self._own_groups():
            with suppress(OSError, ValueError, ZeroDivisionError):
                least = min(least, _quota(folder))
        return max(least, 0.01)

    def _waited(self) -> float | None:
        with suppress(OSError, IndexError, ValueError):
            line = (self._proc / "pressure" / "cpu").read_text()
            return int(line.split("total=")[1].split()[0]) / 1e6
        return None

    def _processors(self) -> tuple[float | None, float | None]:
        """`CounterReading.stolen` and `CounterReading.busy`."""
        stolen = busy = None
        with suppress(OSError, IndexError, ValueError):
            ours = {f"cpu{number}" for number in self.cores}
            for line in (self._proc / "stat").read_text("ascii", "replace").splitlines():
                name, *counted = line.split()
                if not name.startswith("cpu"):
                    break
                user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, counted[:8])
                if name == "cpu":
                    stolen = steal / usage.UNIT
                elif name in ours:
                    busy = (busy or 0.0) + (user + nice + system + irq + softirq) / usage.UNIT
        return stolen, busy

    def _held(self) -> float | None:
        """Seconds that our control groups were held back: the sum of all, as one is the limit and the rest have none.

        The kernel adds up over processors, so this is divided by their number.
        """
        found = []
        for folder in self._own_groups():
            with suppress(OSError, ValueError):
                for line in (folder / "cpu.stat").read_text().splitlines():
                    name, _, value = line.partition(" ")
                    if name in ("throttled_usec", "throttled_time"):
                        found.append(int(value) / (1e6 if name == "throttled_usec" else 1e9))
        return sum(found) / len(self.cores) if found else None

    def _own_groups(self) -> list[Path]:
        """Return the folders of the groups we are in, as far as they can be seen, for version 2 and version
        1."""
        try:
            lines = (self._proc / "self" / "cgroup").read_text().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            _, _, rest = line.partition(":")
            names, _, path = rest.partition(":")
            if names and "cpu" not in names.split(","):
                continue
            tops = (self._groups / names, self._groups / "cpu") if names else (self._groups,)
            top = next((top for top in tops if top.is_dir()), None)
            inside = Path(path.lstrip("/"))
            if top is not None and ".." not in inside.parts:
                found += [top / part for part in (inside, *inside.parents) if (top / part).is_dir()]
        return found

    def _ours(self, closely: bool) -> float:
        """Seconds of processor time of this process and, where it is the first of its own space, all others there."""
        if self.alone and closely:
            return sum(member.cpu for member in usage.members(1).values())
        used = os.times()
        return used.user + used.system + used.children_user + used.children_system


def _quota(folder: Path) -> float:
    if (folder / "cpu.max").exists():
        quota, period = (folder / "cpu.max").read_text().split()
    else:
        quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.strip() != "max" and int(quota) > 0 else 1.0
