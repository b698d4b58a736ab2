"""Entries of an archive of any kind, the limits they have to keep, and the error for an archive that is refused."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import IO

import msgspec

UNPACKED_LIMIT = 100 * 1024 * 1024
RATIO_LIMIT = 200
RATIO_FROM = 4 * 1024 * 1024
"""Below so many unpacked bytes a high ratio is a file of zeros, not a bomb."""
PATH_LIMIT = 1000
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CHUNK = 1 << 16
AHEAD, BEHIND = timedelta(hours=14), timedelta(hours=-12)
"""The zones at the two ends of the world (Kiritimati, Baker Island)."""


class ArchiveRefused(Exception):
    """Nothing of this archive is taken. code: of the finding. observed: a sentence about the archive."""

    def __init__(self, code: str, observed: str) -> None:
        super().__init__(observed)
        self.code = code
        self.observed = observed


class ArchiveEntry(msgspec.Struct, frozen=True):
    """One thing in an archive, as it says itself.

    at: when it was changed. zoned: whether that is a moment, or a clock's time in a zone that nothing says. open: its
    bytes; None unless it is a file. note: what was done to read its name, as the end of a sentence; empty if nothing.
    """

    name: str
    kind: str
    size: int
    executable: bool
    at: datetime | None
    link: str
    open: Callable[[], IO[bytes]] | None
    zoned: bool = True
    note: str = ""

    @property
    def earliest(self) -> datetime | None:
        """The first moment that the time may stand for: in the zone that is ahead of all others."""
        return _in_zone(self.at, AHEAD) if self.at and not self.zoned else self.at

    @property
    def latest(self) -> datetime | None:
        """The last moment that the time may stand for: in the zone that is behind all others."""
        return _in_zone(self.at, BEHIND) if self.at and not self.zoned else self.at


def refuse_bomb(size: int, packed: int) -> None:
    """Raise Refused for so many bytes out of so few. packed: the size of the archive."""
    if size > UNPACKED_LIMIT:
        raise ArchiveRefused(
            "archive-too-large",
            f"Unpacked it has more than {UNPACKED_LIMIT // 2**20} MiB, which is the limit.",
        )
    if size > RATIO_FROM and size > RATIO_LIMIT * max(packed, 1):
        raise ArchiveRefused(
            "archive-too-large",
            f"It unpacks to more than {RATIO_LIMIT} times its size, as bombs do and answers do not.",
        )


def moment(seconds: float) -> datetime | None:
    """Seconds since 1970 as a time in UTC; None for what no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def plausible(at: datetime | None) -> datetime | None:
    """Return a time somebody may have worked at: archives made reproducibly say 1970 or 1980."""
    return at if at and at > EARLIEST else None


def _in_zone(at: datetime, offset: timedelta) -> datetime:
    """Return the moment when clocks of a zone show what this machine's show at `at`."""
    return at.astimezone().replace(tzinfo=timezone(offset)).astimezone(UTC)
