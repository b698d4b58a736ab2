"""Archives that are unpacked once: what is kept is what is unpacked anew, and nothing of it outlives the grading."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from checker.archives import archive, nested, shelf
from checker.archives.entries import ArchiveRefused
from checker.archives.nested import Opened
from checker.archives.unpacked import Unpacked


@contextmanager
def keeping() -> Iterator[Path]:
    with TemporaryDirectory() as folder, shelf.using(Path(folder)):
        yield Path(folder)


@pytest.fixture
def unpackings(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The archives that were really unpacked."""
    found: list[Path] = []
    unpack = archive.unpack

    def counted(path: Path, target: Path, below: str = "") -> Unpacked:
        found.append(path)
        return unpack(path, target, below)

    monkeypatch.setattr(archive, "unpack", counted)
    return found


@pytest.fixture
def of_a_class(tmp_path: Path) -> Path:
    """Two people's archives in one, each with something to tell of."""
    for person, year in (("ada", 2024), ("bob", 2025)):
        with zipfile.ZipFile(tmp_path / f"{person}.zip", "w") as packed:
            packed.writestr(zipfile.ZipInfo("work/answer.sh", (year, 5, 6, 7, 8, 10)), f"echo {person}\n")
            packed.writestr("../leads-out", "")
    with zipfile.ZipFile(tmp_path / "class.zip", "w") as packed:
        for person in ("ada", "bob"):
            packed.write(tmp_path / f"{person}.zip", f"{person}/{person}.zip")
    return tmp_path / "class.zip"


def opened(path: Path, way: str, aside: Path) -> tuple[Opened, str]:
    aside.mkdir()
    found = nested.opened(path, way, aside)
    return found, (found.folder / "answer.sh").read_text()


@pytest.mark.parametrize("person", ["ada", "bob"])
def test_what_is_kept_is_what_would_be_unpacked(of_a_class: Path, tmp_path: Path, person: str) -> None:
    way = f"{person}/{person}.zip/work"
    anew, text = opened(of_a_class, way, tmp_path / "1")
    with keeping():
        with shelf.unpacked(of_a_class) as whole, shelf.unpacked(whole.folder / person / f"{person}.zip"):
            pass
        kept, kept_text = opened(of_a_class, way, tmp_path / "2")

    assert kept_text == text == f"echo {person}\n"
    assert kept.warnings == anew.warnings
    assert len(kept.warnings) == 1
    assert kept.unpacked.newest == anew.unpacked.newest
    assert (kept.unpacked.earliest, kept.unpacked.latest) == (anew.unpacked.earliest, anew.unpacked.latest)


def test_each_archive_is_unpacked_once(of_a_class: Path, tmp_path: Path, unpackings: list[Path]) -> None:
    with keeping() as folder:
        for _ in range(2):
            with shelf.unpacked(of_a_class) as whole, shelf.unpacked(whole.folder / "ada/ada.zip"):
                pass
        opened(of_a_class, "ada/ada.zip/work", tmp_path / "1")
        with shelf.using(None):
            assert shelf.kept(of_a_class) is None
        with shelf.using(folder):  # as another process does it
            opened(of_a_class, "ada/ada.zip/work", tmp_path / "2")

    assert [path.name for path in unpackings] == ["class.zip", "ada.zip"]


def test_nothing_is_left_and_nothing_kept_afterwards(of_a_class: Path, unpackings: list[Path]) -> None:
    with keeping() as folder, shelf.unpacked(of_a_class):
        assert any(folder.iterdir())

    assert not folder.exists()
    assert shelf.current() is None
    with shelf.unpacked(of_a_class) as whole:
        assert (whole.folder / "ada/ada.zip").is_file()
    assert not whole.folder.exists()
    assert len(unpackings) == 2


def test_an_archive_that_was_changed_is_unpacked_anew(of_a_class: Path) -> None:
    with keeping():
        with shelf.unpacked(of_a_class):
            pass
        with zipfile.ZipFile(of_a_class, "a") as packed:
            packed.writestr("late.txt", "")
        with shelf.unpacked(of_a_class) as whole:
            assert (whole.folder / "late.txt").is_file()


def test_a_broken_one_is_refused_each_time_for_the_same_reason(tmp_path: Path) -> None:
    broken = tmp_path / "a.zip"
    broken.write_bytes(b"PK\x03\x04 no more")
    said = set()
    with keeping() as folder:
        for _ in range(2):
            with pytest.raises(ArchiveRefused) as refused, shelf.unpacked(broken):
                pass
            said.add(refused.value.observed)
        assert not any(folder.iterdir())

    assert len(said) == 1


def test_an_archive_called_like_what_is_told_of_it_is_one(tmp_path: Path) -> None:
    path = tmp_path / f"{shelf.ABOUT}.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("answer.sh", "")
    with keeping():
        for _ in range(2):
            with shelf.unpacked(path) as whole:
                assert (whole.folder / "answer.sh").is_file()


def test_what_comes_when_much_is_kept_already_is_not_kept(
    of_a_class: Path, tmp_path: Path, unpackings: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf, "KEPT_LIMIT", 1)
    with keeping():
        for _ in range(2):
            with shelf.unpacked(of_a_class), shelf.unpacked(tmp_path / "ada.zip") as ada:
                assert (ada.folder / "work/answer.sh").is_file()
        assert not ada.folder.exists()

    assert [path.name for path in unpackings] == ["class.zip", "ada.zip", "ada.zip"]
