"""A class's roster: who there is. Whose a submission is, is told by `owners`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from checker.base.errors import UsageError
from checker.base.plain import plain_line
from checker.base.results import Person
from checker.grading.intake import sheet
from checker.grading.intake.columns import columns
from checker.grading.intake.guessing import guess
from checker.grading.intake.owners import OwnerKeys

__all__ = ["Roster", "guess", "read"]

NO_PERSON = re.compile(r"\s*(points possible|student, test|test student)\b", re.IGNORECASE)
"""Rows that Canvas adds to every gradebook."""


class Roster:
    """The people of a class, in the roster's order."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        self._keys = OwnerKeys(self.people)

    def match(self, trail: Sequence[str], known: frozenset[str] = frozenset()) -> Person | None:
        """Return whose a submission is by its folder names, outermost first; None if nobody's or two
        people's.

        known: words in those names that are about the work, such as the lab's name.
        """
        return self._keys.match(tuple(trail), known)

    def find(self, key: str) -> Person | None:
        """Return the person of whom a text is the identifier, login, mail address or full name."""
        return self._keys.find(key)


def read(path: Path) -> Roster:
    """Read a roster from a CSV file. Raises UsageError for what is none, and for a row that says nobody."""
    rows = sheet.read(path)
    head = rows[0].cells if rows else ()
    places = columns(head)
    if not places.keys() & {"identifier", "name", "last", "email", "login"}:
        seen = ", ".join(plain_line(cell) for cell in head) if rows else "nothing"
        raise UsageError(
            f"The roster {path} needs a column that says who people are; its first line is: {seen}.",
            "Name the columns identifier, name, email and github login; one of them is enough.",
        )
    people: dict[str, Person] = {}
    for row in rows[1:]:
        if any(cell.strip() for cell in row.cells[len(head) :]):
            raise UsageError(
                f"The roster {path} has more cells in row {row.line} than in its first line: "
                f"{plain_line(', '.join(row.cells))[:80]}",
                'Put a cell that holds the separator in quotes, like "Lovelace, Ada".',
            )
        if _is_of_the_platform(row.cells):
            continue
        person = _person(row.cells, places)
        if person is None:
            raise UsageError(
                f"The roster {path} does not say who row {row.line} is: {plain_line(', '.join(row.cells))[:80]}",
                "Fill in one of the columns that say who people are, or take the row out.",
            )
        if person.identifier in people:
            raise UsageError(
                f"The roster {path} has {plain_line(person.identifier)} twice, the second time in row {row.line}.",
                "Every person needs an identifier of their own: mend the file, or drop the column.",
            )
        people[person.identifier] = person
    if not people:
        raise UsageError(f"The roster {path} has nobody in it.", "Name a file with one row for each person.")
    return Roster(list(people.values()))


def _is_of_the_platform(row: Sequence[str]) -> bool:
    return any(NO_PERSON.match(cell) for cell in row[:3])


def _person(row: Sequence[str], places: Mapping[str, int]) -> Person | None:
    def cell(field: str) -> str:
        place = places.get(field, -1)
        return " ".join(row[place].split()) if 0 <= place < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    # Brightspace writes #0004711 and #ada, so that spreadsheets keep the zeros.
    email, login = cell("email"), cell("login").lstrip("@#")
    identifier = cell("identifier").lstrip("#") or login or email or name
    if not identifier:
        return None
    return Person(identifier=identifier, name=name, email=email, login=login, listed=True)
