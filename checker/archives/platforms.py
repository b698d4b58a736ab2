"""File names that learning platforms give to the submissions an instructor downloads.

A platform's name says whose something is in a fixed place. What the learner called their own file follows it and is
never read as a name of a person.
"""

import os
import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from checker.archives.words import tokens

Kind = Literal["moodle", "canvas", "blackboard", "brightspace", "gradescope"]

MOODLE = re.compile(r"([^_]+)_(\d+)_assignsubmission_([a-z]+)(?:_(.*))?", re.DOTALL)
"""`Ada Lovelace_4711_assignsubmission_file_`, a folder or with the file's own name behind it."""
CANVAS = re.compile(r"([^_\s]+)_(?:LATE_)?(\d+)_(\d{3,})_(.+)", re.DOTALL | re.IGNORECASE)
"""`lovelaceada_LATE_1815_5554_lab.zip`: the sortable name, the user's and the file's number."""
CANVAS_BEGINNING = re.compile(r"([^_\s]+)_(?:LATE_)?(\d+)_", re.IGNORECASE)
"""What the names of one person's files have in common."""
BLACKBOARD = re.compile(r"(.+)_attempt_(\d{4}(?:-\d\d){5})(?:_(.*)|\.txt)?", re.DOTALL)
"""`Lab 1_ada01_attempt_2026-01-31-23-59-59_lab.zip`: assignment, user, time."""
BRIGHTSPACE = re.compile(r"(\d+)-(\d+) - (.+?) - (.*?\d{4}.*?)(?: - (.+))?", re.DOTALL)
"""`12345-67890 - Ada Lovelace - Jan 31, 2026 1159 PM`: the user's and the folder's number, the name, the time."""
USER = "\0"
"""Stands in a name by Blackboard before what is of the user for certain; no file's name can hold it."""
GRADESCOPE = re.compile(r"submission_(\d+)")


class Named(msgspec.Struct, frozen=True):
    """What a platform's name says.

    name: of the person; squeezed together by Canvas. number: the platform's own. logins: what the login may be,
    the likeliest first (Blackboard's assignments and logins may both hold underscores). file: what the learner
    called it. part: what Moodle calls the kind of submission.
    """

    kind: Kind
    name: str = ""
    number: str = ""
    logins: tuple[str, ...] = ()
    file: str = ""
    part: str = ""

    @property
    def who(self) -> tuple[str, ...]:
        """What tells two people apart in one download."""
        return (self.kind, self.number, *(self.logins[-1:] or tokens(self.name)))


def named(text: str) -> Named | None:
    """Return what a folder's or file's name says, if a platform made it. An archive's suffix may be there or
    not."""
    if found := MOODLE.fullmatch(text):
        return Named("moodle", found[1].strip(), found[2], file=found[4] or "", part=found[3])
    if found := BRIGHTSPACE.fullmatch(text):
        return Named("brightspace", found[3].strip(), found[1], file=found[5] or "")
    if found := BLACKBOARD.fullmatch(text):
        assignment, _, user = found[1].rpartition(USER)
        logins = tuple(
            login for login in _ends(assignment + user) if not assignment or len(login) >= len(user)
        )
        return Named("blackboard", logins=logins, file=found[3] or "")
    if found := CANVAS.fullmatch(text):
        return Named("canvas", found[1], found[2], file=found[4])
    if found := CANVAS_BEGINNING.fullmatch(text):
        return Named("canvas", found[1], found[2])
    if found := GRADESCOPE.fullmatch(text):
        return Named("gradescope", number=found[1])
    return None


def with_user(part: str, beside: Iterable[str]) -> str:
    """Return a name by Blackboard with a mark where the user begins at the latest, told by names of the same
    assignment.

    `Lab 1_a_smith_attempt_…` alone may be of smith; beside `Lab 1_b_smith_attempt_…` it is of a_smith.
    """
    heads = {found[1] for name in beside if (found := BLACKBOARD.fullmatch(name))}
    same = os.path.commonprefix(sorted(heads))  # noqa: RUF071 - letter by letter is wanted
    assignment = same[: same.rfind("_") + 1]
    if len(heads) < 2 or not assignment or not part.startswith(assignment):
        return part
    return f"{assignment}{USER}{part[len(assignment) :]}"


def is_receipt(text: str) -> bool:
    """Return whether a file is what Blackboard writes beside somebody's files: name, time and comment."""
    found = named(text)
    return bool(found and found.kind == "blackboard" and not found.file and text.endswith(".txt"))


def _ends(head: str) -> tuple[str, ...]:
    """Return what follows each underscore, the longest first; all of it if there is none."""
    starts = [match.end() for match in re.finditer("_", head) if match.end() < len(head)]
    return tuple(head[start:] for start in starts) or (head,)
