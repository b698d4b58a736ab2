"""A class's roster: who there is, and whose a submission is by the names of its folders.

Rosters come from spreadsheets and learning platforms, so headers are known in the spellings of Canvas, Moodle,
Gradescope and GitHub Classroom, with any separator and encoding that those write.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from checker.errors import UsageError
from checker.intake.archive import stem
from checker.model import Person
from checker.report.plain import plain_line

SIZE_LIMIT = 5 * 1024 * 1024
HEADERS = {
    "identifier": (
        "identifier",
        "rosteridentifier",
        "studentidentifier",
        "id",
        "idnumber",
        "studentid",
        "studentnumber",
        "sid",
        "sisuserid",
        "sisid",
        "orgdefinedid",
        "matriculationnumber",
        "matrikelnummer",
        "matrnr",
        "number",
    ),
    "name": ("name", "fullname", "student", "studentname", "displayname", "learner"),
    "first": ("firstname", "givenname", "forename", "first", "vorname"),
    "last": ("lastname", "surname", "familyname", "last", "nachname"),
    "email": ("email", "emailaddress", "mail", "emailadresse", "sisloginemail"),
    "login": (
        "githublogin",
        "githubusername",
        "github",
        "githubuser",
        "githubname",
        "githubid",
        "login",
        "username",
        "user",
        "sisloginid",
        "userid",
    ),
}
"""What a column is called, without case, spaces and signs; where two columns fit, the earlier spelling wins."""
NO_PERSON = re.compile(r"\s*(points possible|student, test|test student)\b", re.IGNORECASE)
"""Rows that Canvas adds to every gradebook."""
MOODLE = re.compile(r"(.+)_(\d+)_assignsubmission_\w*")
CANVAS = re.compile(r"([^_]+)_(?:LATE_)?(\d+)_(\d+)_.+", re.IGNORECASE)


class Roster:
    """The people of a class, in the roster's order."""

    def __init__(self, people: Sequence[Person]) -> None:
        self.people = tuple(people)
        self._keys: dict[str, set[int]] = {}
        for number, person in enumerate(self.people):
            for key in _keys(person):
                self._keys.setdefault(key, set()).add(number)

    def match(self, trail: Iterable[str]) -> Person | None:
        """Whose a submission is by its folder names, outermost first; None if nobody's or two people's."""
        for part in trail:
            for key in _spellings(part):
                if len(found := self._keys.get(key, set())) == 1:
                    return self.people[next(iter(found))]
        return None


def read(path: Path) -> Roster:
    """Read a roster from a CSV file. Raises UsageError for what is none."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise UsageError(f"The roster {path} is larger than any class.", "Name a CSV file.")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read the roster {path}: {error.strerror}.", "Name a CSV file.") from error
    rows = _rows(data, path)
    columns = _columns(rows[0]) if rows else {}
    if not columns.keys() & {"identifier", "name", "last", "email", "login"}:
        seen = ", ".join(plain_line(cell) for cell in rows[0]) if rows else "nothing"
        raise UsageError(
            f"The roster {path} needs a column that says who people are; its first line is: {seen}.",
            "Name the columns identifier, name, email and github login; one of them is enough.",
        )
    people: dict[str, Person] = {}
    for number, row in enumerate(rows[1:], start=2):
        person = _person(row, columns)
        if person is None:
            continue
        if person.identifier in people:
            raise UsageError(
                f"The roster {path} has {plain_line(person.identifier)} twice, the second time in row {number}.",
                "Every person needs an identifier of their own: mend the file, or drop the column.",
            )
        people[person.identifier] = person
    if not people:
        raise UsageError(f"The roster {path} has nobody in it.", "Name a file with one row for each person.")
    return Roster(list(people.values()))


def guess(trail: Sequence[str], siblings: Sequence[str] = ()) -> Person | None:
    """Whose a submission is where there is no roster: what its outermost folder name says.

    siblings: the names beside it where they are repositories of one assignment, `<assignment>-<login>`.
    """
    if not trail:
        return None
    name = stem(trail[0])
    if found := MOODLE.fullmatch(name):
        return Person(identifier=found[2], name=found[1].strip())
    if found := CANVAS.fullmatch(name):
        return Person(identifier=found[2], name=found[1])
    prefix = _assignment(siblings)
    if prefix and name.startswith(prefix):
        login = name[len(prefix) :]
        return Person(identifier=login, login=login)
    return Person(identifier=name) if name else None


def _rows(data: bytes, path: Path) -> list[list[str]]:
    """The cells of a CSV file, without empty rows."""
    text = _text(data)
    if "\0" in text:
        raise UsageError(
            f"The roster {path} is no text.", "Save the table as CSV (UTF-8) and name that file."
        )
    lines = text.splitlines()
    separator = ""
    if lines and (told := re.fullmatch(r'"?sep=(.)"?', lines[0].strip(), re.IGNORECASE)):
        separator = told[1]  # Excel writes this line for itself
        text = "\n".join(lines[1:])
        lines = lines[1:]
    head = next((line for line in lines if line.strip()), "")
    separator = separator or max(",;\t|", key=head.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise UsageError(f"The roster {path} is no CSV file: {error}.", "Save the table as CSV.") from error
    return [row for row in rows if any(cell.strip() for cell in row)]


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")  # Excel in the west of Europe


def _columns(head: Sequence[str]) -> dict[str, int]:
    """What each known column is of -> its place."""
    spelled = ["".join(c for c in cell.casefold() if c.isalnum()) for cell in head]
    columns = {}
    for field, names in HEADERS.items():
        known = [name for name in names if name in spelled]
        if known:
            columns[field] = spelled.index(known[0])
    return columns


def _person(row: Sequence[str], columns: dict[str, int]) -> Person | None:
    def cell(field: str) -> str:
        place = columns.get(field, -1)
        return " ".join(row[place].split()) if 0 <= place < len(row) else ""

    name = cell("name") or f"{cell('first')} {cell('last')}".strip()
    if NO_PERSON.match(name):
        return None
    email, login = cell("email"), cell("login").removeprefix("@")
    identifier = cell("identifier") or login or email or name
    if not identifier:
        return None
    return Person(identifier=identifier, name=name, email=email, login=login, listed=True)


def _keys(person: Person) -> set[str]:
    """How folders may call a person."""
    keys = {person.identifier, person.login, person.email, person.email.partition("@")[0], person.name}
    last, comma, first = person.name.partition(",")
    words = f"{first} {last}".split() if comma else person.name.split()
    if len(words) > 1:
        # "Ada King Lovelace" as Canvas and people write it: with the last name first or last.
        keys |= {" ".join(words), " ".join([words[-1], *words[:-1]]), " ".join([*words[1:], words[0]])}
    return {folded for key in keys if (folded := _folded(key))}


def _spellings(part: str) -> list[str]:
    """What in one folder name may stand for a person, the surest first."""
    name = stem(part)
    found = [name]
    if moodle := MOODLE.fullmatch(name):
        found += [moodle[1], moodle[2]]
    if canvas := CANVAS.fullmatch(name):
        found += [canvas[1], canvas[2]]
    # What follows an assignment's name, as `<assignment>-<login>`, the longest first: a login may have hyphens.
    found += [name[match.end() :] for match in re.finditer(r"[-_ ]+", name)]
    found += [name[: match.start()] for match in reversed(list(re.finditer(r"[-_ ]+", name)))]
    return [folded for text in found if (folded := _folded(text))]


def _folded(text: str) -> str:
    """Without case, accents, spaces and signs."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if c.isalnum())


def _assignment(names: Sequence[str]) -> str:
    """What the names of an assignment's repositories begin with, the last hyphen included; empty if nothing."""
    if len(names) < 2:
        return ""
    low, high = min(names), max(names)
    common = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[: low.rfind("-", 0, common) + 1]
