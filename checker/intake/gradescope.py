"""Gradescope's own list of who handed in what: `submission_metadata.yml`, beside a folder for each submission."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

LIST = "submission_metadata.yml"
SIZE_LIMIT = 20 * 1024 * 1024


class Submitter(msgspec.Struct, frozen=True):
    """One of those who handed a submission in."""

    name: str = ""
    sid: str = ""
    email: str = ""


def submitters(path: Path) -> Mapping[str, tuple[Submitter, ...]]:
    """The name of each submission's folder -> who handed it in; nothing if the file is none of Gradescope's."""
    try:
        if path.is_symlink() or path.stat().st_size > SIZE_LIMIT:
            return {}
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        content = yaml.load(path.read_bytes(), loader)  # noqa: S506 - both are safe loaders
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(folder): found for folder, about in content.items() if (found := _submitters(about))}


def _submitters(about: Any) -> tuple[Submitter, ...]:
    people = about.get(":submitters") if isinstance(about, dict) else None
    if not isinstance(people, list):
        return ()
    found = (
        Submitter(*(_text(person.get(key)) for key in (":name", ":sid", ":email")))
        for person in people
        if isinstance(person, dict)
    )
    return tuple(one for one in found if one.name or one.sid or one.email)


def _text(value: Any) -> str:
    return " ".join(str(value).split()) if isinstance(value, str | int) else ""
