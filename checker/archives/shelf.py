"""Archives that are unpacked once, and kept while a class is looked at and graded.

Who hands in what, when it came, whose answers are alike, and each replay: all of them read the same archives, and one
that holds a whole class is read for everybody in it. Where nothing is kept, each of them unpacks for itself.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from checker.archives import archive
from checker.archives.names import stem
from checker.archives.unpacked import Unpacked
from checker.base.errors import EnvironmentFault

KEPT_LIMIT = 256 * 1024 * 1024
"""Bytes on the disk, all archives together; what comes then is not kept."""
ABOUT = "about.json"


class _Shelf(msgspec.Struct):
    """folder: where archives are kept. taken: bytes that this process put there."""

    folder: Path
    taken: int = 0


_shelf: _Shelf | None = None


class UnpackedArchive(msgspec.Struct, frozen=True):
    """An archive, all of it unpacked. folder: called like the archive without its suffix."""

    folder: Path
    unpacked: Unpacked


@contextmanager
def using(folder: Path | None) -> Iterator[None]:
    """Keep archives in a folder until this ends, and take what is kept there already. None: keep nothing.

    The folder is made when the first one is kept.
    """
    global _shelf
    before, _shelf = _shelf, _Shelf(folder) if folder else None
    try:
        yield
    finally:
        _shelf = before


def current() -> Path | None:
    """Return the folder in which archives are kept now."""
    return _shelf.folder if _shelf else None


@contextmanager
def unpacked(path: Path) -> Iterator[UnpackedArchive]:
    """Unpack an archive, all of it, or take what is kept. Raises ArchiveRefused, EnvironmentFault."""
    if found := kept(path):
        yield found
        return
    if _shelf is None or _shelf.taken > KEPT_LIMIT:
        with tempfile.TemporaryDirectory(prefix="lab-intake-") as aside:
            folder = Path(aside) / stem(path.name)
            yield UnpackedArchive(folder, archive.unpack(path, folder))
        return
    place = _shelf.folder / _key(path)
    try:
        _shelf.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = archive.unpack(path, _content(place, path))
        (place / ABOUT).write_bytes(msgspec.json.encode(made))
    except BaseException as error:
        shutil.rmtree(place, ignore_errors=True)
        if isinstance(error, OSError):
            raise EnvironmentFault(
                f"There is no room to unpack {path}: {error.strerror}.",
                "Make room, or set REGISTRY_LAB_CACHE to another place.",
            ) from error
        raise
    _shelf.taken += made.size
    yield UnpackedArchive(_content(place, path), made)


def kept(path: Path) -> UnpackedArchive | None:
    """Return what is kept of an archive; None where that is nothing."""
    if _shelf is None:
        return None
    try:
        place = _shelf.folder / _key(path)
        about = (place / ABOUT).read_bytes()
    except OSError:
        return None
    return UnpackedArchive(_content(place, path), msgspec.json.decode(about, type=Unpacked))


def _content(place: Path, path: Path) -> Path:
    return place / "content" / stem(path.name)


def _key(path: Path) -> str:
    """Return what tells an archive from others, and from itself before it was changed. Raises OSError."""
    seen = path.stat()
    known = (os.path.realpath(path), seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns)
    return hashlib.sha256(repr(known).encode("utf-8", "surrogateescape")).hexdigest()[:32]
