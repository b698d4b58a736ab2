"""A layer as an archive: nothing is lost on the way from a folder to one and back, and nothing leads out of it."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from checker.sandbox.layers import changeset
from checker.sandbox.layers.driver import _Body, _Chunks

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")
"""net_bind_service, as the kernel keeps it (capabilities(7))."""
rooted = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away and make whiteouts")


def packed(folder: Path) -> bytes:
    into = io.BytesIO()
    changeset.pack(folder, into)
    return into.getvalue()


def unpacked(archive: bytes, folder: Path) -> int:
    folder.mkdir()
    return changeset.unpack(io.BytesIO(archive), folder)


def archive(*members: tarfile.TarInfo) -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return into.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size, found.mtime = kind, link, size, 1_700_000_000
    return found


def about(folder: Path) -> dict[str, object]:
    """All that a layer keeps of its files; equal numbers are the same file."""
    found: dict[str, object] = {}
    numbers: dict[int, int] = {}
    for name, info in changeset.entries(folder):
        path = folder / name
        content: object = None
        if stat.S_ISREG(info.st_mode):
            content = path.read_bytes()
        elif stat.S_ISLNK(info.st_mode):
            content = path.readlink()
        who = numbers.setdefault(info.st_ino, len(numbers))
        attributes = {key: os.getxattr(path, key) for key in os.listxattr(path, follow_symlinks=False)}
        found[name] = (info.st_mode, info.st_uid, info.st_gid, int(info.st_mtime), content, who, attributes)
    return found


@rooted
def test_what_is_packed_and_unpacked_again_is_the_same(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "folder/inner").mkdir(parents=True)
    (here / "folder/file").write_bytes(b"content" * 100_000)
    (here / "folder/file").chmod(0o4751)
    os.link(here / "folder/file", here / "again")
    (here / "link").symlink_to("../out/of/here")
    (here / ("long " * 40 + "ü")).write_text("a name that no old header holds")
    (here / os.fsdecode(b"no \xff text")).touch()
    os.mkfifo(here / "pipe", 0o600)
    os.chown(here / "folder/inner", 70_000, 80_000)
    (here / "server").write_text("#!/bin/sh")
    os.setxattr(here / "server", "security.capability", CAPABILITY)
    os.utime(here / "folder", (1_600_000_000, 1_600_000_000))

    size = unpacked(packed(here), tmp_path / "there")

    assert about(tmp_path / "there") == about(here)
    assert size == 700_000 + 31 + 9 + len("../out/of/here")


@rooted
def test_what_was_removed_stays_removed(tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "emptied").mkdir(parents=True)
    os.setxattr(here / "emptied", "user.overlay.opaque", b"y")
    os.mknod(here / "gone", stat.S_IFCHR, os.makedev(0, 0))
    os.mknod(here / "emptied/inner", stat.S_IFCHR, os.makedev(0, 0))

    data = packed(here)
    unpacked(data, tmp_path / "there")

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert sorted(tar.getnames()) == [".wh.gone", "emptied", "emptied/.wh..wh..opq", "emptied/.wh.inner"]
    assert changeset.opaque(tmp_path / "there/emptied")
    for name in ("gone", "emptied/inner"):
        assert changeset.removed((tmp_path / "there" / name).lstat())


def test_no_change_is_the_archive_that_engines_know_as_no_change(tmp_path: Path) -> None:
    assert packed(tmp_path) == bytes(1024)


def test_sockets_are_left_out(tmp_path: Path) -> None:
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)

    assert packed(tmp_path) == bytes(1024)


@rooted
def test_a_later_member_replaces_an_earlier_one(tmp_path: Path) -> None:
    data = archive(
        member("a", tarfile.DIRTYPE),
        member("a/b", size=3),
        member("a", tarfile.SYMTYPE, "c"),
        member("d", tarfile.SYMTYPE, "a"),
        member("d", tarfile.DIRTYPE),
        member("e", tarfile.DIRTYPE),
        member("e/f", size=2),
        member("e", tarfile.DIRTYPE),
    )

    unpacked(data, tmp_path / "there")

    there = tmp_path / "there"
    assert (there / "a").readlink() == Path("c")
    assert stat.S_ISDIR((there / "d").lstat().st_mode)
    assert (there / "e/f").read_bytes() == b"xx"


@rooted
def test_names_lead_nowhere_else(tmp_path: Path) -> None:
    data = archive(member("../../up", size=1), member("/absolute", size=1), member("./a/../b", size=1))

    unpacked(data, tmp_path / "there")

    assert sorted(changeset.names(tmp_path / "there")) == ["absolute", "b", "up"]
    assert changeset.names(tmp_path) == {"there"}


@rooted
def test_devices_and_other_marks_of_old_engines_are_left_out(tmp_path: Path) -> None:
    data = archive(member("device", tarfile.CHRTYPE), member(".wh..wh.plnk", size=1), member("kept", size=1))

    unpacked(data, tmp_path / "there")

    assert changeset.names(tmp_path / "there") == {"kept"}


@pytest.mark.parametrize("length", [0, 1, 1023])
def test_an_archive_that_stops_early_is_an_error(tmp_path: Path, length: int) -> None:
    data = archive(member("file", size=5000))[: 512 + length]

    with pytest.raises((tarfile.TarError, OSError)):
        unpacked(data, tmp_path / "there")


@pytest.mark.parametrize("sizes", [[], [1], [5, 300_000, 7], [262_144, 262_144]])
def test_a_body_in_pieces_is_what_was_written(sizes: list[int]) -> None:
    sent = io.BytesIO()
    chunks = _Chunks(sent)
    pieces = [bytes([65 + place]) * size for place, size in enumerate(sizes)]
    for piece in pieces:
        chunks.write(piece)
    chunks.close()
    sent.write(b"the next request")
    sent.seek(0)
    body = _Body(sent)

    assert body.read(3) + body.read() == b"".join(pieces)
    assert body.read(1) == b""
    assert sent.read() == b"the next request"


def test_a_body_that_stops_early_is_an_error() -> None:
    with pytest.raises(EOFError):
        _Body(io.BytesIO(b"5\r\nabc")).read()
