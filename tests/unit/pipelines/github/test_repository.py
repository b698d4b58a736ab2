"""The git repository that a run sees: its refs, its commit, and what the event says of them."""

import json
import subprocess
from pathlib import Path

import pytest

from checker.base.errors import EnvironmentFault
from checker.pipelines.github.events import WorkflowEvent, pull_request_from_fork, push, push_tag
from checker.pipelines.github.repository import make, payload, ref

NAME = "ada/shop"
BY_HAND = WorkflowEvent(kind="workflow_dispatch", branch="feature/x", inputs={"word": "ember"})
FORK = pull_request_from_fork(base="next")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "app.txt").write_text("ember")
    (folder / "secret.txt").write_text("hunter2")
    (folder / ".gitignore").write_text("secret.txt\n")
    return folder


def git(folder: Path, *words: str) -> str:
    return subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("event", "branch"),
    [(push("main"), "main"), (push("feature/x"), "feature/x"), (push_tag("v1"), "main"), (FORK, "pull-7")],
)
def test_the_event_has_just_happened_in_it(source: Path, event: WorkflowEvent, branch: str) -> None:
    commit = make(source, event, NAME)
    assert git(source, "rev-parse", "HEAD") == commit
    assert git(source, "branch", "--show-current") == branch
    assert git(source, "status", "--porcelain") == ""
    assert git(source, "log", "-1", "--format=%s") == f"Let {event.what} happen"
    assert git(source, "remote", "get-url", "origin") == "https://github.com/ada/shop"
    assert git(source, "ls-files").split() == [".gitignore", "app.txt"]


def test_a_tag_and_a_pull_request_have_their_refs(source: Path, tmp_path: Path) -> None:
    commit = make(source, push_tag("v1.2.3"), NAME)
    assert git(source, "rev-parse", "refs/tags/v1.2.3") == commit
    other = tmp_path / "other"
    other.mkdir()
    commit = make(other, FORK, NAME)
    assert git(other, "rev-parse", "refs/pull/7/merge", "refs/pull/7/head").split() == [commit, commit]
    assert git(other, "rev-parse", "next") == git(other, "rev-parse", "main") != commit


def test_settings_of_the_user_have_no_say(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text("[commit]\n\tgpgsign = nonsense\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    make(source, push("main"), NAME)
    assert (source / ".git").is_dir()
    assert not (tmp_path / "elsewhere").exists()


def test_what_git_will_not_do_is_told_as_a_fault(source: Path) -> None:
    with pytest.raises(EnvironmentFault, match="git checkout failed"):
        make(source, push("..no branch"), NAME)


@pytest.mark.parametrize(
    ("event", "by", "expected"),
    [
        (push("main"), "push", "refs/heads/main"),
        (push("feature/x"), "push", "refs/heads/feature/x"),
        (push_tag("v1"), "push", "refs/tags/v1"),
        (FORK, "pull_request", "refs/pull/7/merge"),
        (FORK, "pull_request_target", "refs/heads/next"),
        (BY_HAND, "workflow_dispatch", "refs/heads/feature/x"),
        (WorkflowEvent(kind="schedule"), "schedule", "refs/heads/main"),
    ],
)
def test_an_event_has_the_ref_that_github_gives_it(event: WorkflowEvent, by: str, expected: str) -> None:
    assert ref(event, by) == expected
    assert json.loads(payload(event, by, NAME, "c" * 40)).get("ref") == (
        None if by == "pull_request" else expected
    )


def test_a_pull_request_says_who_asks_and_from_where() -> None:
    about = json.loads(payload(FORK, "pull_request", NAME, "c" * 40))["pull_request"]
    assert (about["head"]["repo"]["full_name"], about["head"]["repo"]["fork"]) == ("a-stranger/shop", True)
    assert (about["base"]["ref"], about["base"]["repo"]["full_name"]) == ("next", NAME)
    own = json.loads(payload(WorkflowEvent(kind="pull_request", head="x"), "pull_request", NAME, "c" * 40))
    assert own["pull_request"]["head"]["repo"] == {"full_name": NAME, "fork": False}


def test_a_run_by_hand_has_its_inputs_and_a_push_its_commit() -> None:
    assert json.loads(payload(BY_HAND, "workflow_dispatch", NAME, "c" * 40))["inputs"] == {"word": "ember"}
    pushed = json.loads(payload(push("main"), "push", NAME, "c" * 40))
    assert (pushed["after"], pushed["head_commit"]["id"]) == ("c" * 40, "c" * 40)
    assert pushed["repository"]["owner"]["login"] == "ada"
