"""A table as spreadsheets and learning platforms save it: CSV of any separator and encoding, row by row."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from checker.base.errors import UsageError
from checker.base.plain import plain_line

SIZE_LIMIT = 5 * 1024 * 1024
MARKS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)
"""What a file may begin with -> how it is written."""
SEPARATORS = ",;\t|"
EXCEL = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""A line that Excel writes for itself."""


class SheetRow(msgspec.Struct, frozen=True):
    """A row that is not empty. line: where it begins in the file, from 1."""

    line: int
    cells: tuple[str, ...]


def read(path: Path) -> list[SheetRow]:
    """Return the rows of a table. Raises UsageError for what is none."""
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise UsageError(f"The roster {path} is larger than any class.", "Name a CSV file.")
        text = decoded(path.read_bytes())
    except OSError as error:
        raise UsageError(f"Cannot read the roster {path}: {error.strerror}.", "Name a CSV file.") from error
    if "\0" in text:
        raise UsageError(
            f"The roster {path} is no text.", "Save the table as CSV (UTF-8) and name that file."
        )
    lines = re.split(r"\r\n|\r|\n", text)
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    separator = ""
    if told := EXCEL.fullmatch(lines[first].strip()):
        separator, lines[first] = told[1], ""
    head = next((line for line in lines if line.strip()), "")
    separator = separator or max(SEPARATORS, key=re.sub(r'"[^"]*"', "", head).count)
    _refuse_open_quote(path, lines, separator)
    try:
        return [row for row in _rows(lines, separator) if any(cell.strip() for cell in row.cells)]
    except csv.Error as error:
        raise UsageError(f"The roster {path} is no CSV file: {error}.", "Save the table as CSV.") from error


def decoded(data: bytes) -> str:
    """Return the text of a file: by its mark; without one UTF-16 by its zeros, UTF-8, or what Excel writes
    in the west of Europe."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    low, high = data[::2].count(0), data[1::2].count(0)
    if len(data) % 2 == 0 and bool(low) != bool(high) and not data.startswith(b"PK"):
        return data.decode("utf-16-le" if high else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def _rows(lines: list[str], separator: str) -> Iterator[SheetRow]:
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator, skipinitialspace=True)
    before = 0
    for cells in reader:
        yield SheetRow(before + 1, tuple(cells))
        before = reader.line_num


def _refuse_open_quote(path: Path, lines: list[str], separator: str) -> None:
    """Raise UsageError if a quote is never closed, or only where another row's quote begins.

    Python's reader takes all rows up to the next quote for one cell, and those people would be lost.
    """
    head = next((line for line in lines if line.strip()), "").count(separator)
    opened = 0
    for number, line in enumerate(lines, start=1):
        if opened and head and line.count(separator) >= head:
            raise _open_quote(path, opened, lines)  # a row of its own, not the rest of a cell
        opened = _still_open(line, separator, number, opened)
        if opened < 0:
            raise _open_quote(path, -opened, lines)
    if opened:
        raise _open_quote(path, opened, lines)


def _still_open(line: str, separator: str, number: int, opened: int) -> int:
    """Return the line in which the quote was opened that this line leaves open; 0 if none. Negative if what
    follows a closing quote is no separator."""
    at = 0
    while at <= len(line):
        if not opened:
            at += len(line[at:]) - len(line[at:].lstrip(" "))
            if line[at : at + 1] == '"':
                opened, at = number, at + 1
        if opened:
            end = line.find('"', at)
            if end < 0:
                return opened
            if line[end + 1 : end + 2] == '"':
                at = end + 2
                continue
            rest = line[end + 1 :].lstrip(" ")
            if rest and not rest.startswith(separator):
                return -opened
            opened, at = 0, end + 1
        following = line.find(separator, at)
        at = len(line) + 1 if following < 0 else following + 1
    return 0


def _open_quote(path: Path, line: int, lines: list[str]) -> UsageError:
    return UsageError(
        f"In the roster {path} a quote that opens in line {line} is never closed: "
        f"{plain_line(lines[line - 1])[:80]}",
        'Close it with another ", or write "" for a quote that is part of a name.',
    )
