"""What became of an archive that was unpacked."""

from datetime import datetime

import msgspec

from checker.archives import names

WARNINGS_LIMIT = 50


class EntryTime(msgspec.Struct, frozen=True):
    """When a file of an archive was changed, as it says itself; see `ArchiveEntry`."""

    name: str
    at: datetime
    earliest: datetime
    latest: datetime


class Unpacked(msgspec.Struct, frozen=True):
    """What became of an archive.

    told: what there is to say, with the entry it is about, or none. times: of its files. size: bytes that came out.
    """

    told: tuple[tuple[str, str], ...] = ()
    times: tuple[EntryTime, ...] = ()
    size: int = 0

    def at(self, way: str) -> "Unpacked":
        """Return what of it is about a path of the archive and what lies below."""
        return Unpacked(
            tuple((name, text) for name, text in self.told if not name or names.is_wanted(name, way)),
            tuple(time for time in self.times if names.is_wanted(time.name, way)),
            self.size,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What there is to say; of very much only the beginning."""
        texts = tuple(text for _, text in self.told)
        if more := len(texts[WARNINGS_LIMIT:]):
            return (*texts[:WARNINGS_LIMIT], f"{more} more entries of the archive were left out.")
        return texts

    @property
    def newest(self) -> datetime | None:
        """The latest time of any file; None if there is none to go by."""
        return max((time.at for time in self.times), default=None)

    @property
    def earliest(self) -> datetime | None:
        """The first moment for which `newest` may stand: archives may have local times and no zone."""
        return max((time.earliest for time in self.times), default=None)

    @property
    def latest(self) -> datetime | None:
        """The last moment for which `newest` may stand."""
        return max((time.latest for time in self.times), default=None)
