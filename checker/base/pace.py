"""How fast this machine is at the moment. Time limits are scaled by it.

A limit was chosen on a healthy machine. On a slow one more time is given, and what ran out of time while the
machine was starved is the machine's fault: `MachineTooSlow`, an error, never a learner's fail.

Linux counts how long programs waited for a processor, what a hypervisor took, and how long a control group was held
back (`checker.base.counters`). Where it does not (macOS, old kernels), a short calculation of our own tells how much
of a processor one gets.
"""

import functools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.counters import CounterReading, Counters
from checker.base.errors import MachineTooSlow
from checker.base.usage import Used

ROUNDS = 200_000
REFERENCE = 0.0085
"""Seconds of processor time that one burst takes on the machine on which limits were chosen."""
BURSTS = 2
MOST = 20.0
"""By which limits are scaled at most."""
NOISE = 1.5
"""Below this, a machine is not called slow: measurements of one machine differ by a third."""
LEAST_EXTENSION = 2.0
"""Times a limit that a starved machine is given at least."""
SOME, MUCH = 0.25, 0.5
"""Share of the time in which programs waited for a processor: enough with other evidence, and enough by itself."""
ALMOST_ALL = 0.85
"""The same where the limit was extended already, and a calculation of our own is not slow."""
TAKEN = 0.1
"""Share of the time that a hypervisor or a control group may take before a machine counts as starved."""
SHORTEST = 1.0
"""Seconds below which nothing is said about a machine: a moment is always busy or idle by accident."""
OURS = 0.75
"""Share of all processor time above which the pressure is of our own making."""
IDLE = 0.1
"""Share of its limit that an answer which only waits for input or sleeps uses of a processor at most."""


class Pace(msgspec.Struct, frozen=True):
    """How fast the machine is. slowness: times a burst takes longer than on the reference. share: of one processor
    that whoever wants one gets."""

    slowness: float = 1.0
    share: float = 1.0

    @property
    def factor(self) -> float:
        """By what to scale a time limit: from 1 to `MOST`.

        >>> Pace(slowness=1.0, share=0.1).factor
        10.0
        """
        asked = self.slowness / max(self.share, 0.001)
        return 1.0 if asked < NOISE else min(asked, MOST)

    @property
    def processor(self) -> float:
        """The part of `factor` that is there on an idle machine too."""
        return 1.0 if self.slowness < NOISE else min(self.slowness, MOST)


Burst = Callable[[], tuple[float, float]]
"""Does a fixed piece of work; the processor time and the time that it took, in seconds."""


def burst() -> tuple[float, float]:
    """Calculate something for about 8 ms.

    The second number is processor time plus waiting for a processor, where the kernel tells it apart from waiting
    for other threads of this process; else it is what a clock shows.
    """
    waited, began, used = _thread_waited(), time.perf_counter(), time.thread_time()
    total = 0
    for number in range(ROUNDS):
        total += number * number & 7
    cpu = time.thread_time() - used
    ended = _thread_waited()
    if waited is not None and ended is not None:
        return cpu, cpu + ended - waited
    return cpu, max(cpu, time.perf_counter() - began)


def _thread_waited() -> float | None:
    with suppress(OSError, IndexError, ValueError):
        ran, waited = Path("/proc/thread-self/schedstat").read_text().split()[:2]
        return int(waited) / 1e9 if int(ran) else None  # zeros: the kernel was built without
    return None


class Machine:
    """A machine to be measured: this one, unless a test hands in others' files, clock and burst."""

    def __init__(
        self,
        counters: Counters | None = None,
        clock: Callable[[], float] = time.monotonic,
        work: Burst = burst,
    ) -> None:
        self._counters = counters or Counters()
        self.clock = clock
        self._work = work

    def measure(self) -> Pace:
        """Measure now; takes about 20 ms of processor time."""
        done = [self._work() for _ in range(BURSTS)]
        cpu, wall = sum(each[0] for each in done), sum(each[1] for each in done)
        fastest = min(each[0] for each in done)
        share = min(1.0, cpu / wall if wall else 1.0, self._counters.quota())
        return Pace(max(1.0, fastest / REFERENCE), share)

    def look(self, *, closely: bool = False) -> CounterReading:
        """Read the system's counters now; see `Counters.look`."""
        return self._counters.look(self.clock(), closely=closely)

    def starved(
        self,
        since: CounterReading,
        used: Used | None = None,
        share: float | None = None,
        *,
        firmly: bool = False,
    ) -> str:
        """Return whether the machine was starved since then: why, as the end of a sentence for people; empty
        if not.

        used: by what we started then and still lives. share: of a processor that one gets now; measured if not given.
        firmly: whether less counts as starved, since more time was given already.

        >>> machine.starved(before)
        'programs waited for a processor in 97 % of 60 s, and a short calculation got 11 % of one'
        """
        now = self.look(closely=since.closely)
        seconds = now.at - since.at
        if seconds < SHORTEST:
            return ""
        got = self.measure().share if share is None else share
        cores = len(self._counters.cores)
        held, stolen = _share(since.held, now.held, seconds), _share(since.stolen, now.stolen, seconds)
        waited = _share(since.waited, now.waited, seconds)
        if used is not None:
            waited = max(waited or 0.0, min(1.0, used.waited / seconds))
        more = 0.0 if used is None or (self._counters.alone and since.closely) else used.cpu
        ours = (now.ours - since.ours + more) / (seconds * cores)
        busy = 1.0 if now.busy is None or since.busy is None else (now.busy - since.busy) / (seconds * cores)
        slow = got <= 1 / NOISE
        why = []
        if held is not None and held >= TAKEN:
            why.append(f"a limit on its processors held it back for {held:.0%}")
        if stolen is not None and stolen / cores >= TAKEN:
            why.append(f"other systems on the same hardware took {stolen / cores:.0%}")
        pressed = waited is not None and (
            waited >= (ALMOST_ALL if firmly else MUCH) or (waited >= SOME and slow)
        )
        # Programs that we started can wait for each other on one processor, or in a container with a limit of its own.
        pressed = pressed and (slow or busy - ours >= TAKEN)
        if ours < OURS and (pressed or (waited is None and slow)):
            why.append("programs waited for a processor" + ("" if waited is None else f" in {waited:.0%}"))
        if not why:
            return ""
        told = " and ".join(why).replace("%", " %")
        return f"{told} of {seconds:.0f} s, and a short calculation got {got * 100:.0f} % of one"


def _share(before: float | None, after: float | None, seconds: float) -> float | None:
    return None if before is None or after is None else min(1.0, max(0.0, after - before) / seconds)


HERE = Machine()


def usual() -> Pace:
    """Return the pace of this machine, measured once by each process."""
    return _measured(os.getpid())


@functools.lru_cache(maxsize=1)
def _measured(_process: int) -> Pace:  # a fork is a run of its own
    return HERE.measure()


def scaled(seconds: float) -> float:
    """Return a time limit as it is on this machine, for what takes a number and cannot be extended later."""
    return seconds * usual().factor


def too_slow(what: str, why: str = "") -> MachineTooSlow:
    """Return the error for something that ran out of time. what: a sentence without its full stop.

    >>> raise too_slow("act took longer than 30 s to read a workflow")
    """
    return MachineTooSlow(
        f"The machine was too slow: {what}{f'; {why}' if why else ''}.",
        "Close other programs or use a faster machine, and try again.",
    )
