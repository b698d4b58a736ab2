"""Where the packages of base images come from on machines that are not Debian 12."""

import subprocess
from pathlib import Path

import pytest

from checker.engine.origins import debian12

TRIXIE = 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n'
TARGETS = (
    "http://mirror.example/debian-security/\nhttp://mirror.example/debian/\nhttp://mirror.example/debian/\n"
)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian 13 with Debian's keys and a mirror of its own."""
    (tmp_path / "os-release").write_text(TRIXIE)
    (tmp_path / "keys.gpg").touch()
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(debian12, "OS_RELEASE", tmp_path / "os-release")
    monkeypatch.setattr(debian12, "KEYRINGS", (tmp_path / "none.pgp", tmp_path / "keys.gpg"))
    monkeypatch.setattr(
        debian12.subprocess, "run", lambda words, **_: subprocess.CompletedProcess(words, 0, TARGETS, "")
    )
    return tmp_path


def test_another_release_takes_the_packages_of_debian_12_from_its_own_mirror(machine: Path) -> None:
    options = debian12.options()

    place = machine / "cache/debian-12"
    assert f"Dir::Etc::SourceList={place}/sources.list" in options
    line = (place / "sources.list").read_text()
    assert line == f"deb [signed-by={machine}/keys.gpg] http://mirror.example/debian bookworm main\n"


@pytest.mark.parametrize("about", [TRIXIE.replace("13", "12"), TRIXIE.replace('"13"', "12")])
def test_debian_12_takes_what_it_has(machine: Path, about: str) -> None:
    (machine / "os-release").write_text(about)

    assert debian12.options() == []


def test_without_debians_keys_nothing_can_be_taken_from_there(machine: Path) -> None:
    (machine / "keys.gpg").unlink()

    assert debian12.options() == []


def test_where_apt_knows_no_mirror_the_public_one_is_asked(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        debian12.subprocess, "run", lambda words, **_: subprocess.CompletedProcess(words, 100, "", "E: no")
    )
    (machine / "os-release").write_text("ID=ubuntu\nVERSION_ID=12\n")

    debian12.options()

    assert debian12.MIRROR in (machine / "cache/debian-12/sources.list").read_text()
