"""A layer as an archive: what was added, changed and removed (OCI image specification, layer.md, "Filesystem Layer").

On disk it is the upper folder of an overlay file system (Documentation/filesystems/overlayfs.rst of Linux): a removed
name is a character device 0:0, and a folder that hides what was below it has an attribute.
"""

import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

WHITEOUT, RESERVED, OPAQUE = ".wh.", ".wh..wh.", ".wh..wh..opq"
OPAQUE_ATTRIBUTE = "user.overlay.opaque"
CAPABILITY = "security.capability"
"""The one attribute of files that layers keep."""
IN_PAX = "SCHILY.xattr."
IMPLIED_MODE = 0o755
"""Of folders that an archive has files in, but does not have."""
END = bytes(2 * tarfile.BLOCKSIZE)
"""Nothing after it: an archive without members is what engines take for a layer without changes."""


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class _Counted:
    """What `tarfile` wants of a file to write to."""

    def __init__(self, sink: Sink) -> None:
        self._sink, self._at = sink, 0

    def write(self, data: bytes) -> int:
        self._sink.write(data)
        self._at += len(data)
        return len(data)

    def tell(self) -> int:
        return self._at


def names(folder: Path) -> set[str]:
    """Return what is right in a folder."""
    return {path.name for path in folder.iterdir()}


def entries(folder: Path, inside: str = "") -> Iterator[tuple[str, os.stat_result]]:
    """Yield all below a folder, by names relative to it, each folder before what is in it."""
    for name in sorted(names(folder / inside)):
        path = f"{inside}/{name}" if inside else name
        about = (folder / path).lstat()
        yield path, about
        if stat.S_ISDIR(about.st_mode):
            yield from entries(folder, path)


def removed(about: os.stat_result) -> bool:
    """Return whether it stands for a name that was removed."""
    return stat.S_ISCHR(about.st_mode) and about.st_rdev == 0


def opaque(path: Path) -> bool:
    """Return whether a folder hides what was below it."""
    return _attribute(path, OPAQUE_ATTRIBUTE) == b"y"


def pack(folder: Path, sink: Sink) -> None:
    """Write a folder of changes as an archive. Raises OSError."""
    tar = tarfile.TarFile(fileobj=_Counted(sink), mode="w", format=tarfile.PAX_FORMAT)  # type: ignore[arg-type]
    linked: dict[tuple[int, int], str] = {}
    for name, about in entries(folder):
        path = folder / name
        if removed(about):
            place, _, base = name.rpartition("/")
            tar.addfile(_empty(f"{place}/{WHITEOUT}{base}" if place else WHITEOUT + base, about))
            continue
        if stat.S_ISSOCK(about.st_mode):
            continue
        member = _member(name, about, path)
        first = linked.setdefault((about.st_dev, about.st_ino), name)
        if first != name and not stat.S_ISDIR(about.st_mode):
            member.type, member.linkname, member.size = tarfile.LNKTYPE, first, 0
        if member.isreg():
            with path.open("rb") as file:
                tar.addfile(member, file)
        else:
            tar.addfile(member)
        if member.isdir() and opaque(path):
            tar.addfile(_empty(f"{name}/{OPAQUE}", about))
    sink.write(END)  # and no more, where closing it would fill it up to ten kilobytes


def unpack(stream: IO[bytes], folder: Path) -> int:
    """Make a folder of changes of an archive; bytes in its files and links. Raises OSError, tarfile.TarError.

    Nothing keeps names inside of the folder, nor links: it has to be the root of whoever calls.
    """
    size, folders = 0, []
    with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape") as tar:
        for member in tar:
            path = folder / os.path.normpath("/" + member.name.lstrip("/")).lstrip("/")
            path.parent.mkdir(IMPLIED_MODE, parents=True, exist_ok=True)
            if path.name == OPAQUE:
                os.setxattr(path.parent, OPAQUE_ATTRIBUTE, b"y")
            elif path.name.startswith(WHITEOUT):
                if not path.name.startswith(RESERVED):
                    _remove(gone := path.with_name(path.name.removeprefix(WHITEOUT)))
                    os.mknod(gone, stat.S_IFCHR, os.makedev(0, 0))
            elif _extract(tar, member, path, folder):
                size += len(os.fsencode(member.linkname)) if member.issym() else member.size
                if member.isdir():
                    folders.append((path, member.mtime))
    for path, modified in reversed(folders):
        with suppress(FileNotFoundError):
            os.utime(path, (modified, modified))
    return size


def _attribute(path: Path, name: str) -> bytes:
    try:
        return os.getxattr(path, name, follow_symlinks=False)
    except OSError:
        return b""


def _empty(name: str, about: os.stat_result) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = 0o600, int(about.st_mtime)
    return member


def _member(name: str, about: os.stat_result, path: Path) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.mtime = stat.S_IMODE(about.st_mode), int(about.st_mtime)
    member.uid, member.gid = about.st_uid, about.st_gid
    if stat.S_ISDIR(about.st_mode):
        member.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(about.st_mode):
        member.type, member.linkname = tarfile.SYMTYPE, str(path.readlink())
    elif stat.S_ISFIFO(about.st_mode):
        member.type = tarfile.FIFOTYPE
    elif stat.S_ISREG(about.st_mode):
        member.size = about.st_size
        if value := _attribute(path, CAPABILITY):
            member.pax_headers = {IN_PAX + CAPABILITY: value.decode("utf-8", "surrogateescape")}
    else:
        member.type = tarfile.CHRTYPE if stat.S_ISCHR(about.st_mode) else tarfile.BLKTYPE
        member.devmajor, member.devminor = os.major(about.st_rdev), os.minor(about.st_rdev)
    return member


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path, folder: Path) -> bool:
    """One member; False for what root of a room cannot make, which engines in such namespaces leave out too."""
    if not (member.isdir() and path.is_dir() and not path.is_symlink()):
        _remove(path)
    if member.isdir():
        path.mkdir(exist_ok=True)
    elif member.issym():
        path.symlink_to(member.linkname)
    elif member.islnk():
        os.link(folder / member.linkname.lstrip("/"), path, follow_symlinks=False)
        return True
    elif member.isfifo():
        os.mkfifo(path)
    elif member.isreg():
        source = tar.extractfile(member)
        assert source is not None  # it is for what is no file
        with path.open("wb") as file:
            shutil.copyfileobj(source, file)
    else:
        return False
    os.lchown(path, member.uid, member.gid)
    if not member.issym():
        path.chmod(member.mode & 0o7777)
    if value := member.pax_headers.get(IN_PAX + CAPABILITY):
        os.setxattr(path, CAPABILITY, value.encode("utf-8", "surrogateescape"))
    os.utime(path, (member.mtime, member.mtime), follow_symlinks=False)
    return True
