"""The entries of a tar archive, gzipped or not."""

import gzip
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from checker.archives.entries import CHUNK, ArchiveEntry, ArchiveRefused, moment, plausible, refuse_bomb

GZIP_START = b"\x1f\x8b"
HEADER_LIMIT = 1024 * 1024
"""Bytes of one header, which Python reads as a whole."""


def open_tar(file: BinaryIO) -> tarfile.TarFile:
    """Open a tar that is not packed. Raises Refused for what is none, and later for headers that are too large."""
    start = file.read(512)
    file.seek(0)
    if start and start[257:262] != b"ustar" and not _old_tar(start):
        raise ArchiveRefused("archive-unreadable", "It is neither a zip nor a tar file inside.")
    careful = cast("BinaryIO", _Careful(file))
    return tarfile.open(fileobj=careful, mode="r:", encoding="utf-8", errors="surrogateescape")


def entries(tar: tarfile.TarFile) -> Iterator[ArchiveEntry]:
    """Yield everything in a tar."""
    for info in tar:
        kind, reads = "special", None
        if info.isreg():
            kind, reads = "file", lambda info=info: _extracted(tar, info)
        elif info.isdir():
            kind = "folder"
        elif info.issym():
            kind = "link"
        elif info.islnk():
            kind = "copy"
        if any(0xD800 <= ord(c) < 0xE000 for c in info.name):
            kind = "unnamed"
        yield ArchiveEntry(
            name=info.name,
            kind=kind,
            size=max(info.size, 0) if kind == "file" else 0,
            executable=bool(info.mode & stat.S_IXUSR),
            at=plausible(moment(info.mtime)),
            link=info.linkname,
            open=reads,
        )


def inflated(file: BinaryIO, aside: Path, packed: int) -> BinaryIO:
    """Return the contents of a gzip file, on disk, within the limits."""
    size = 0
    with gzip.open(file) as packed_file, aside.open("wb") as kept:
        while data := packed_file.read(CHUNK):
            size += len(data)
            refuse_bomb(size, packed)
            kept.write(data)
    return aside.open("rb")


def _extracted(tar: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    # The library's own opinion as well as ours: where it is, what it is.
    tarfile.data_filter(info, "/nonexistent")
    file = tar.extractfile(info)
    if file is None:
        raise tarfile.ReadError("a file without contents")
    return file


class _Careful:
    """A file for tarfile, which reads a header as large as the header says, in one piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= HEADER_LIMIT:
            raise ArchiveRefused("archive-too-large", "One of its headers is larger than any answer.")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def _old_tar(start: bytes) -> bool:
    """Return whether a block is a header of tar before POSIX, which has no magic but a checksum."""
    if not start.strip(b"\0"):
        return True  # an empty archive is blocks of zeros
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True
