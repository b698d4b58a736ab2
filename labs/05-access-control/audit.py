"""Reading a record of who did what that somebody wrote as CSV, and comparing it with a registry's events."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import requests

from checker.base.errors import ServiceFault
from checker.base.pace import scaled
from checker.stack.operated import RegistryNotification

COLUMNS = ("at", "actor", "action", "repository", "digest")
LARGEST = 20_000
"""Lines that are read."""
CLOSE = timedelta(seconds=1)
"""Times may be written to the second."""


class NoTrail(Exception):
    """The text is no such record; the message says why, as a sentence."""


class Line(msgspec.Struct, frozen=True):
    """One line. number: in the file, from 1; at: None if it is no time with a zone."""

    number: int
    at: datetime | None
    actor: str
    action: str
    repository: str
    digest: str

    def __str__(self) -> str:
        return f"{self.at} {self.actor} {self.action} {self.repository} {self.digest[:19]}"


def read(text: str) -> list[Line]:
    """Return the lines of a CSV text whose first line names at least `COLUMNS`; blank ones and remarks are
    left out.

    Commas, semicolons and tabs may part the columns. Raises NoTrail.
    """
    text = text.removeprefix("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    mark = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=mark, skipinitialspace=True)
    names: list[str] = []
    lines: list[Line] = []
    try:
        for row in reader:
            fields = [field.strip() for field in row]
            if not any(fields) or fields[0].startswith("#"):
                continue
            if not names:
                names = [field.lower() for field in fields]
                if missing := [name for name in COLUMNS if name not in names]:
                    raise NoTrail(f"Its first line is `{first[:120]}`, without {', '.join(missing)}.")
                continue
            if len(lines) >= LARGEST:
                raise NoTrail(f"It has more than {LARGEST} lines.")
            found = dict(zip(names, fields, strict=False))
            rest = {name: found.get(name, "") for name in COLUMNS[1:]}
            lines.append(Line(number=reader.line_num, at=_moment(found.get("at", "")), **rest))
    except csv.Error as error:
        raise NoTrail(f"Line {reader.line_num} is no CSV: {error}.") from error
    if not names:
        raise NoTrail("It is empty.")
    return lines


def told(line: Line, events: Sequence[RegistryNotification]) -> list[RegistryNotification]:
    """Return the events that a line tells of, oldest first; none if it is made up."""
    return [event for event in events if _same(line, event)]


def listed(event: RegistryNotification, lines: Sequence[Line]) -> bool:
    """Return whether some line tells of an event."""
    return any(_same(line, event) for line in lines)


def status(api: str, account: tuple[str, str]) -> int:
    """Return what a roles server at `api` answers an account that asks it for the record: 200 shows it."""
    with requests.Session() as http:
        http.trust_env = False
        try:
            return http.get(f"http://{api}/events", auth=account, timeout=scaled(10)).status_code
        except requests.RequestException as error:
            raise ServiceFault(f"The server at {api} does not answer ({type(error).__name__}).") from error


def _same(line: Line, event: RegistryNotification) -> bool:
    what = line.actor, line.action, line.repository, line.digest
    if what != (event.actor, event.action, event.repository, event.digest) or line.at is None:
        return False
    return abs(line.at - datetime.fromisoformat(event.at)) < CLOSE


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
