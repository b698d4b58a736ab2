"""Unpacking a stranger's archive: zip, tar and tar.gz, within limits, and never outside the target.

Nothing here trusts what an archive says about itself. Files are written first and only into folders made here,
links last, so that nothing is ever written through a link.
"""

import errno
import gzip
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, cast

import msgspec

from checker.errors import EnvironmentFault
from checker.report.plain import plain_line
from checker.workspace import make_executable

SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
FOREIGN = (".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".gz", ".bz2", ".xz")
"""Archives too, which people do hand in; they are refused by name, with what to hand in instead."""

PACKED_LIMIT = 50 * 1024 * 1024
UNPACKED_LIMIT = 100 * 1024 * 1024
ENTRIES_LIMIT = 10_000
RATIO_LIMIT = 200
RATIO_FROM = 4 * 1024 * 1024
"""Below so many unpacked bytes a high ratio is a file of zeros, not a bomb."""
DIRECTORY_LIMIT = 4 * 1024 * 1024
"""Bytes of a zip's table of contents, which Python reads as a whole."""
HEADER_LIMIT = 1024 * 1024
"""Bytes of one header of a tar, which Python reads as a whole."""
PATH_LIMIT = 1000
NAME_LIMIT = 255
DEPTH_LIMIT = 32
WARNINGS_LIMIT = 50
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
CHUNK = 1 << 16
LITTER = frozenset(("__MACOSX", ".DS_Store", "Thumbs.db", "desktop.ini"))
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,  # zipfile: a password is needed; and what recurses too deep
    OSError,
    ValueError,
    OverflowError,
    struct.error,
    KeyError,
    IndexError,
)
"""What the standard library raises for bytes that are no archive."""


class Refused(Exception):
    """Nothing of this archive is taken. code: of the finding. observed: a sentence about the archive."""

    def __init__(self, code: str, observed: str) -> None:
        super().__init__(observed)
        self.code = code
        self.observed = observed


class Unpacked(msgspec.Struct, frozen=True):
    """What became of an archive. newest: the latest time of anything in it; None if there is none to go by."""

    warnings: tuple[str, ...]
    newest: datetime | None


class Entry(msgspec.Struct, frozen=True):
    """One thing in an archive, as it says itself. open: its bytes; None unless it is a file."""

    name: str
    kind: str
    size: int
    executable: bool
    at: datetime | None
    link: str
    open: Callable[[], IO[bytes]] | None


def is_archive(path: Path) -> bool:
    """Whether a path is called like an archive, one that can be read or not."""
    return path.name.lower().endswith((*SUFFIXES, *FOREIGN))


def stem(name: str) -> str:
    """A file's name without an archive's suffix."""
    for suffix in sorted((*SUFFIXES, *FOREIGN), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def unpack(path: Path, target: Path) -> Unpacked:
    """Unpack the archive at `path` into the new folder `target`.

    What leads out of it, stands for a device, is named so that it cannot be kept or lies too deep is left out
    and told. Raises Refused for what is no archive, is broken, has a password or is larger than the limits;
    EnvironmentFault if the disk is full.
    """
    try:
        return _unpack(path, target)
    except Refused:
        raise
    except OSError as error:
        if not _is_full(error):
            raise Refused("archive-unreadable", f"It is broken: {_said(error)}.") from error
        raise EnvironmentFault(
            f"There is no room to unpack {path}: {error.strerror}.",
            "Make room, or set REGISTRY_LAB_CACHE to another place.",
        ) from error
    except BROKEN as error:
        raise Refused("archive-unreadable", f"It is broken: {_said(error)}.") from error
    finally:
        target.with_name(f"{target.name}.tar").unlink(missing_ok=True)


def _unpack(path: Path, target: Path) -> Unpacked:
    packed = path.stat().st_size
    if packed > PACKED_LIMIT:
        raise Refused(
            "archive-too-large", f"It has {packed} bytes; {PACKED_LIMIT // 2**20} MiB is the limit."
        )
    target.mkdir(parents=True)
    with path.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            _refuse_large_directory(file, packed)
            with zipfile.ZipFile(file) as zipped:
                return _Writer(target, packed).write(_zip_entries(zipped))
        if start[:2] != b"\x1f\x8b":
            return _untar(file, target, packed)
        with _inflated(file, target.with_name(f"{target.name}.tar"), packed) as inflated:
            return _untar(inflated, target, packed)


def _untar(file: BinaryIO, target: Path, packed: int) -> Unpacked:
    start = file.read(512)
    file.seek(0)
    if start and start[257:262] != b"ustar" and not _old_tar(start):
        raise Refused("archive-unreadable", "It is neither a zip nor a tar file inside.")
    careful = cast("BinaryIO", _Careful(file))
    with tarfile.open(fileobj=careful, mode="r:", encoding="utf-8", errors="surrogateescape") as tar:
        return _Writer(target, packed).write(_tar_entries(tar))


class _Writer:
    """Writes entries below one folder and counts."""

    def __init__(self, root: Path, packed: int) -> None:
        self._root = Path(os.path.realpath(root))
        self._packed = max(packed, 1)
        self._size = 0
        self._warnings: list[str] = []
        self._more = 0

    def write(self, entries: Iterator[Entry]) -> Unpacked:
        known: dict[str, Entry] = {}
        for count, entry in enumerate(entries, start=1):
            if count > ENTRIES_LIMIT:
                raise Refused("archive-too-large", f"It holds more than {ENTRIES_LIMIT} entries.")
            name = self._name(entry)
            if name is None:
                continue
            if name in known and entry.kind != "folder":
                self._warn(f"{name} stands in the archive twice; the last one counts.")
            known.pop(name, None)
            known[name] = entry
        declared = sum(entry.size for entry in known.values())
        self._refuse_bomb(declared)
        for name, entry in known.items():
            if entry.kind == "folder":
                self._folder(self._root / name, name)
            elif entry.kind == "file":
                self._file(name, entry)
        for name, entry in known.items():
            if entry.kind == "copy":
                self._copy(name, entry)
        self._links({name: entry.link for name, entry in known.items() if entry.kind == "link"})
        times = [entry.at for entry in known.values() if entry.at and entry.kind == "file"]
        if self._more:
            self._warnings.append(f"{self._more} more entries of the archive were left out.")
        return Unpacked(tuple(self._warnings), max(times, default=None))

    def _warn(self, text: str) -> None:
        if len(self._warnings) < WARNINGS_LIMIT:
            self._warnings.append(text)
        else:
            self._more += 1

    def _name(self, entry: Entry) -> str | None:
        """The entry's path below the root; None if it is left out."""
        shown = plain_line(entry.name[:200]) or "(no name)"
        if problem := _name_problem(entry):
            self._warn(f"{shown} {problem}; it was left out.")
            return None
        parts = [part for part in entry.name.split("/") if part not in ("", ".")]
        if not parts or LITTER.intersection(parts):
            return None
        return "/".join(parts)

    def _folder(self, path: Path, name: str) -> bool:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if _is_full(error):
                raise
            self._warn(f"{name} stands where the archive has a file; it was left out.")
            return False
        return True

    def _file(self, name: str, entry: Entry) -> None:
        path = self._root / name
        if not self._folder(path.parent, name):
            return
        if path.is_dir():
            self._warn(f"{name} stands where the archive has a folder; it was left out.")
            return
        assert entry.open is not None
        got = 0
        with entry.open() as source, path.open("xb") as kept:
            while data := source.read(CHUNK):
                got += len(data)
                self._size += len(data)
                self._refuse_bomb(self._size)
                kept.write(data)
        if got != entry.size:
            raise Refused("archive-unreadable", f"It is broken: {plain_line(name)} is cut off.")
        if entry.executable:
            make_executable(path)

    def _copy(self, name: str, entry: Entry) -> None:
        """A hard link: a copy of a file that the archive holds as well."""
        source, path = self._root / _joined(entry.link), self._root / name
        inside = (
            ".." not in entry.link.split("/") and not entry.link.startswith("/") and _printable(entry.link)
        )
        if not inside or not source.is_file() or source.is_symlink() or path.exists():
            self._warn(f"{name} is a hard link to what is no file of the archive; it was left out.")
            return
        self._size += source.stat().st_size
        self._refuse_bomb(self._size)
        if self._folder(path.parent, name):
            shutil.copy(source, path)

    def _links(self, links: dict[str, str]) -> None:
        made = []
        for name, to in links.items():
            path = self._root / name
            bad = not to or to.startswith("/") or len(os.fsencode(to)) > PATH_LIMIT or not _printable(to)
            inside = os.path.normpath(os.path.join(os.path.dirname(name), to)).split("/")[0] != ".."  # noqa: PTH118, PTH120
            if bad or not inside:
                self._warn(f"{name} is a link that leads out of the archive; it was left out.")
            elif path.exists() or path.is_symlink() or not self._folder(path.parent, name):
                self._warn(f"{name} stands in the archive as something else too; the link was left out.")
            else:
                path.symlink_to(to)
                made.append(path)
        while leading := [path for path in made if not self._inside(path)]:
            for path in leading:
                path.unlink()
                made.remove(path)
                self._warn(
                    f"{path.relative_to(self._root)} is a link that leads out of the archive; it was left out."
                )

    def _inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _refuse_bomb(self, size: int) -> None:
        _refuse_bomb(size, self._packed)


def _refuse_bomb(size: int, packed: int) -> None:
    if size > UNPACKED_LIMIT:
        raise Refused(
            "archive-too-large",
            f"Unpacked it has more than {UNPACKED_LIMIT // 2**20} MiB, which is the limit.",
        )
    if size > RATIO_FROM and size > RATIO_LIMIT * max(packed, 1):
        raise Refused(
            "archive-too-large",
            f"It unpacks to more than {RATIO_LIMIT} times its size, as bombs do and answers do not.",
        )


def _name_problem(entry: Entry) -> str:
    """Why a name cannot be kept, as the end of a sentence; empty if it can."""
    name = entry.name
    parts = name.split("/")
    if entry.kind == "special":
        return "is a device or a pipe"
    if entry.kind == "unnamed":
        return "has a name that is no UTF-8"
    if name.startswith("/") or ".." in parts:
        return "leads out of the archive"
    if not _printable(name):
        return "has a name with characters that cannot be shown"
    size = len(os.fsencode(name))
    if size > PATH_LIMIT or max(len(os.fsencode(part)) for part in parts) > NAME_LIMIT:
        return "has a name that is too long"
    if len(parts) > DEPTH_LIMIT:
        return f"lies more than {DEPTH_LIMIT} folders deep"
    return ""


def _printable(text: str) -> bool:
    return not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in text)


def _joined(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _zip_entries(zipped: zipfile.ZipFile) -> Iterator[Entry]:
    for info in zipped.infolist():
        if info.flag_bits & 0x1:
            raise Refused("archive-unreadable", "It is protected by a password.")
        name, known = _zip_name(info)
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
            at=_plausible(_zip_time(info)),
            link=link,
            open=lambda info=info: zipped.open(info),  # type: ignore[misc]
        )


def _zip_name(info: zipfile.ZipInfo) -> tuple[str, bool]:
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


def _zip_time(info: zipfile.ZipInfo) -> datetime | None:
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


def _tar_entries(tar: tarfile.TarFile) -> Iterator[Entry]:
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
        yield Entry(
            name=info.name,
            kind=kind,
            size=max(info.size, 0) if kind == "file" else 0,
            executable=bool(info.mode & stat.S_IXUSR),
            at=_plausible(moment(info.mtime)),
            link=info.linkname,
            open=reads,
        )


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
            raise Refused("archive-too-large", "One of its headers is larger than any answer.")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()


def _inflated(file: BinaryIO, aside: Path, packed: int) -> BinaryIO:
    """The contents of a gzip file, on disk, within the limits."""
    size = 0
    with gzip.open(file) as packed_file, aside.open("wb") as kept:
        while data := packed_file.read(CHUNK):
            size += len(data)
            _refuse_bomb(size, packed)
            kept.write(data)
    return aside.open("rb")


def _old_tar(start: bytes) -> bool:
    """Whether a block is a header of tar before POSIX, which has no magic but a checksum."""
    if not start.strip(b"\0"):
        return True  # an empty archive is blocks of zeros
    try:
        tarfile.TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _refuse_large_directory(file: BinaryIO, size: int) -> None:
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


def moment(seconds: float) -> datetime | None:
    """Seconds since 1970 as a time in UTC; None for what no calendar has."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _plausible(at: datetime | None) -> datetime | None:
    """A time somebody may have worked at: archives made reproducibly say 1970 or 1980."""
    return at if at and at > EARLIEST else None


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _said(error: BaseException) -> str:
    return plain_line(str(error))[:200].rstrip(".") or type(error).__name__
