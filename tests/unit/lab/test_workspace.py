"""The workspace: whatever happens to it, an answer is never lost and never half written."""

import errno
import os
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checker.base.errors import ContentFault, EnvironmentFault
from checker.base.model import Lab
from checker.lab import workspace, workspacegit
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from tests.helpers import TinyLab


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing can be made sure to be on the disk."""

    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)


def test_what_can_be_run_in_the_starter_can_be_run_in_the_workspace_even_if_it_came_in_an_archive(
    lab: Lab, place: Workspace
) -> None:
    (lab.folder / "starter/try").write_text("#!/bin/sh\n")
    (lab.folder / "starter/try").chmod(0o755)
    (place.path / "try").write_text("#!/bin/sh\necho edited\n")
    (place.path / "try").chmod(0o644)

    workspace.create(lab, place)

    assert os.access(place.path / "try", os.X_OK)
    assert "edited" in (place.path / "try").read_text()
    assert not os.access(place.path / "note.txt", os.X_OK)


@pytest.mark.parametrize("below", ["", "app", "steps"])
def test_it_is_found_from_anywhere_inside_it(
    lab: Lab, place: Workspace, monkeypatch: pytest.MonkeyPatch, below: str
) -> None:
    (place.path / below).mkdir(exist_ok=True)
    monkeypatch.chdir(place.path / below)

    assert workspace.locate(lab).path == place.path


def test_it_is_found_from_a_folder_beside_it(
    lab: Lab, place: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes/today").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notes/today")

    assert workspace.locate(lab).path == place.path


def test_an_authors_folder_is_no_workspace_though_it_is_called_like_the_lab(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lab.folder)

    assert workspace.locate(lab).path == lab.folder / "workspace" / lab.name


def test_it_lies_where_it_is_told_to(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("REGISTRY_LAB_WORKSPACE", raising=False)
    assert workspace.locate(lab).path == tmp_path / "workspace/90-tiny"
    monkeypatch.setenv("REGISTRY_LAB_WORKSPACE", "elsewhere")
    assert workspace.locate(lab).path == tmp_path / "elsewhere/90-tiny"
    assert workspace.locate(lab, Path("named")).path == tmp_path / "named"


def test_one_folder_has_one_owner_by_whatever_way_it_is_reached(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    owners = {workspace.locate(lab, tmp_path / name).owner for name in ("real", "link", "link/../real")}

    assert len(owners) == 1


def test_what_is_there_stays(lab: Lab, place: Workspace) -> None:
    (place.path / "note.txt").write_text("mine\n")
    (place.path / "steps/pin.sh").unlink()

    made = workspace.create(lab, place)

    assert made == ["steps/pin.sh"]
    assert place.read("note.txt") == "mine\n"


def test_given_files_carry_the_values_of_the_run(tiny: TinyLab, place: Workspace) -> None:
    tiny.edit("lab.toml", "[values]", "[files]\n'given/env' = 'WORD={WORD}'\n[values]")
    (place.path / "given").mkdir()
    (place.path / "given/env").symlink_to("/nowhere/at/all")

    workspace.write_given_files(Catalog(tiny.root).lab("90"), place, {"WORD": "ember"})

    assert (place.path / "given/env").read_text() == "WORD=ember"


@pytest.mark.parametrize("link", ["/etc/passwd", "../../../secret", "steps", "missing"])
def test_reading_never_leaves_the_workspace(place: Workspace, link: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (place.path / "link").symlink_to(link)

    assert place.read("link") is None
    assert place.read("../../secret") is None


def test_a_link_to_itself_is_no_file(place: Workspace) -> None:
    (place.path / "loop").symlink_to("loop")

    assert place.read("loop") is None


def test_a_git_that_waits_for_ever_is_the_learners_to_mend(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place.path / ".git").mkdir()

    def waits(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 30)

    monkeypatch.setattr(subprocess, "run", waits)

    with pytest.raises(ContentFault, match="did not end within 30 s"):
        place.head()


def test_what_is_read_is_text_and_not_too_much(place: Workspace) -> None:
    (place.path / "note.txt").write_bytes(b"\xff" + b"x" * (workspace.READ_LIMIT + 10))

    text = place.read("note.txt")

    assert text is not None
    assert text.startswith("\ufffdx")
    assert len(text) == workspace.READ_LIMIT


def test_an_answer_written_over_keeps_the_one_before(lab: Lab, place: Workspace) -> None:
    step = lab.steps[0]
    workspace.write_answer(place, step, "first\n")

    workspace.write_answer(place, step, "second\n")
    workspace.write_answer(place, step, "second\n")

    kept = sorted(path.read_text() for path in place.path.glob(".lab/backup/*/steps/push.sh"))
    assert place.read("steps/push.sh") == "second\n"
    assert "first\n" in kept
    assert "second\n" not in kept


def test_two_answers_written_within_a_second_are_both_kept(lab: Lab, place: Workspace) -> None:
    for text in ("first\n", "second\n", "third\n", "fourth\n"):
        workspace.write_answer(place, lab.steps[0], text)

    kept = {path.read_text() for path in place.path.glob(".lab/backup/*/steps/push.sh*")}
    assert {"first\n", "second\n", "third\n"} <= kept


def test_a_full_disk_keeps_the_answer_as_it_was(lab: Lab, place: Workspace, full_disk: None) -> None:
    before = place.read("steps/push.sh")

    with pytest.raises(EnvironmentFault, match="No space left on device") as raised:
        workspace.write_answer(place, lab.steps[0], "new\n")

    assert place.read("steps/push.sh") == before
    assert list(place.path.rglob("*.tmp")) == []
    assert "Nothing was lost." in raised.value.action


def test_a_full_disk_leaves_no_half_workspace(lab: Lab, tmp_path: Path, full_disk: None) -> None:
    place = Workspace(tmp_path / "new")

    with pytest.raises(EnvironmentFault, match="No space left on device"):
        workspace.create(lab, place)

    assert [path for path in place.path.rglob("*") if path.is_file()] == []


def test_reset_puts_the_starters_answers_back(lab: Lab, place: Workspace) -> None:
    (place.path / "note.txt").write_text("mine\n")
    (place.path / "steps/push.sh").unlink()

    kept = workspace.reset(lab, place, lab.steps)

    assert place.read("note.txt") == ""
    assert place.read("steps/push.sh") == "# Push an image of this run\n"
    assert [path.read_text() for path in kept] == ["mine\n"]


def test_the_history_is_two_commits_of_its_own_and_leaves_out_what_is_private(place: Workspace) -> None:
    workspace.start_history(place, "about this one")

    seen = subprocess.check_output(["git", "ls-files"], cwd=place.path, text=True).splitlines()
    config = (place.path / ".git/config").read_text()
    assert len(place.history()) == 2
    assert place.head() == place.history()[0]
    assert seen == ["note.txt", "steps/pin.sh", "steps/push.sh"]
    assert "worktree" not in config  # the folder may be moved
    assert not (place.private / "history").exists()


def test_no_two_histories_have_a_commit_in_common(lab: Lab, tmp_path: Path) -> None:
    places = [Workspace(tmp_path / name) for name in "ab"]
    for place in places:
        workspace.create(lab, place)
        workspace.start_history(place, place.path.name)

    assert set(places[0].history()).isdisjoint(places[1].history())


def test_what_head_was_before_a_later_commit_is_known(place: Workspace) -> None:
    workspace.start_history(place, "x")
    before, now = place.head(), datetime.now(UTC)
    later = now + timedelta(minutes=1)
    environment = {**os.environ, **workspacegit.GIT_IDENTITY, "GIT_COMMITTER_DATE": later.isoformat()}
    subprocess.run(
        ["git", "commit", "-q", "--allow-empty", "-m", "later"], cwd=place.path, env=environment, check=True
    )

    assert place.head() != before
    assert place.head_at(now) == before
    assert place.head_at(later) == place.head()
    assert place.head_at(now - timedelta(days=1)) is None


def test_a_history_that_is_there_is_left_alone(place: Workspace) -> None:
    workspace.start_history(place, "first")
    before = place.history()

    workspace.start_history(place, "second")

    assert place.history() == before


def test_a_history_that_cannot_be_finished_leaves_none(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(workspacegit.GIT_IDENTITY, "GIT_AUTHOR_DATE", "no date at all")

    with pytest.raises(Exception, match="git commit failed"):
        workspace.start_history(place, "x")

    assert place.history() == []
    assert not (place.path / ".git").exists()


def test_a_repository_around_the_workspace_is_not_the_workspaces(place: Workspace) -> None:
    subprocess.run(["git", "init", "--quiet"], cwd=place.path.parent, check=True)

    assert place.head() is None


def test_who_holds_the_workspace_is_told(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workspace, "LOCK_WAIT", 0.05)

    with (
        workspace.exclusive(place, "lab run 90 push"),
        pytest.raises(EnvironmentFault, match=rf"`lab run 90 push` \(process {os.getpid()}\)"),
        workspace.exclusive(place, "lab stop 90"),
    ):
        pass
    with workspace.exclusive(place, "lab stop 90"):
        pass


def test_a_full_disk_does_not_keep_anybody_from_stopping(place: Workspace, full_disk: None) -> None:
    with workspace.exclusive(place, "lab stop 90"):
        pass
