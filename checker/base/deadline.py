"""Time limits that a slow or starved machine extends, and that tell whose fault it is when they are over."""

import time
from collections.abc import Callable
from typing import TypeVar

from checker.base import usage
from checker.base.pace import HERE, IDLE, LEAST_EXTENSION, MOST, SOME, TAKEN, Machine, too_slow
from checker.base.usage import Used

T = TypeVar("T")

POLL = 0.02
NEARLY = 0.95
SLACK = 1.1


class Deadline:
    """A limit of so many seconds on a healthy machine, from now on.

    A slower processor gets more time, a starved machine up to twenty times as much. What a process that is waited for
    used up itself does not extend its limit: an endless loop on an idle machine is over when the limit is.

    >>> deadline = Deadline(5.0)
    >>> while not there() and not deadline.over():
    ...     time.sleep(0.02)
    >>> deadline.require("the registry did not answer")  # raises MachineTooSlow if the machine is to blame
    """

    def __init__(
        self,
        seconds: float,
        process: int = 0,
        machine: Machine = HERE,
        used: Callable[[int], Used | None] = usage.tree,
        quiet: Callable[[int], bool] = usage.quiet,
    ) -> None:
        """process: the one that is waited for; 0 for none, or more than one."""
        self._seconds = seconds
        self._process = process
        self._machine = machine
        self._used = used
        self._quiet = quiet
        self._since = machine.look(closely=bool(process))
        self._end = self._since.at + seconds
        self.why = ""
        """Once it is over: how the machine was starved, empty if it was not."""

    @property
    def elapsed(self) -> float:
        return self._machine.clock() - self._since.at

    @property
    def left(self) -> float:
        """Seconds until `over` can be true."""
        return max(0.0, self._end - self._machine.clock())

    def over(self) -> bool:
        """Return whether the time is over. Measures the machine when the limit is reached, and extends the
        limit by that."""
        return self._machine.clock() >= self._end and not self._extended()

    def require(self, what: str) -> None:
        """Raise MachineTooSlow if the time is over and the machine was starved. what: as in `too_slow`."""
        if self.why:
            raise too_slow(what, self.why)

    def require_now(self, what: str, least: float | None = None) -> None:
        """As `require`, for what has a limit of its own and just failed: it counts if that took the whole limit.

        least: seconds that it has to have taken, the limit if None. A refusal comes sooner, and is nobody's slowness.
        """
        if self.elapsed >= NEARLY * (self._seconds if least is None else least):
            self.why = self._machine.starved(self._since)
            self.require(what)

    def _extended(self) -> bool:
        pace, elapsed = self._machine.measure(), self.elapsed
        limit = self._seconds * pace.processor
        if elapsed < limit:
            self._end = self._since.at + limit
            return True
        used = self._used(self._process) if self._process else None
        if used is not None and _by_itself(used, limit, elapsed, pace.share):
            self.why = ""
            return False
        self.why = self._machine.starved(self._since, used, pace.share)
        if self.why and self._process and self._quiet(self._process):
            self.why = ""
        if not self.why:
            return False
        allowed = self._seconds * min(MOST, max(pace.factor, LEAST_EXTENSION, _slowed(used, elapsed)))
        # Looked at again after each limit, since an endless loop may have used up its time by then.
        self._end = min(self._since.at + allowed, self._machine.clock() + limit)
        if elapsed < allowed:
            return True
        # A machine that is busy now and then has given enough by now.
        self.why = self._machine.starved(self._since, used, pace.share, firmly=True)
        return False


def soon(look: Callable[[], T], within: float, machine: Machine = HERE) -> T:
    """Look again and again until something is there; what was seen last when the seconds are over.

    Raises MachineTooSlow if it was not there in time on a starved machine.
    """
    deadline = Deadline(within, machine=machine)
    while not (seen := look()) and not deadline.over():
        time.sleep(POLL)
    if not seen:
        deadline.require(
            f"what should happen within {within:.0f} s did not happen in {deadline.elapsed:.0f} s"
        )
    return seen


def _slowed(used: Used | None, elapsed: float) -> float:
    """Return how many times longer a process takes than it would without waiting, and a little more; 1 for
    one that sleeps."""
    if used is None or not used.cpu or used.cpu + used.waited < SOME * elapsed:
        return 1.0
    return SLACK * (used.cpu + used.waited) / used.cpu


def _by_itself(used: Used, limit: float, elapsed: float, share: float) -> bool:
    """Return whether a process would have run out of time on an idle machine too.

    It did if it was given its whole limit as processor time; or if it sleeps: for half of its time it used hardly any
    of the processor that it could have had and waited for none, started nothing and is connected to nobody who may be
    slow. share: of a processor that one gets; short programs that have ended do not tell any more what they waited.
    """
    busy = used.cpu > IDLE * min(limit, share * elapsed) or used.waited > TAKEN * elapsed
    idle = not busy and not used.talks and used.youngest > elapsed / 2
    return used.cpu >= NEARLY * limit or idle
