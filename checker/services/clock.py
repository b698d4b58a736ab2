"""Times as all services write them: RFC 3339, UTC, with microseconds."""

from datetime import UTC, datetime


def now() -> str:
    """Return the present time, like 2026-01-31T12:00:00.000001Z. Such texts sort as the times do."""
    return text(datetime.now(UTC))


def text(moment: datetime) -> str:
    """Write a time that knows its zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def moment(written: str) -> datetime:
    """Read a time. Raises ValueError if it is none, or does not name its zone."""
    read = datetime.fromisoformat(written)
    if read.tzinfo is None:
        raise ValueError(f"{written} names no time zone")
    return read.astimezone(UTC)
