"""Gradescope's own list of who handed in what: `submission_metadata.yml`, beside a folder for each submission.

It is read line by line in the one form that Gradescope writes, not as YAML: a stranger's archive may have such a file,
and merge keys of YAML can take any time.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec

LIST = "submission_metadata.yml"
SIZE_LIMIT = 50 * 1024 * 1024
SUBMISSION = re.compile(r"([\w-]+):\s*")
PERSON = re.compile(r" *(- +)?:(name|sid|email):(?: (.*))?")


class Submitter(msgspec.Struct, frozen=True):
    """One of those who handed a submission in."""

    name: str = ""
    sid: str = ""
    email: str = ""


def submitters(path: Path) -> Mapping[str, tuple[Submitter, ...]]:
    """Return the name of each submission's folder -> who handed it in; nothing if the file is none of
    Gradescope's."""
    try:
        if path.is_symlink() or path.stat().st_size > SIZE_LIMIT:
            return {}
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return {}
    found: dict[str, list[dict[str, str]]] = {}
    people: list[dict[str, str]] = []
    listing = False
    for line in lines:
        if begun := SUBMISSION.fullmatch(line):
            people = found.setdefault(begun[1], [])
            listing = False
        elif line.startswith("  :"):
            listing = line.startswith("  :submitters:")
        elif listing and (about := PERSON.fullmatch(line)):
            if about[1]:
                people.append({})
            if people:
                people[-1][about[2]] = _scalar(about[3] or "")
    return {
        folder: kept
        for folder, theirs in found.items()
        if (kept := tuple(Submitter(**one) for one in theirs if any(one.values())))
    }


def _scalar(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        text = text[1:-1].replace("''", "'")
    elif len(text) > 1 and text[0] == text[-1] == '"':
        try:
            text = str(json.loads(text))
        except ValueError:
            text = text[1:-1]
    return " ".join(text.split())
