"""Taking submissions in: what is copied, what is left out, what is told."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from checker.base.errors import EnvironmentFault
from checker.base.model import Lab
from checker.judge import submission
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ada" / TinyLab.name
    (path / "steps").mkdir(parents=True)
    (path / "steps/push.sh").write_text("echo mine\n")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "taken"


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_answers_are_copied_and_private_things_are_not(lab: Lab, source: Path, target: Path) -> None:
    for folder in (".git", ".lab", "app/.lab"):
        (source / folder).mkdir(parents=True)
        (source / folder / "x").touch()

    intake = submission.take_in(lab, source, target)

    assert intake == submission.Intake(())
    assert files(target) == {"steps/push.sh", "app/.lab/x"}


def test_what_a_learner_made_executable_stays_so(lab: Lab, source: Path, target: Path) -> None:
    (source / "serve").write_text("#!/bin/sh\n")
    (source / "serve").chmod(0o700)

    submission.take_in(lab, source, target)

    assert os.access(target / "serve", os.X_OK)
    assert not os.access(target / "steps/push.sh", os.X_OK)


def test_git_and_lab_stay_out_whatever_they_are(lab: Lab, source: Path, target: Path) -> None:
    (source / ".git").write_text("gitdir: /somewhere/else\n")
    (source / ".lab").symlink_to("/etc")

    submission.take_in(lab, source, target)

    assert files(target) == {"steps/push.sh"}


def test_links_inside_stay_links_and_links_out_stay_out(lab: Lab, source: Path, target: Path) -> None:
    (source / "inside").symlink_to("steps/push.sh")
    (source / "absolute").symlink_to(source / "steps/push.sh")
    (source / "outside").symlink_to("../../root")
    (source / "loop").symlink_to("loop")

    intake = submission.take_in(lab, source, target)

    assert (target / "inside").readlink() == Path("steps/push.sh")
    assert files(target) <= {"steps/push.sh", "inside", "loop"}
    assert [text.split()[0] for text in intake.warnings if "leads out" in text] == ["absolute", "outside"]


def test_too_many_files_and_too_many_bytes_are_refused(
    lab: Lab, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(submission, "FILES_LIMIT", 3)
    for name in "abc":
        (source / name).touch()

    refused = submission.take_in(lab, source, target).refused

    assert refused is not None
    assert refused.observed.startswith("It holds more than 3 files")


def test_what_cannot_be_read_is_left_out_and_told(
    lab: Lab, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(shutil, "copyfile", refuse)

    intake = submission.take_in(lab, source, target)

    assert intake.warnings == ("steps/push.sh cannot be read; it was left out.",)


def test_a_full_disk_is_the_machines_fault(
    lab: Lab, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", refuse)

    with pytest.raises(EnvironmentFault, match="No space left on device"):
        submission.take_in(lab, source, target)


def test_what_stands_in_the_labs_way_is_left_out(lab: Lab, source: Path, target: Path, tiny: TinyLab) -> None:
    shutil.rmtree(source / "steps")
    (source / "steps").write_text("no folder\n")
    (source / "given.txt").mkdir()
    tiny.edit("lab.toml", "[values]", "[files]\n'given.txt' = 'text'\n[values]")

    intake = submission.take_in(Catalog(tiny.root).lab("90"), source, target)

    assert files(target) == set()
    assert {text.split()[0] for text in intake.warnings} == {"steps", "given.txt"}


def test_names_that_are_no_text_are_taken_in(lab: Lab, source: Path, target: Path) -> None:
    (source / os.fsdecode(b"caf\xe9")).touch()

    submission.take_in(lab, source, target)

    assert os.fsdecode(b"caf\xe9") in files(target)
