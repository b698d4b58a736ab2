"""Archives by strangers: what is in them is taken, what attacks is left out or refused, and nothing crashes."""

import gzip
import io
import os
import stat
import struct
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.archives import archive, entries, zips
from checker.archives.archive import unpack
from checker.archives.entries import ArchiveRefused
from checker.archives.unpacked import WARNINGS_LIMIT, Unpacked
from checker.base.errors import EnvironmentFault

ANSWER = b"docker push it\n"
Member = tarfile.TarInfo | tuple[str, bytes]


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "aside" / "unpacked"


def zipped(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members:
            made.writestr(name, data)
    return path


def tarred(path: Path, *members: Member, mode: str = "w:gz", form: int = tarfile.PAX_FORMAT) -> Path:
    with tarfile.open(path, mode, format=form) as made:  # type: ignore[call-overload]
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                made.addfile(member)
            else:
                info = tarfile.TarInfo(member[0])
                info.size = len(member[1])
                info.mtime = 1_700_000_000
                made.addfile(info, io.BytesIO(member[1]))
    return path


def special(name: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def zip_link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def everything(target: Path) -> set[str]:
    """All that was written, next to the target too."""
    base = target.parent.parent
    return {str(path.relative_to(base)) for path in base.rglob("*") if not path.is_dir() or path.is_symlink()}


def kept(target: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def told(unpacked: Unpacked) -> str:
    return "\n".join(unpacked.warnings)


# What people hand in


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.tar"])
def test_what_common_programs_pack_is_unpacked_with_modes_and_links(
    tmp_path: Path, target: Path, name: str
) -> None:
    source = tmp_path / "source"
    (source / "steps").mkdir(parents=True)
    (source / "steps/push.sh").write_bytes(ANSWER)
    (source / "serve").write_bytes(b"#!/bin/sh\n")
    (source / "serve").chmod(0o755)
    (source / "same").symlink_to("steps/push.sh")
    path = tmp_path / name
    if name == "a.zip":
        with zipfile.ZipFile(path, "w") as made:
            made.write(source / "steps/push.sh", "steps/push.sh")
            made.write(source / "serve", "serve")
            made.writestr(zip_link("same"), "steps/push.sh")
    else:
        flags = "-cf" if name == "a.tar" else "-czf"
        subprocess.run(["tar", flags, str(path), "-C", str(source), "."], check=True)

    unpacked = unpack(path, target)

    assert unpacked.warnings == ()
    assert kept(target) == {"steps/push.sh": ANSWER, "serve": b"#!/bin/sh\n"}
    assert os.access(target / "serve", os.X_OK)
    assert not os.access(target / "steps/push.sh", os.X_OK)
    assert (target / "same").readlink() == Path("steps/push.sh")


def test_the_newest_file_says_when(tmp_path: Path, target: Path) -> None:
    path = tarred(tmp_path / "a.tgz", ("a", b""))

    assert unpack(path, target).newest == datetime.fromtimestamp(1_700_000_000, UTC)


def test_times_that_nobody_worked_at_say_nothing(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("a", (1980, 1, 1, 0, 0, 0))

    assert unpack(zipped(tmp_path / "a.zip", (info, b"")), target).newest is None


def test_a_zip_that_knows_utc_is_believed_rather_than_its_local_time(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("a", (2001, 1, 1, 0, 0, 0))
    info.extra = struct.pack("<HHBi", 0x5455, 5, 1, 1_700_000_000)

    unpacked = unpack(zipped(tmp_path / "a.zip", (info, b"")), target)

    assert unpacked.newest == datetime.fromtimestamp(1_700_000_000, UTC)


def test_litter_of_systems_is_left_out_without_a_word(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("__MACOSX/._a", b"x"), ("b/.DS_Store", b"x"), ("b/a", b"1"))

    assert unpack(path, target).warnings == ()
    assert kept(target) == {"b/a": b"1"}


def test_backslashes_of_windows_are_folders(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = "steps\\push.sh"

    unpack(zipped(tmp_path / "a.zip", (info, ANSWER)), target)

    assert kept(target) == {"steps/push.sh": ANSWER}


def test_names_in_utf_8_without_saying_so_are_read(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("caf\xe9", b"1"))
    data = path.read_bytes()
    # The flag "names are UTF-8" is bit 11: at byte 7 of a local header, at byte 9 of one in the directory.
    start, directory = bytearray(data), data.index(b"PK\x01\x02")
    start[7] &= ~0x08
    start[directory + 9] &= ~0x08
    path.write_bytes(bytes(start))

    unpack(path, target)

    assert kept(target) == {"caf\xe9": b"1"}


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tgz"])
def test_an_empty_archive_is_an_archive(tmp_path: Path, target: Path, name: str) -> None:
    path = zipped(tmp_path / name) if name == "a.zip" else None
    path = path or tarred(tmp_path / name, mode="w:gz" if name == "a.tgz" else "w")

    assert unpack(path, target) == Unpacked()


# Ways out


WAYS_OUT = ["../out", "a/../../out", "/out", "//out", "a/..", "..", "/"]


@pytest.mark.parametrize("name", WAYS_OUT)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_names_that_lead_out_are_left_out_and_told(
    tmp_path: Path, target: Path, name: str, form: str
) -> None:
    if form == "zip":
        path = zipped(tmp_path / "a.zip", (name, b"owned"), ("good", b"1"))
    else:
        path = tarred(tmp_path / "a.tar.gz", (name, b"owned"), ("good", b"1"))

    unpacked = unpack(path, target)

    assert kept(target) == {"good": b"1"}
    assert "leads out of the archive; it was left out." in told(unpacked)
    assert everything(target) == {path.name, "aside/unpacked/good"}


def test_backslashes_do_not_lead_out_either(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = "..\\..\\out"

    assert "leads out" in told(unpack(zipped(tmp_path / "a.zip", (info, b"owned")), target))
    assert everything(target) == {"a.zip"}


@pytest.mark.parametrize("to", ["/etc", "../..", "a/../../..", "/etc/passwd", ".."])
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_links_that_lead_out_are_left_out(tmp_path: Path, target: Path, to: str, form: str) -> None:
    if form == "zip":
        path = zipped(tmp_path / "a.zip", (zip_link("link"), to.encode()))
    else:
        path = tarred(tmp_path / "a.tar", special("link", tarfile.SYMTYPE, to), mode="w")

    unpacked = unpack(path, target)

    assert not (target / "link").is_symlink()
    assert "link is a link that leads out of the archive; it was left out." in unpacked.warnings


def test_nothing_is_written_through_a_link(tmp_path: Path, target: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = tarred(
        tmp_path / "a.tar",
        special("link", tarfile.SYMTYPE, str(outside)),
        ("link/owned", b"owned"),
        special("inner", tarfile.SYMTYPE, "folder"),
        ("inner/owned", b"owned"),
        mode="w",
    )

    unpacked = unpack(path, target)

    assert list(outside.iterdir()) == []
    assert kept(target) == {"link/owned": b"owned", "inner/owned": b"owned"}
    assert not any(entry.is_symlink() for entry in target.iterdir())
    assert len(unpacked.warnings) == 2


def test_links_that_lead_out_together_are_left_out_all(tmp_path: Path, target: Path) -> None:
    # Each looks harmless by its text alone: d is here, so d/x/../.. is above it.
    path = tarred(
        tmp_path / "a.tar",
        ("x/file", b""),
        special("d", tarfile.SYMTYPE, "."),
        special("e", tarfile.SYMTYPE, "d/x/../.."),
        special("f", tarfile.SYMTYPE, "e/aside"),
        mode="w",
    )

    unpacked = unpack(path, target)

    assert (target / "d").is_symlink()
    assert not (target / "e").is_symlink()
    assert "e is a link that leads out of the archive; it was left out." in unpacked.warnings
    for link in target.iterdir():
        assert Path(os.path.realpath(link)).is_relative_to(target)


def test_no_link_is_made_through_a_link(tmp_path: Path, target: Path) -> None:
    path = tarred(
        tmp_path / "a.tar",
        ("x/file", b""),
        special("d", tarfile.SYMTYPE, "."),
        special("e", tarfile.SYMTYPE, "d/x/../.."),  # above the target, until it is found out
        special("e/owned", tarfile.SYMTYPE, "x"),
        special("e/folder/owned", tarfile.SYMTYPE, "x"),
        mode="w",
    )

    unpack(path, target)

    assert everything(target) == {"a.tar", "aside/unpacked/x/file", "aside/unpacked/d"}
    assert list(target.parent.iterdir()) == [target]


def test_thousands_of_links_take_no_time(tmp_path: Path, target: Path) -> None:
    links = [special(f"l{n}", tarfile.SYMTYPE, f"l{n + 1}") for n in range(3000)]

    unpacked = unpack(tarred(tmp_path / "a.tgz", *links), target)

    assert len(list(target.iterdir())) == archive.LINKS_LIMIT
    assert "is one link too many" in told(unpacked)


def test_links_in_a_circle_harm_nothing(tmp_path: Path, target: Path) -> None:
    links = [special("a", tarfile.SYMTYPE, "b"), special("b", tarfile.SYMTYPE, "a")]

    unpack(tarred(tmp_path / "a.tar", *links, ("c", b"1"), mode="w"), target)

    assert kept(target) == {"c": b"1"}


@pytest.mark.parametrize("to", ["/etc/passwd", "../../a.tar", "nothing", "x/../good", "link"])
def test_hard_links_to_anything_else_than_a_file_of_the_archive_are_left_out(
    tmp_path: Path, target: Path, to: str
) -> None:
    path = tarred(tmp_path / "a.tar", ("good", b"1"), special("link", tarfile.LNKTYPE, to), mode="w")

    unpacked = unpack(path, target)

    assert kept(target) == {"good": b"1"}
    assert "link is a hard link to what is no file of the archive" in told(unpacked)


def test_a_hard_link_inside_is_a_copy(tmp_path: Path, target: Path) -> None:
    path = tarred(tmp_path / "a.tar", ("good", b"1"), special("same", tarfile.LNKTYPE, "good"), mode="w")

    assert unpack(path, target).warnings == ()
    assert kept(target) == {"good": b"1", "same": b"1"}
    assert (target / "same").stat().st_nlink == 1


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_left_out(tmp_path: Path, target: Path, kind: bytes) -> None:
    unpacked = unpack(tarred(tmp_path / "a.tar", special("device", kind), mode="w"), target)

    assert unpacked.warnings == ("device is a device or a pipe; it was left out.",)
    assert list(target.iterdir()) == []


# Names


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a\x1b[31mb", "characters that cannot be shown"),
        ("a\nb", "characters that cannot be shown"),
        ("x" * 256, "too long"),
        ("/".join(["xxxxxxxxx" * 20] * 10), "too long"),
        ("/".join("x" * 40), "folders deep"),
    ],
)
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_names_that_cannot_be_kept_are_left_out(
    tmp_path: Path, target: Path, name: str, why: str, form: str
) -> None:
    if form == "zip":
        path = zipped(tmp_path / "a.zip", (name, b"x"), ("good", b"1"))
    else:
        path = tarred(tmp_path / "a.tar", (name, b"x"), ("good", b"1"), mode="w")

    unpacked = unpack(path, target)

    assert kept(target) == {"good": b"1"}
    assert why in told(unpacked)
    assert "\x1b" not in told(unpacked)


def test_a_name_that_is_no_utf_8_is_left_out_of_a_tar(tmp_path: Path, target: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    path = tarred(tmp_path / "a.tar", (name, b"x"), ("good", b"1"), mode="w", form=tarfile.GNU_FORMAT)

    unpacked = unpack(path, target)

    assert kept(target) == {"good": b"1"}
    assert "has a name that is no UTF-8; it was left out." in told(unpacked)


@pytest.mark.parametrize(
    ("raw", "page", "name"),
    [
        (b"caf\x82", "cp850", "caf\xe9"),
        (b"J\x94rg M\x81ller", "cp850", "J\xf6rg M\xfcller"),
        (b"caf\xe9", "cp1252", "caf\xe9"),
        ("\u0418\u0432\u0430\u043d".encode("cp866"), "cp866", "\u0418\u0432\u0430\u043d"),
        (b"a\xb0b", "cp437", "a\u2591b"),
    ],
)
def test_a_name_in_a_code_page_is_read_and_told(
    tmp_path: Path, target: Path, raw: bytes, page: str, name: str
) -> None:
    path = zipped(tmp_path / "a.zip", ("x" * len(raw), b"x"))
    path.write_bytes(path.read_bytes().replace(b"x" * len(raw), raw))

    assert f"{name} has a name that is no UTF-8; it was read as {page}." in told(unpack(path, target))
    assert kept(target) == {name: b"x"}


def test_a_name_in_a_code_page_does_not_lead_out(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("xx/xxxx", b"owned"), ("good", b"1"))
    path.write_bytes(path.read_bytes().replace(b"xx/xxxx", b"../\x82\x82\x82\x82"))

    assert "leads out of the archive" in told(unpack(path, target))
    assert everything(target) == {"a.zip", "aside/unpacked/good"}


def test_the_name_in_unicode_that_an_archive_has_too_is_believed(tmp_path: Path, target: Path) -> None:
    info = zipfile.ZipInfo("xxxx")
    raw, name = b"caf\x82", "caf\xe9".encode()
    info.extra = struct.pack("<HHBI", 0x7075, 5 + len(name), 1, zlib.crc32(raw)) + name
    path = zipped(tmp_path / "a.zip", (info, b"1"))
    path.write_bytes(path.read_bytes().replace(b"xxxx", raw))

    assert unpack(path, target).warnings == ()
    assert kept(target) == {"caf\xe9": b"1"}


def test_whole_paths_from_the_root_are_unpacked_below_and_told(tmp_path: Path, target: Path) -> None:
    members = (("/home/ada/steps/push.sh", ANSWER), ("/home/ada/note.txt", b"1"))
    for path in (zipped(tmp_path / "a.zip", *members), tarred(tmp_path / "a.tgz", *members)):
        into = target.with_name(path.name)

        assert "were unpacked below the archive" in told(unpack(path, into))
        assert kept(into) == {"home/ada/steps/push.sh": ANSWER, "home/ada/note.txt": b"1"}


def test_whole_paths_with_a_way_up_lead_out_all_the_same(tmp_path: Path, target: Path) -> None:
    unpacked = unpack(zipped(tmp_path / "a.zip", ("/../../out", b"owned"), ("/a/b", b"1")), target)

    assert "leads out of the archive" in told(unpacked)
    assert everything(target) == {"a.zip", "aside/unpacked/a/b"}


def test_only_what_is_asked_for_is_unpacked(tmp_path: Path, target: Path) -> None:
    path = tarred(
        tmp_path / "a.tar",
        ("ada/good", b"1"),
        ("adam/other", b"2"),
        ("top", b"3"),
        special("ada/same", tarfile.LNKTYPE, "top"),
        mode="w",
    )

    unpacked = unpack(path, target, "ada")

    assert unpacked.warnings == ()
    assert kept(target) == {"ada/good": b"1", "ada/same": b"3", "top": b"3"}


@pytest.mark.parametrize(
    ("extra", "zoned"),
    [
        (struct.pack("<HHBi", 0x5455, 5, 1, 1_700_000_000), True),
        (struct.pack("<HHii", 0x5855, 8, 1_600_000_000, 1_700_000_000), True),
        (
            struct.pack("<HHIHHQQQ", 0x000A, 32, 0, 1, 24, (1_700_000_000 + 11_644_473_600) * 10**7, 0, 0),
            True,
        ),
        (b"", False),
    ],
    ids=["info-zip", "old unix", "7-zip", "none"],
)
def test_a_time_has_a_zone_only_if_the_archive_says_it(
    tmp_path: Path, target: Path, extra: bytes, zoned: bool
) -> None:
    at = datetime.fromtimestamp(1_700_000_000, UTC)
    info = zipfile.ZipInfo("a", at.astimezone().timetuple()[:6])
    info.extra = extra

    unpacked = unpack(zipped(tmp_path / "a.zip", (info, b"")), target)

    assert unpacked.newest == at
    assert (unpacked.earliest == unpacked.latest == at) is zoned
    if not zoned:
        assert unpacked.earliest is not None
        assert unpacked.latest is not None
        assert unpacked.latest - unpacked.earliest == timedelta(hours=26)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("form", ["zip", "tar"])
def test_of_a_name_that_stands_twice_the_last_counts(tmp_path: Path, target: Path, form: str) -> None:
    members = (("a", b"1"), ("./a", b"2"))
    path = zipped(tmp_path / "a.zip", *members) if form == "zip" else tarred(tmp_path / "a.tgz", *members)

    unpacked = unpack(path, target)

    assert kept(target) == {"a": b"2"}
    assert unpacked.warnings == ("a stands in the archive twice; the last one counts.",)


@pytest.mark.parametrize("members", [[("a", b"1"), ("a/b", b"2")], [("a/b", b"2"), ("a", b"1")]])
def test_a_name_that_is_file_and_folder_is_told(
    tmp_path: Path, target: Path, members: list[tuple[str, bytes]]
) -> None:
    unpacked = unpack(zipped(tmp_path / "a.zip", *members), target)

    assert len(kept(target)) == 1
    assert "it was left out." in told(unpacked)


def test_thousands_of_complaints_are_summed_up(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", *((f"../{number}", b"") for number in range(500)))

    unpacked = unpack(path, target)

    assert len(unpacked.warnings) == WARNINGS_LIMIT + 1
    assert unpacked.warnings[-1] == "450 more entries of the archive were left out."


# Bombs


def refused(path: Path, target: Path) -> ArchiveRefused:
    with pytest.raises(ArchiveRefused) as raised:
        unpack(path, target)
    assert len(everything(target)) < 20
    return raised.value


def test_a_bomb_by_ratio_is_refused(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("zeros", bytes(20 * 2**20)))
    again = tarred(tmp_path / "a.tgz", ("zeros", bytes(20 * 2**20)))

    for bomb in (path, again):
        found = refused(bomb, target.with_name(bomb.name))
        assert found.code == "archive-too-large"
        assert "200 times its size" in found.observed


def test_a_bomb_by_size_is_refused(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "UNPACKED_LIMIT", 2**20)
    data = os.urandom(2**19)
    path = tarred(tmp_path / "a.tgz", *((str(number), data) for number in range(3)))

    assert "more than 1 MiB" in refused(path, target).observed


def test_a_bomb_by_number_is_refused(tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "ENTRIES_LIMIT", 100)
    path = tarred(tmp_path / "a.tgz", *((str(number), b"") for number in range(101)))

    assert refused(path, target).observed == "It holds more than 100 entries."


def test_an_archive_too_large_to_look_into_is_refused(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "PACKED_LIMIT", 10)

    assert refused(zipped(tmp_path / "a.zip", ("a", b"")), target).code == "archive-too-large"


def test_entries_that_share_their_bytes_are_counted_each(tmp_path: Path, target: Path) -> None:
    """The bomb without recursion: one stream of bytes, named by every entry of the table of contents."""
    path = zipped(tmp_path / "a.zip", ("a", os.urandom(2**20) + bytes(3 * 2**20)))
    data = path.read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.rindex(b"PK\x05\x06")
    entry, count = data[at:end], 500
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, at, 0)
    path.write_bytes(data[:at] + entry * count + tail)

    unpacked = unpack(path, target)  # one name, 500 times: it counts once

    assert list(kept(target)) == ["a"]
    assert len(unpacked.warnings) == WARNINGS_LIMIT + 1
    listed = b"".join(entry[:-1] + bytes([33 + number]) for number in range(90))
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 90, 90, len(listed), at, 0)
    path.write_bytes(data[:at] + listed + tail)
    assert refused(path, target.with_name("again")).code == "archive-too-large"


def test_a_size_that_is_a_lie_is_found_out(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"x" * 1000))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\x01\x02") + 24, 10)
    path.write_bytes(bytes(data))

    assert refused(path, target).code == "archive-unreadable"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XGLTYPE])
def test_a_header_as_large_as_a_memory_is_not_read(tmp_path: Path, target: Path, kind: bytes) -> None:
    info = special("bomb", kind)
    info.size = 8 * 2**30
    path = tmp_path / "a.tar"
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(10240))

    assert refused(path, target).code == "archive-too-large"


def test_a_sparse_file_is_as_large_as_it_says(tmp_path: Path, target: Path) -> None:
    holes = tmp_path / "holes"
    with holes.open("wb") as file:
        file.truncate(8 * 2**30)
    path = tmp_path / "a.tar"
    subprocess.run(["tar", "--sparse", "-cf", str(path), "-C", str(tmp_path), "holes"], check=True)
    holes.unlink()

    assert refused(path, target).code == "archive-too-large"


def test_a_table_of_contents_as_large_as_a_memory_is_not_read(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zips, "DIRECTORY_LIMIT", 100)

    assert "table of contents" in refused(zipped(tmp_path / "a.zip", ("a" * 90, b"")), target).observed


def test_a_chain_of_ten_thousand_hard_links_is_no_crash(tmp_path: Path, target: Path) -> None:
    links = [special(str(n), tarfile.LNKTYPE, str(n - 1)) for n in range(1, 5000)]

    unpack(tarred(tmp_path / "a.tgz", ("0", b"1"), *links), target)

    assert len(kept(target)) == 5000


# Broken and foreign


def broken() -> Iterable[tuple[str, Callable[[Path], None]]]:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as made:
        info = tarfile.TarInfo("a")
        info.size = 5000
        made.addfile(info, io.BytesIO(os.urandom(5000)))
    tar = whole.getvalue()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zip_made:
        zip_made.writestr("a", os.urandom(5000))
    zip_ = packed.getvalue()
    yield "empty.zip", lambda path: path.write_bytes(b"") and None
    yield "text.zip", lambda path: path.write_bytes(b"no archive") and None
    yield "html.tar.gz", lambda path: path.write_bytes(b"<html>Please log in</html>" * 100) and None
    yield "rar.rar", lambda path: path.write_bytes(b"Rar!\x1a\x07\x01\x00" * 100) and None
    yield "xz.tar.xz", lambda path: path.write_bytes(b"\xfd7zXZ\x00" * 100) and None
    yield "cut.tar", lambda path: path.write_bytes(tar[:3000]) and None
    yield "cut.tgz", lambda path: path.write_bytes(gzip.compress(tar)[:2000]) and None
    yield "crc.tgz", lambda path: path.write_bytes(gzip.compress(tar)[:-8] + bytes(8)) and None
    yield "cut.zip", lambda path: path.write_bytes(zip_[:3000]) and None
    yield "crc.zip", lambda path: path.write_bytes(zip_[:100] + b"oops" + zip_[104:]) and None
    yield "gzip.gz", lambda path: path.write_bytes(gzip.compress(b"text" * 1000)) and None


@pytest.mark.parametrize(("name", "write"), [pytest.param(*case, id=case[0]) for case in broken()])
def test_what_is_broken_or_no_archive_is_refused_with_a_reason(
    tmp_path: Path, target: Path, name: str, write: Callable[[Path], None]
) -> None:
    path = tmp_path / name
    write(path)

    found = refused(path, target)

    assert archive.is_archive(path)
    assert found.code == "archive-unreadable"
    assert found.observed.endswith(".")


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_rare_ways_of_packing_are_refused(tmp_path: Path, target: Path, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as made:
        made.writestr("a", ANSWER)

    assert "not every program can unpack" in refused(tmp_path / "a.zip", target).observed


def test_a_password_is_told(tmp_path: Path, target: Path) -> None:
    path = zipped(tmp_path / "a.zip", ("a", b"secret"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(data))

    assert refused(path, target).observed == "It is protected by a password."


def test_a_full_disk_is_the_machines_fault(
    tmp_path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archive, "_unpack", full)

    with pytest.raises(EnvironmentFault, match="No space left on device"):
        unpack(zipped(tmp_path / "a.zip"), target)


WHOLE_ZIP = io.BytesIO()
with zipfile.ZipFile(WHOLE_ZIP, "w", zipfile.ZIP_DEFLATED) as _made:
    _made.writestr("steps/push.sh", ANSWER * 20)
    _made.writestr(zip_link("link"), "steps")
WHOLE_TAR = io.BytesIO()
with tarfile.open(fileobj=WHOLE_TAR, mode="w") as _tar:
    _info = tarfile.TarInfo("steps/push.sh")
    _info.size = len(ANSWER)
    _tar.addfile(_info, io.BytesIO(ANSWER))
    _tar.addfile(special("link", tarfile.SYMTYPE, "steps"))
    _tar.addfile(special("hard", tarfile.LNKTYPE, "steps/push.sh"))


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    whole=st.sampled_from([WHOLE_ZIP.getvalue(), WHOLE_TAR.getvalue()]),
    changes=st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=4)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_damage_of_any_kind_is_no_crash_and_writes_nothing_outside(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, changes: list[tuple[int, bytes]], cut: int
) -> None:
    base = tmp_path_factory.mktemp("damage")
    data = bytearray(whole)
    for at, new in changes:
        data[at % len(data) : at % len(data) + len(new)] = new
    path = base / "a.zip"
    path.write_bytes(bytes(data[: len(data) - cut % 50 if cut % 3 == 0 else len(data)]))

    with suppress(ArchiveRefused):
        unpack(path, base / "in" / "side")
    assert {entry.name for entry in base.iterdir()} <= {"a.zip", "in"}
    assert {entry.name for entry in (base / "in").glob("*")} <= {"side"}
