"""Put the files of Debian packages, and our own, into one image layer.

Nothing is unpacked onto the disk: owners, modes and links go from the packages into the layer as they
are, whoever runs this. The same packages give the same bytes: sorted, one time stamp, no names.
"""

import fnmatch
import io
import tarfile
from collections.abc import Iterable, Mapping
from typing import IO

from checker.engine.origins import Recipe

TRIPLETS = {"amd64": "x86_64", "arm64": "aarch64"}
"""Debian's (and the OCI's) name of an architecture -> the first part of its library folders."""

MERGED = ("bin", "sbin", "lib", "lib64")
"""Folders that are links into /usr, as on Debian itself, where older packages still ship into both."""

LEFT_OUT = (
    "usr/lib/python3*/pydoc_data/*",
    "usr/lib/python3*/test/*",
    "usr/share/doc/*/changelog*",
    "usr/share/doc/*/NEWS*",
    "usr/share/doc/*/README*",
    "usr/share/info/*",
    "usr/share/initramfs-tools/*",
    "usr/share/lintian/*",
    "usr/share/locale/*",
    "usr/share/man/*",
    "usr/bin/*-dwp",
    "usr/bin/*-gold",
    "usr/bin/*-gprof*",
    "usr/bin/*-ld.gold",
    "usr/lib/*/gconv/*",
    "usr/lib/systemd/*",
    "etc/init.d/*",
)
"""What an image has no use for. Each package's copyright file stays."""

Entry = tuple[tarfile.TarInfo, bytes]


def build(recipe: Recipe, packages: Iterable[IO[bytes]], architecture: str) -> bytes:
    """Return the layer as an uncompressed tar. packages: the tar stream of each package's files.

    Raises KeyError for an architecture this project does not know.
    """
    machine = TRIPLETS[architecture]
    entries: dict[str, Entry] = {}
    for folder in MERGED:
        _put(entries, _link(folder, f"usr/{folder}"))
        _put(entries, _folder(f"usr/{folder}", 0o755))
    for path, mode in recipe.folders.items():
        _put(entries, _folder(path, mode))
    for path, file in recipe.files.items():
        text = file.text.replace("@GNU@", f"{machine}-linux-gnu").replace("@MUSL@", f"{machine}-linux-musl")
        _put(entries, _file(path, text.encode(), file.mode))
    for path, target in recipe.links.items():
        _put(entries, _link(path, target))
    for package in packages:
        for entry in _entries(package):
            _put(entries, entry)
    for path in list(entries):
        _add_parents(entries, path)
    return _tar(entries)


def plain(files: Mapping[str, bytes], folders: Mapping[str, int]) -> bytes:
    """Return a layer of ordinary files, readable by all, and folders with their modes, as an uncompressed
    tar."""
    entries: dict[str, Entry] = {}
    for path, mode in folders.items():
        _put(entries, _folder(path, mode))
    for path, data in files.items():
        _put(entries, _file(path, data, 0o644))
    for path in list(entries):
        _add_parents(entries, path)
    return _tar(entries)


def _entries(package: IO[bytes]) -> Iterable[Entry]:
    with tarfile.open(fileobj=package, mode="r|") as archive:
        for member in archive:
            path = _merged(member.name.removeprefix("./").strip("/"))
            if not path or any(fnmatch.fnmatchcase(path, pattern) for pattern in LEFT_OUT):
                continue
            content = archive.extractfile(member) if member.isreg() else None
            if member.islnk():
                member.linkname = _merged(member.linkname.removeprefix("./"))
            member.name = path
            yield member, content.read() if content else b""


def _merged(path: str) -> str:
    return f"usr/{path}" if path.partition("/")[0] in MERGED and path not in MERGED else path


def _put(entries: dict[str, Entry], entry: Entry) -> None:
    """Keep an entry unless there is one of that name: what is put first wins."""
    entries.setdefault(entry[0].name, entry)


def _add_parents(entries: dict[str, Entry], path: str) -> None:
    parent = path.rpartition("/")[0]
    if parent and parent not in entries:
        _put(entries, _folder(parent, 0o755))
        _add_parents(entries, parent)


def _tar(entries: dict[str, Entry]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        # Hard links come last, when the file they name is there.
        for name in sorted(entries, key=lambda name: (entries[name][0].islnk(), name)):
            info, data = entries[name]
            info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
            info.pax_headers = {}
            archive.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return stream.getvalue()


def _folder(path: str, mode: int) -> Entry:
    info = tarfile.TarInfo(path)
    info.type, info.mode = tarfile.DIRTYPE, mode
    return info, b""


def _file(path: str, data: bytes, mode: int) -> Entry:
    info = tarfile.TarInfo(path)
    info.size, info.mode = len(data), mode
    return info, data


def _link(path: str, target: str) -> Entry:
    info = tarfile.TarInfo(path)
    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
    return info, b""
