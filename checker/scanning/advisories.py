"""The lab's own advisories, read from `advisories.toml` and checked."""

import re
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import msgspec

from checker.base.errors import BrokenLab

FILE = Path(__file__).parent / "advisories.toml"

LANGUAGES = ("PyPI", "npm")
DISTRIBUTION = re.compile(r"Debian \d+|Alpine \d+\.\d+")
STATES = ("affected", "will not fix", "end of life")
RATINGS = ((9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.0, "LOW"))
"""The least score of each: CVSS v3.1 Specification, table 14."""
VECTOR = re.compile(r"CVSS:3\.[01]/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]/C:[HLN]/I:[HLN]/A:[HLN]")
RANGE = re.compile(r"(?:(?:<=?|>=?|=)\S+)(?:, (?:<=?|>=?|=)\S+)*")


class Affected(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a weakness is: `PyPI`, `npm`, or a release such as `Debian 12`. See the file for the fields."""

    ecosystem: str = msgspec.field(name="in")
    package: str
    ranges: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    state: str = ""


class Advisory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row. text: what the weakness is, in a sentence or two. cvss: a vector of base metrics, and
    score what follows from it, 0.1 to 10.0. rated_by: `ghsa` or `nvd`."""

    id: str
    title: str
    text: str
    weakness: tuple[str, ...]
    cvss: str
    score: float
    rated_by: str
    published: date
    link: str
    affects: tuple[Affected, ...]

    @property
    def severity(self) -> str:
        """LOW, MEDIUM, HIGH or CRITICAL, by the score."""
        return next(word for least, word in RATINGS if self.score >= least)


class Advisories(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. as_of: the day on which its facts held. notice: stands wherever a count is shown."""

    name: str
    as_of: date
    notice: str
    advisory: tuple[Advisory, ...]

    def of(self, key: str) -> Advisory | None:
        return next((row for row in self.advisory if row.id == key), None)


def read(file: Path = FILE) -> Advisories:
    """Read and check the file. Raises BrokenLab naming the row that is wrong."""
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8-sig")), Advisories)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BrokenLab(f"{file}: {error}", "This is for the lab's author to mend.") from error
    seen: set[str] = set()
    for row in found.advisory:
        if problem := next((why for wrong, why in PROBLEMS if wrong(row)), ""):
            raise BrokenLab(f"{file}: {row.id}: {problem}", "This is for the lab's author to mend.")
        if row.id in seen:
            raise BrokenLab(f"{file}: {row.id} is there twice.", "This is for the lab's author to mend.")
        seen.add(row.id)
    return found


def _bad_place(place: Affected) -> bool:
    if place.ecosystem in LANGUAGES:
        ranges = bool(place.ranges) and all(RANGE.fullmatch(text) for text in place.ranges)
        return not ranges or not place.fixed or bool(place.state)
    if not DISTRIBUTION.fullmatch(place.ecosystem):
        return True
    one = len(place.fixed) == 1 if not place.state else not place.fixed and place.state in STATES
    return not one or bool(place.ranges)


PROBLEMS: tuple[tuple[Callable[[Advisory], bool], str], ...] = (
    (lambda row: not re.fullmatch(r"CVE-\d{4}-\d{4,}", row.id), "the id is no CVE's."),
    (lambda row: not (row.title.strip() and row.text.strip()), "it needs a title and a text."),
    (
        lambda row: not row.weakness or any(not re.fullmatch(r"CWE-\d+", name) for name in row.weakness),
        "it needs weaknesses like CWE-20.",
    ),
    (lambda row: not VECTOR.fullmatch(row.cvss), "its cvss is no CVSS 3 vector of base metrics."),
    (lambda row: not 0 < row.score <= 10, "its score has to be above 0 and no more than 10."),
    (lambda row: row.rated_by not in ("ghsa", "nvd"), "rated_by is ghsa or nvd."),
    (
        lambda row: not row.link.startswith("https://") or row.id not in row.link,
        "its link does not lead to it.",
    ),
    (lambda row: row.id[4:8] > str(row.published.year), "it was published before its number was given."),
    (
        lambda row: not row.affects or any(_bad_place(place) for place in row.affects),
        "`affects` needs ranges and fixed versions (PyPI, npm), or one fixed version or a state (the others).",
    ),
)
