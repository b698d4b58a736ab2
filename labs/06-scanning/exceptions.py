"""The file of exceptions, `.trivyignore.yaml`: what somebody decided to live with, why, and until when."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, NoReturn

import msgspec
import yaml

from checker.check import fail
from checker.inspect import yamltree
from checker.lab.workspace import Workspace

FILE = ".trivyignore.yaml"
SHORTEST = 15
"""Characters of a reason. Less than that gives none."""
LISTS = ("vulnerabilities", "misconfigurations", "secrets", "licenses")


class Exempt(msgspec.Struct, frozen=True):
    """One entry. until: None where it has no expiry."""

    id: str
    reason: str
    until: date | None


def read(workspace: Workspace) -> tuple[Exempt, ...]:
    """Return the entries for vulnerabilities. Fails where there is no such file, or it has another form."""
    text = workspace.read(FILE)
    if text is None:
        fail(
            "exceptions-missing",
            expected=f"There is a file {FILE} in the workspace.",
            observed="There is none.",
            action="Write it. If nothing is accepted any more, it has an empty list.",
        )
    document = parsed(text)
    entries = document.get("vulnerabilities") or []
    others = [name for name in LISTS[1:] if document.get(name)]
    if others:
        fail(
            "exceptions-too-wide",
            expected=f"{FILE} accepts vulnerabilities that have no fix, and nothing else.",
            observed=f"It has entries under {' and '.join(others)} too.",
            action="Take them out: what they hide can be mended.",
        )
    if not isinstance(entries, list) or not all(isinstance(one, dict) and one.get("id") for one in entries):
        _unreadable("Under vulnerabilities there is no list of entries that each have an id.")
    return tuple(
        Exempt(str(one["id"]), " ".join(str(one.get("statement") or "").split()), _day(one.get("expired_at")))
        for one in entries
    )


def parsed(text: str) -> dict[str, Any]:
    """Return the file as YAML. Fails where it is none."""
    try:
        document = yamltree.load(text) or {}
    except yamltree.BadYaml as error:
        _unreadable(f"It is no YAML. Line {error.line}, column {error.column}: {error.problem}.")
    if not isinstance(document, dict):
        _unreadable("It does not begin with the key vulnerabilities.")
    return document


def expired(text: str) -> str:
    """Return the same file with every expiry on a day that is over."""
    document = parsed(text)
    for entry in document.get("vulnerabilities") or ():
        if entry.get("expired_at"):
            entry["expired_at"] = today() - timedelta(days=2)
    return yaml.safe_dump(document)


def accepting(ids: list[str]) -> str:
    """Return a file that accepts these for the moment."""
    until = today() + timedelta(days=2)
    why = "Accepted for a trial of the gate."
    entries = [{"id": one, "statement": why, "expired_at": until} for one in ids]
    return yaml.safe_dump({"vulnerabilities": entries})


def today() -> date:
    return datetime.now(UTC).date()


def _day(value: object) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        _unreadable(f"expired_at is {str(value)[:30]!r}, which is no day such as 2031-12-24.")


def _unreadable(how: str) -> NoReturn:
    fail(
        "exceptions-unreadable",
        expected=f"{FILE} is YAML: under vulnerabilities a list, each entry with id, statement and "
        f"expired_at.",
        observed=how,
        action="Compare it with the one that the lab came with.",
    )
