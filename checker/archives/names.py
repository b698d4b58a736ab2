"""Names of archives, and names in them that can be kept."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from checker.archives.entries import PATH_LIMIT, ArchiveEntry

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
FOREIGN = (".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".bz2", ".xz")
"""Archives too, which people do hand in; they are refused by name, with what to hand in instead."""

NAME_LIMIT = 255
DEPTH_LIMIT = 32
BEGINNINGS = ("_", " - ")
"""What the beginning of a file's name ends with where platforms put several people's files beside each other."""
ABSOLUTE = (
    "Its names begin with /, as of files packed with their whole path; they were unpacked below the archive."
)


def is_archive(path: Path) -> bool:
    """Return whether a path is called like an archive, one that can be read or not."""
    return path.name.lower().endswith((*SUFFIXES, *FOREIGN))


def stem(name: str) -> str:
    """Return a file's name without an archive's suffix."""
    for suffix in sorted((*SUFFIXES, *FOREIGN), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def below_the_archive(found: Sequence[ArchiveEntry]) -> tuple[Sequence[ArchiveEntry], bool]:
    """Return the entries of an archive in which every name is a whole path from / on, without that /; and
    whether it is one.

    Where only some are, they stay as they are and lead out: nobody packs like that.
    """
    if not found or not all(entry.name.startswith("/") and joined(entry.name) for entry in found):
        return found, False
    return [msgspec.structs.replace(entry, name=entry.name.lstrip("/")) for entry in found], True


def problem(entry: ArchiveEntry) -> str:
    """Return why a name cannot be kept, as the end of a sentence; empty if it can."""
    name = entry.name
    parts = name.split("/")
    if entry.kind == "special":
        return "is a device or a pipe"
    if entry.kind == "unnamed":
        return "has a name that is no UTF-8"
    if name.startswith("/") or ".." in parts:
        return "leads out of the archive"
    if not printable(name):
        return "has a name with characters that cannot be shown"
    size = len(os.fsencode(name))
    if size > PATH_LIMIT or max(len(os.fsencode(part)) for part in parts) > NAME_LIMIT:
        return "has a name that is too long"
    if len(parts) > DEPTH_LIMIT:
        return f"lies more than {DEPTH_LIMIT} folders deep"
    return ""


def printable(text: str) -> bool:
    return not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in text)


def joined(name: str) -> str:
    """Return a name without doubled slashes and dots."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def is_wanted(name: str, below: str) -> bool:
    """Return whether an entry is at or below a path of the archive, is the archive on the way to it, or a
    file that the path names by its beginning (see `flat`)."""
    if not below or name == below or name.startswith(f"{below}/") or below.startswith(f"{name}/"):
        return True
    return below.endswith(BEGINNINGS) and name.startswith(below) and "/" not in name[len(below) :]
