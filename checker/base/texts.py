"""Text files as people's editors save them: UTF-8, with a byte order mark or without, or UTF-16."""

import codecs
import tomllib
from pathlib import Path

from checker.base.errors import UsageError

LONGEST = 2000
"""Lines of a TOML text in which an end is looked for."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
MARK = "\ufeff"


def decoded(data: bytes, name: str) -> str:
    """Return the text of a file called `name`, without its byte order mark.

    Without a mark it is UTF-8, or UTF-16 if every other of its first bytes is zero, as in what begins with ASCII.
    Raises UsageError, naming the encoding and the place, for what cannot be read so.
    """
    encoding, body = _encoding(data)
    try:
        return body.decode(encoding)
    except UnicodeDecodeError as error:
        before = body[: error.start].decode(encoding, "replace")
        line, column = place(before, len(before))
        raise UsageError(
            f"{name}, line {line}, column {column}: not {encoding.upper()} (the byte {body[error.start]:#04x}).",
            "Save the file as UTF-8.",
        ) from None


def read(path: Path) -> str:
    """Return the text of a file. Raises UsageError as `decoded` does, OSError."""
    return decoded(path.read_bytes(), str(path))


def place(text: str, position: int) -> tuple[int, int]:
    """Return line and column, from 1, of a position in a text."""
    before = text[:position]
    return before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1


def toml_problem(text: str, error: tomllib.TOMLDecodeError) -> str:
    """Return what is wrong with a TOML text; for one that ends too early, with the line that is never closed.

    Example: `x = [` in line 3 of ten is told as `... (at end of document; what is not closed begins in line 3)`.
    """
    told = str(error)
    lines = text.splitlines(keepends=True)[:LONGEST]
    if "at end of document" not in told or not lines:
        return told
    good = max((count for count in range(len(lines)) if _is_toml("".join(lines[:count]))), default=0)
    begins = next((number for number in range(good, len(lines)) if lines[number].strip()), good) + 1
    return told.replace(
        "at end of document", f"at end of document; what is not closed begins in line {begins}"
    )


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return False
    return True


def _encoding(data: bytes) -> tuple[str, bytes]:
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding, data.removeprefix(mark)
    head = data[:4]
    if len(head) == 4 and 0 not in (head[0], head[2]) and head[1] == head[3] == 0:
        return "utf-16-le", data
    if len(head) == 4 and 0 not in (head[1], head[3]) and head[0] == head[2] == 0:
        return "utf-16-be", data
    return "utf-8", data
