"""What editors do to scripts that bash cannot read: line ends, encodings, invisible characters. bash itself
hardly says so.
"""

import codecs
import re
from pathlib import Path

from checker import lookalikes

LARGEST = 1024 * 1024
"""Bytes of a script that are looked at."""
QUOTED = re.compile(r"'[^']*'|\"(?:[^\"\\]|\\.)*\"|(?:^|(?<=\s))#.*", re.DOTALL | re.MULTILINE)


def form(script: Path) -> str:
    """Return a sentence about the form of a script that bash stumbles over; empty where there is none.

    Example: for a file whose lines end in CR LF it says so, and what to do.
    """
    data = _read(script)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:4]:
        return f"{script.name} is in UTF-16, and bash reads UTF-8. Save it as UTF-8."
    if data.startswith(codecs.BOM_UTF8):
        return (
            f"{script.name} begins with a byte order mark, which bash takes for a part of the first word. Save it as "
            "UTF-8 without a mark."
        )
    lines = data.split(b"\n")
    if number := next((number for number, line in enumerate(lines, 1) if line.endswith(b"\r")), 0):
        return (
            f"In {script.name}, line {number}, a line ends in CR LF, as Windows writes it: bash takes the CR for "
            "a part of the last word. Save it with the line ends of Unix (LF)."
        )
    return ""


def look_alike(script: Path) -> str:
    """Return a sentence about a character, outside quotes and remarks, that only looks like one of the shell's."""
    text = _read(script).decode("utf-8", "replace")
    bare = QUOTED.sub(lambda found: re.sub(r"[^\n]", "x", found[0]), text)
    place = lookalikes.first(bare)
    if place < 0:
        return ""
    line, column = bare.count("\n", 0, place) + 1, place - bare.rfind("\n", 0, place)
    return (
        f"In {script.name}, line {line}, column {column}, is {lookalikes.named(bare[place])}, as pasted from a page "
        f"or a word processor; bash wants {lookalikes.meant(bare[place])} there."
    )


def _read(script: Path) -> bytes:
    try:
        with script.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""
