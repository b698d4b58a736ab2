"""The entries of a zip archive."""

import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import BinaryIO

from checker.archives.entries import PATH_LIMIT, ArchiveEntry, ArchiveRefused, moment, plausible

STARTS = (b"PK\x03\x04", b"PK\x05\x06")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others are rare, and some take as much memory as the archive asks for."""
PAGES = ("utf-8", "cp866", "cp850", "cp437", "cp1252", "cp852")
"""Code pages of names that say none, the likeliest first."""
WINDOWS_EPOCH = 11_644_473_600
"""Seconds from 1601, from where Windows counts, to 1970."""
DIRECTORY_LIMIT = 4 * 1024 * 1024
"""Bytes of a table of contents, which Python reads as a whole."""


def entries(zipped: zipfile.ZipFile) -> Iterator[ArchiveEntry]:
    """Yield everything in a zip. Raises Refused for one with a password or a rare method."""
    for info in zipped.infolist():
        if info.flag_bits & 0x1:
            raise ArchiveRefused("archive-unreadable", "It is protected by a password.")
        if info.compress_type not in METHODS:
            raise ArchiveRefused(
                "archive-unreadable", "It is packed in a way that not every program can unpack."
            )
        name, note = _name(info)
        at, zoned = _time(info)
        mode = info.external_attr >> 16 if info.create_system == 3 else 0
        link = ""
        if name.endswith("/"):
            kind = "folder"
        elif stat.S_ISLNK(mode):
            kind = "link"
            if info.file_size <= PATH_LIMIT:
                link = zipped.read(info).decode("utf-8", "surrogateescape")
        elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
            kind = "file"
        else:
            kind = "special"
        yield ArchiveEntry(
            name=name,
            kind=kind,
            size=info.file_size if kind == "file" else 0,
            executable=bool(mode & stat.S_IXUSR),
            at=plausible(at),
            link=link,
            open=lambda info=info: zipped.open(info),  # type: ignore[misc]
            zoned=zoned,
            note=note,
        )


def _name(info: zipfile.ZipInfo) -> tuple[str, str]:
    """Return the name with slashes; and what was done to read it, as the end of a sentence.

    Archives by macOS hold UTF-8 without saying so, those by Windows a code page of DOS, which nothing names: then the
    first of the usual ones in which it is made of Latin letters.
    """
    name, note = info.orig_filename, ""
    if not info.flag_bits & 0x800 and not name.isascii():
        raw = name.encode("cp437")  # as zipfile read it
        name = _unicode_path(info, raw) or ""
        if not name:
            name, page = next(
                (found for page in PAGES if (found := _in_page(raw, page))), (raw.decode("cp437"), "cp437")
            )
            note = "" if page == "utf-8" else f"has a name that is no UTF-8; it was read as {page}."
    return name.replace("\\", "/"), note


def _in_page(raw: bytes, page: str) -> tuple[str, str] | None:
    """Return a name in one code page; None if it cannot be, or looks like a word of no language that it is
    used for."""
    try:
        text = raw.decode(page)
    except UnicodeError:
        return None
    if page == "utf-8":
        return text, page
    foreign = [c for c in text if ord(c) > 0x7F]
    if page == "cp866":
        mixed = re.search(r"[a-z][^\W\d_a-z]|[^\W\d_a-z][a-z]", text.casefold())
        return None if mixed or not _all_of("CYRILLIC", foreign) else (text, page)
    shouts = any(low.islower() and high.isupper() and ord(high) > 0x7F for low, high in pairwise(text))
    return None if shouts or not _all_of("LATIN", foreign) else (text, page)


def _all_of(script: str, letters: Sequence[str]) -> bool:
    return all(unicodedata.name(letter, "").startswith(script) for letter in letters)


def _unicode_path(info: zipfile.ZipInfo, raw: bytes) -> str | None:
    """Return the name as Info-ZIP's field "Unicode Path" has it, if it is of this very name."""
    for kind, data in _fields(info.extra):
        if kind == 0x7075 and len(data) > 5 and struct.unpack_from("<I", data, 1)[0] == zlib.crc32(raw):
            try:
                return data[5:].decode("utf-8")
            except UnicodeError:
                return None
    return None


def _time(info: zipfile.ZipInfo) -> tuple[datetime | None, bool]:
    """When the file was changed, and whether that is a moment. The fields of Info-ZIP, Unix and Windows (7-Zip) are in
    UTC; DOS's time is what a clock showed somewhere, and is taken for this machine's."""
    for kind, data in _fields(info.extra):
        if kind == 0x5455 and len(data) >= 5 and data[0] & 1:
            return moment(struct.unpack_from("<i", data, 1)[0]), True
        if kind in (0x5855, 0x000D) and len(data) >= 8:
            return moment(struct.unpack_from("<i", data, 4)[0]), True
        if kind == 0x000A and len(data) >= 32 and struct.unpack_from("<HH", data, 4) == (1, 24):
            ticks = struct.unpack_from("<Q", data, 8)[0]
            return moment(ticks / 10_000_000 - WINDOWS_EPOCH), True
    try:
        return datetime(*info.date_time).astimezone(UTC), False
    except (ValueError, OverflowError, OSError):
        return None, False


def _fields(extra: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the extra fields of an entry: kind and contents."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        yield kind, extra[4 : 4 + size]
        extra = extra[4 + size :]


def refuse_large_directory(file: BinaryIO, size: int) -> None:
    """Refuse a zip whose table of contents is too large to read, found the way zipfile finds it."""
    file.seek(max(0, size - 65557))
    tail = file.read()
    at = len(tail) - 22
    if at < 0 or tail[at : at + 4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        at = tail.rfind(b"PK\x05\x06")
    if at >= 0 and len(tail) >= at + 16:
        (directory,) = struct.unpack_from("<I", tail, at + 12)
        start = size - len(tail) + at - 76
        if start >= 0:
            file.seek(start)
            large = file.read(76)
            if large[:4] == b"PK\x06\x06" and large[56:60] == b"PK\x06\x07":
                (directory,) = struct.unpack_from("<Q", large, 40)
        if directory > DIRECTORY_LIMIT:
            raise ArchiveRefused("archive-too-large", "Its table of contents is larger than any answer.")
    file.seek(0)
