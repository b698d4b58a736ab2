"""Passwords on command lines and in files that are handed in."""

import base64
from pathlib import Path

import pytest

from checker.check import CheckFailed
from checker.findings.passwords import in_answer, in_files
from checker.lab.workspace import Workspace

ACCOUNTS = [("dora", "correct-horse")]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "steps").mkdir()
    return Workspace(tmp_path)


def codes(workspace: Workspace, text: str) -> list[str]:
    """What the answer is found guilty of."""
    (workspace.path / "steps/push.sh").write_text(text, encoding="utf-8")
    try:
        in_answer("steps/push.sh", workspace, ACCOUNTS)
    except CheckFailed as failed:
        return [failed.finding.code]
    return []


@pytest.mark.parametrize(
    "text",
    [
        'docker login -u dora -p "$PASSWORD" 127.0.0.1:5000',
        'docker login --username dora --password "$PASSWORD" 127.0.0.1:5000',
        "docker login --username=dora --password=$PASSWORD 127.0.0.1:5000",
        'docker login 127.0.0.1:5000 -u dora -p"$PASSWORD"',
        'docker --config x login -u dora \\\n  -p "$PASSWORD" 127.0.0.1:5000',
        'login() { docker login -u "$1" -p "$2" "$REGISTRY"; }',
        'if docker login -u dora -p "$PASSWORD" x; then true; fi',
        'set -eu; podman login -u dora -p "$PASSWORD" x',
        "true && sudo docker login -u dora -p x y",
    ],
)
def test_a_password_among_the_arguments_is_found(workspace: Workspace, text: str) -> None:
    assert codes(workspace, text) == ["password-on-the-command-line"]


@pytest.mark.parametrize(
    "text",
    [
        'printf %s "$PASSWORD" | docker login --username dora --password-stdin x',
        'docker login -u dora --password-stdin x <<< "$PASSWORD"',
        'echo "$PASSWORD" | docker --config /x login -u dora --password-stdin x',
        "# never: docker login -p $PASSWORD",
        "true # docker login -p $PASSWORD",
        'echo "docker login -p is a bad idea"',
        "docker login --username dora x; mkdir -p here",
        "docker login x | tee log; docker run -p 80:80 image",
        "docker run -p 80:80 login",
    ],
)
def test_what_only_looks_like_it_is_not_found(workspace: Workspace, text: str) -> None:
    assert codes(workspace, text) == []


@pytest.mark.parametrize(
    "text", ["P=correct-horse", base64.b64encode(b"dora:correct-horse").decode()], ids=["plain", "docker"]
)
def test_a_password_written_down_is_found(workspace: Workspace, text: str) -> None:
    assert codes(workspace, text) == ["password-in-a-file"]

    (workspace.path / "notes").mkdir()
    (workspace.path / "steps/push.sh").write_text("true", encoding="utf-8")
    (workspace.path / "notes/a.txt").write_text(f"x {text} y", encoding="utf-8")
    with pytest.raises(CheckFailed, match=r"notes/a\.txt holds the one of dora"):
        in_files(workspace, ACCOUNTS)


def test_what_is_not_handed_in_may_hold_it(workspace: Workspace) -> None:
    for folder in (".lab/docker", ".git"):
        (workspace.path / folder).mkdir(parents=True)
        (workspace.path / folder / "config.json").write_text("correct-horse", encoding="utf-8")
    (workspace.path / "loop").symlink_to("loop")
    (workspace.path / "bytes").write_bytes(b"\xff\x00correct")

    in_files(workspace, ACCOUNTS)


def test_a_missing_answer_is_somebody_elses_finding(workspace: Workspace) -> None:
    in_answer("steps/none.sh", workspace, ACCOUNTS)
