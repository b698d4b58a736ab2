"""Unpacking a stranger's archive: zip, tar and tar.gz, within limits, and never outside the target.

Nothing here trusts what an archive says about itself. Files are written first and only into folders made here,
links last, so that nothing is ever written through a link.
"""

import errno
import os
import shutil
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from checker.archives import names, tars, zips
from checker.archives.entries import CHUNK, PATH_LIMIT, ArchiveEntry, ArchiveRefused, refuse_bomb
from checker.archives.names import is_archive, stem
from checker.archives.unpacked import EntryTime, Unpacked
from checker.base.errors import EnvironmentFault
from checker.base.plain import plain_line
from checker.lab.workspace import make_executable

__all__ = ["Unpacked", "is_archive", "stem", "unpack"]

PACKED_LIMIT = 50 * 1024 * 1024
ENTRIES_LIMIT = 10_000
LINKS_LIMIT = 100
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


def unpack(path: Path, target: Path, below: str = "") -> Unpacked:
    """Unpack the archive at `path` into the new folder `target`.

    below: the only path of it to unpack; where that leads into an archive inside, that one.

    What leads out of it, stands for a device, is named so that it cannot be kept or lies too deep is left out
    and told. Raises Refused for what is no archive, is broken, has a password or is larger than the limits;
    EnvironmentFault if the disk is full.
    """
    try:
        return _unpack(path, target, below)
    except ArchiveRefused:
        raise
    except OSError as error:
        if not _is_full(error):
            raise ArchiveRefused("archive-unreadable", f"It is broken: {_said(error)}.") from error
        raise EnvironmentFault(
            f"There is no room to unpack {path}: {error.strerror}.",
            "Make room, or set REGISTRY_LAB_CACHE to another place.",
        ) from error
    except BROKEN as error:
        raise ArchiveRefused("archive-unreadable", f"It is broken: {_said(error)}.") from error
    finally:
        target.with_name(f"{target.name}.tar").unlink(missing_ok=True)


def _unpack(path: Path, target: Path, below: str) -> Unpacked:
    packed = path.stat().st_size
    if packed > PACKED_LIMIT:
        raise ArchiveRefused(
            "archive-too-large", f"It has {packed} bytes; {PACKED_LIMIT // 2**20} MiB is the limit."
        )
    target.mkdir(parents=True)
    writer = _Writer(target, packed, below)
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if start in zips.STARTS:
            zips.refuse_large_directory(file, packed)
            with zipfile.ZipFile(file) as zipped:
                return writer.write(zips.entries(zipped))
        if not start.startswith(tars.GZIP_START):
            with tars.open_tar(file) as tar:
                return writer.write(tars.entries(tar))
        aside = target.with_name(f"{target.name}.tar")
        with tars.inflated(file, aside, packed) as inflated, tars.open_tar(inflated) as tar:
            return writer.write(tars.entries(tar))


class _Writer:
    """Writes entries below one folder and counts."""

    def __init__(self, root: Path, packed: int, below: str) -> None:
        self._root = Path(os.path.realpath(root))
        self._below = below
        self._packed = max(packed, 1)
        self._size = 0
        self._told: list[tuple[str, str]] = []

    def write(self, entries: Iterator[ArchiveEntry]) -> Unpacked:
        found: list[ArchiveEntry] = []
        for entry in entries:
            if len(found) == ENTRIES_LIMIT:
                raise ArchiveRefused("archive-too-large", f"It holds more than {ENTRIES_LIMIT} entries.")
            found.append(entry)
        known = self._known(found)
        self._refuse_bomb(sum(entry.size for entry in known.values()))
        for name, entry in known.items():
            if entry.kind == "folder":
                self._folder(self._root / name, name)
            elif entry.kind == "file":
                self._file(name, entry)
        for name, entry in known.items():
            if entry.kind == "copy":
                self._copy(name, entry)
        self._links({name: entry.link for name, entry in known.items() if entry.kind == "link"})
        times = (
            EntryTime(name, entry.at, entry.earliest or entry.at, entry.latest or entry.at)
            for name, entry in known.items()
            if entry.at and entry.kind == "file"
        )
        return Unpacked(tuple(self._told), tuple(times), self._size)

    def _known(self, found: Sequence[ArchiveEntry]) -> dict[str, ArchiveEntry]:
        """Return the entries to write, by their paths below the root."""
        found, were_absolute = names.below_the_archive(found)
        if were_absolute:
            self._warn("", names.ABSOLUTE)
        known: dict[str, ArchiveEntry] = {}
        for entry in found:
            name = self._name(entry)
            if name is None:
                continue
            if entry.note and names.is_wanted(name, self._below):
                self._warn(name, f"{plain_line(entry.name[:200])} {entry.note}")
            if name in known and entry.kind != "folder" and names.is_wanted(name, self._below):
                self._warn(name, f"{name} stands in the archive twice; the last one counts.")
            known.pop(name, None)
            known[name] = entry
        if not self._below:
            return known
        wanted = {name: entry for name, entry in known.items() if names.is_wanted(name, self._below)}
        sources = {names.joined(entry.link) for entry in wanted.values() if entry.kind == "copy"}
        return {name: entry for name, entry in known.items() if name in wanted or name in sources}

    def _warn(self, name: str, text: str) -> None:
        """Note what there is to say. name: of the entry it is about; empty where that may be any."""
        self._told.append((name, text))

    def _name(self, entry: ArchiveEntry) -> str | None:
        """Return the entry's path below the root; None if it is left out."""
        shown = plain_line(entry.name[:200]) or "(no name)"
        if problem := names.problem(entry):
            self._warn("", f"{shown} {problem}; it was left out.")
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
            self._warn(name, f"{name} stands where the archive has a file; it was left out.")
            return False
        return True

    def _file(self, name: str, entry: ArchiveEntry) -> None:
        path = self._root / name
        if not self._folder(path.parent, name):
            return
        if path.is_dir():
            self._warn(name, f"{name} stands where the archive has a folder; it was left out.")
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
            raise ArchiveRefused("archive-unreadable", f"It is broken: {plain_line(name)} is cut off.")
        if entry.executable:
            make_executable(path)

    def _copy(self, name: str, entry: ArchiveEntry) -> None:
        """A hard link: a copy of a file that the archive holds as well."""
        source, path = self._root / names.joined(entry.link), self._root / name
        inside = (
            ".." not in entry.link.split("/")
            and not entry.link.startswith("/")
            and names.printable(entry.link)
        )
        if not inside or not source.is_file() or source.is_symlink() or path.exists():
            self._warn(name, f"{name} is a hard link to what is no file of the archive; it was left out.")
            return
        self._size += source.stat().st_size
        self._refuse_bomb(self._size)
        if self._folder(path.parent, name):
            shutil.copy(source, path)

    def _links(self, links: dict[str, str]) -> None:
        made: list[Path] = []
        for name, to in links.items():
            path = self._root / name
            bad = not to or to.startswith("/") or len(os.fsencode(to)) > PATH_LIMIT or not names.printable(to)
            inside = os.path.normpath(os.path.join(os.path.dirname(name), to)).split("/")[0] != ".."  # noqa: PTH118, PTH120
            if bad or not inside:
                self._warn(name, f"{name} is a link that leads out of the archive; it was left out.")
            elif len(made) == LINKS_LIMIT:
                self._warn(name, f"{name} is one link too many; it was left out.")
            elif self._through_link(path) or path.exists() or not self._folder(path.parent, name):
                self._warn(
                    name, f"{name} stands in the archive as something else too; the link was left out."
                )
            else:
                path.symlink_to(to)
                made.append(path)
        while leading := [path for path in made if not self._inside(path)]:
            for path in leading:
                path.unlink()
                made.remove(path)
                name = path.relative_to(self._root).as_posix()
                self._warn(name, f"{name} is a link that leads out of the archive; it was left out.")

    def _through_link(self, path: Path) -> bool:
        """Return whether a path or a folder on its way is a link, which may lead anywhere as long as all
        stand."""
        return any(way.is_symlink() for way in (path, *path.parents) if way.is_relative_to(self._root))

    def _inside(self, path: Path) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _refuse_bomb(self, size: int) -> None:
        refuse_bomb(size, self._packed)


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _said(error: BaseException) -> str:
    return plain_line(str(error))[:200].rstrip(".") or type(error).__name__
