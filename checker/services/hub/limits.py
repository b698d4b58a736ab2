"""How many manifests somebody may fetch in a window of time (Docker Hub, "Usage and limits").

Anonymous clients are counted by address, others by account. A fetch that is refused gives its place back.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from checker.services.settings import Limits
from checker.services.store import ServiceStore


@dataclass(frozen=True)
class Left:
    """limit, remaining: fetches; window: seconds; source: who is counted; granted: this one is within the
    limit.
    """

    limit: int
    remaining: int
    window: int
    source: str
    granted: bool

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return them as Docker Hub's headers."""
        return [
            (b"ratelimit-limit", f"{self.limit};w={self.window}".encode()),
            (b"ratelimit-remaining", f"{self.remaining};w={self.window}".encode()),
            (b"docker-ratelimit-source", self.source.encode()),
        ]


class PullLimits:
    """Counts; the counts outlive the process, so that a restart is no way round them."""

    def __init__(self, store: ServiceStore, limits: Limits, clock: Callable[[], float] = time.time) -> None:
        self._store, self._limits, self._clock = store, limits, clock

    def look(self, account: str, address: str) -> Left:
        """Return what is left, without counting."""
        source, limit = self._who(account, address)
        return self._left(source, limit, self._used(source), True)

    def take(self, account: str, address: str) -> Left:
        """Count a fetch, unless nothing is left."""
        source, limit = self._who(account, address)
        used = self._used(source)
        if used >= limit:
            return self._left(source, limit, used, False)
        started = self._clock()
        if used == 0:
            self._store.write("INSERT OR REPLACE INTO pulls VALUES (?, ?, 1)", source, started)
        else:
            self._store.write("UPDATE pulls SET used = used + 1 WHERE source = ?", source)
        return self._left(source, limit, used + 1, True)

    def give_back(self, account: str, address: str) -> Left:
        """Take back what `take` counted."""
        source, limit = self._who(account, address)
        self._store.write("UPDATE pulls SET used = used - 1 WHERE source = ? AND used > 0", source)
        return self._left(source, limit, self._used(source), True)

    def _who(self, account: str, address: str) -> tuple[str, int]:
        if not account:
            return address, self._limits.anonymous
        row = self._store.row("SELECT uuid FROM accounts WHERE username = ?", account)
        return (row["uuid"] if row else account), self._limits.authenticated

    def _used(self, source: str) -> int:
        row = self._store.row("SELECT started, used FROM pulls WHERE source = ?", source)
        if row is None or not row["started"] <= self._clock() < row["started"] + self._limits.window:
            return 0
        return int(row["used"])

    def _left(self, source: str, limit: int, used: int, granted: bool) -> Left:
        return Left(limit, max(0, limit - used), self._limits.window, source, granted)
