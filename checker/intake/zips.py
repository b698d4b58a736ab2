"""What a zip says is in it."""

import stat
import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from checker.intake.entries import PATH_LIMIT, Entry, Refused, moment, plausible

STARTS = (b"PK\x03\x04", b"PK\x05\x06")
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The others are rare, and some take as much memory as the archive asks for."""
DIRECTORY_LIMIT = 4 * 1024 * 1024
"""Bytes of a table of contents, which Python reads as a whole."""


def entries(zipped: zipfile.ZipFile) -> Iterator[Entry]:
    """Everything in a zip. Raises Refused for one with a password or a rare method."""
    for info in zipped.infolist():
        if info.flag_bits & 0x1:
            raise Refused("archive-unreadable", "It is protected by a password.")
        if info.compress_type not in METHODS:
            raise Refused("archive-unreadable", "It is packed in a way that not every program can unpack.")
        name, known = _name(info)
        mode = info.external_attr >> 16 if info.create_system == 3 else 0
        link = ""
        if not known:
            kind = "unnamed"
        elif name.endswith("/"):
            kind = "folder"
        elif stat.S_ISLNK(mode):
            kind = "link"
            if info.file_size <= PATH_LIMIT:
                link = zipped.read(info).decode("utf-8", "surrogateescape")
        elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
            kind = "file"
        else:
            kind = "special"
        yield Entry(
            name=name,
            kind=kind,
            size=info.file_size if kind == "file" else 0,
            executable=bool(mode & stat.S_IXUSR),
            at=plausible(_time(info)),
            link=link,
            open=lambda info=info: zipped.open(info),  # type: ignore[misc]
        )


def _name(info: zipfile.ZipInfo) -> tuple[str, bool]:
    """The name with slashes, and whether it is text for certain.

    Archives by macOS hold UTF-8 without saying so, which Python reads as the alphabet of DOS.
    """
    name, known = info.orig_filename, True
    if not info.flag_bits & 0x800 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            known = False
    return name.replace("\\", "/"), known


def _time(info: zipfile.ZipInfo) -> datetime | None:
    """The time in UTC where the archive has one (Info-ZIP's field UT), else DOS's, in this machine's zone."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return moment(struct.unpack_from("<i", extra, 5)[0])
        extra = extra[4 + size :]
    try:
        return datetime(*info.date_time).astimezone(UTC)  # DOS has no zones
    except (ValueError, OverflowError, OSError):
        return None


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
            raise Refused("archive-too-large", "Its table of contents is larger than any answer.")
    file.seek(0)
