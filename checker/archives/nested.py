"""Paths that lead into archives, and into archives inside those: `class.zip/ada/work.zip/01-names-and-tags`.

So a path is all that anything between naming a submission and replaying it has to know.
"""

from pathlib import Path

import msgspec

from checker.archives import archive, flat, shelf
from checker.archives.entries import ArchiveRefused
from checker.archives.names import is_archive
from checker.archives.unpacked import Unpacked

NESTED_LIMIT = 4
"""Archives inside each other: a class's download, a section's, a person's, and one that was packed once more."""


class Opened(msgspec.Struct, frozen=True):
    """A folder that a path leads to. unpacked: what became of the archive that it lies in itself; warnings of all."""

    folder: Path
    unpacked: Unpacked
    warnings: tuple[str, ...]


def archive_of(source: Path) -> tuple[Path, str] | None:
    """Return the archive of the disk that a path leads into and the way inside it; None for a path of
    folders only."""
    for path in (source, *source.parents):
        if path.is_dir():
            return None
        if path.is_file():
            inside = source.relative_to(path).as_posix()
            return (path, inside) if is_archive(path) else None
    return None


def opened(path: Path, way: str, aside: Path) -> Opened:
    """Unpack what lies at `way` inside an archive, below the new folder `aside`, and nothing else of it.

    What is kept of it (see `shelf`) is not unpacked again, and not to be changed. Raises Refused where there is no
    such folder, and as `archive.unpack` does.
    """
    rest = [part for part in way.split("/") if part not in ("", ".")]
    if ".." in rest:
        raise ArchiveRefused("archive-unreadable", f"There is no folder {way} in it.")
    warnings: list[str] = []
    for depth in range(NESTED_LIMIT):
        way_in = "/".join(rest)
        if kept := shelf.kept(path):
            root, unpacked = kept.folder, kept.unpacked.at(way_in)
        else:
            root = aside / str(depth)
            unpacked = archive.unpack(path, root, way_in)
        warnings += unpacked.warnings
        inner = _inner(root, rest)
        if inner is None:
            folder = root.joinpath(*rest)
            if rest and flat.gather(folder, aside / "files"):
                return Opened(aside / "files", unpacked, tuple(dict.fromkeys(warnings)))
            if not folder.resolve().is_relative_to(root.resolve()) or not folder.is_dir():
                raise ArchiveRefused("archive-unreadable", f"There is no folder {way} in it.")
            return Opened(folder, unpacked, tuple(dict.fromkeys(warnings)))
        path, rest = inner
    raise ArchiveRefused("archive-unreadable", f"More than {NESTED_LIMIT} archives lie inside each other.")


def _inner(root: Path, way: list[str]) -> tuple[Path, list[str]] | None:
    """Return the archive that a way in an unpacked folder leads into, and the rest of the way."""
    path = root
    for count, part in enumerate(way, start=1):
        path = path / part
        if path.is_symlink():
            return None
        if path.is_file():
            return (path, way[count:]) if is_archive(path) else None
    return None
