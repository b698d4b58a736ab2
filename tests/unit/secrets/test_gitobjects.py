"""Secrets in git histories, those of strangers too."""

import os
import subprocess
from pathlib import Path

import pytest

from checker.base.model import Lab, Value
from checker.check import CheckFailed
from checker.findings.passwords import in_files, in_history
from checker.judge import submission
from checker.lab.workspace import Workspace
from checker.lab.workspacegit import GIT_IDENTITY
from checker.secrets import gitobjects, oldsecrets, secretscan

TOKEN = "dckr_pat_" + "a1B2" * 7
AUTH = '{"auths": {"x": {"auth": "Ym90OnN1bW1lci1WYWNhdGlvbi03Nw=="}}}'


class Repository:
    """A repository to commit things to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet")

    def git(self, *words: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **GIT_IDENTITY}
        done = subprocess.run(
            ["git", *words], cwd=self.path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, message: str = "x", **files: str) -> None:
        for name, text in files.items():
            (self.path / name.replace("_", ".")).write_text(text, encoding="utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def names(self) -> set[str]:
        return {each.name for each in gitobjects.objects(self.path / ".git") if b"needle" in each.data}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "work")


def test_files_of_all_commits_are_read_and_messages(repository: Repository) -> None:
    repository.commit(login_sh="needle one\n")
    repository.commit(login_sh="nothing\n")
    repository.commit("a needle in words")
    repository.git("tag", "--annotate", "v1", "--message", "needle")
    assert repository.names() == {
        "the file login.sh in its git history",
        "the message of a commit in its git history",
        "the message of a tag in its git history",
    }


def test_what_no_branch_has_any_more_is_read(repository: Repository) -> None:
    repository.commit(a="1")
    repository.commit(b="needle")
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    assert repository.names() == {"the file b in its git history"}


def test_packed_objects_are_read(repository: Repository) -> None:
    for number in range(5):
        repository.commit(a="x\n" * 100 + f"{number} needle\n" if number == 2 else "x\n" * 100)
    repository.git("gc", "--quiet")
    assert list((repository.path / ".git/objects/pack").glob("*.pack"))
    assert repository.names() == {"the file a in its git history"}


def test_the_configuration_is_read_as_a_text_and_obeyed_by_nobody(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit(a="needle")
    mark = tmp_path / "ran"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n", encoding="utf-8")
    script.chmod(0o755)
    with (repository.path / ".git/config").open("a", encoding="utf-8") as file:
        file.write(f"[core]\n\tfsmonitor = {script}\n\thooksPath = {tmp_path}\n\tpager = {script}\n")
        file.write(f'[remote "o"]\n\turl = ext::{script}\n\tpromisor = true\n# needle\n')
        file.write("[extensions]\n\tpartialClone = o\n")
    assert repository.names() == {"the file a in its git history", "the file .git/config"}
    assert not mark.exists()


def test_objects_elsewhere_are_left_alone(repository: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit(secret="needle")
    repository.commit(a="1")
    (repository.path / ".git/objects/info").mkdir(exist_ok=True)
    (repository.path / ".git/objects/info/alternates").write_text(f"{other.path}/.git/objects\n", "utf-8")
    for pack in (other.path / ".git/objects").iterdir():
        if len(pack.name) == 2 and not (repository.path / ".git/objects" / pack.name).exists():
            (repository.path / ".git/objects" / pack.name).symlink_to(pack)
    assert repository.names() == set()


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_either_form_of_ids_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / form
    path.mkdir()
    subprocess.run(["git", "init", "--quiet", f"--object-format={form}", str(path)], check=True)
    repository = Repository(path)
    repository.commit(a="needle")
    assert repository.names() == {"the file a in its git history"}


def test_what_is_no_repository_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert gitobjects.objects(tmp_path / "none") == []
    (tmp_path / "file").write_text("gitdir: /", encoding="utf-8")
    assert gitobjects.objects(tmp_path / "file") == []
    (tmp_path / "link").symlink_to(tmp_path)
    assert gitobjects.objects(tmp_path / "link") == []
    broken = tmp_path / "broken"
    (broken / "objects/ab").mkdir(parents=True)
    (broken / "objects/pack").mkdir()
    (broken / "objects/ab" / ("c" * 38)).write_bytes(b"junk")
    (broken / "objects/pack/pack-x.pack").write_bytes(b"PACK junk")
    assert gitobjects.objects(broken) == []
    repository = Repository(tmp_path / "work")
    repository.commit(a="needle")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository.names() == set()


def test_a_folder_for_temporary_files_that_is_closed_to_others_is_no_hindrance(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.commit(a="needle")
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr("tempfile.tempdir", str(closed))
    assert repository.names() == {"the file a in its git history"}


def test_a_large_object_is_read_in_part(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gitobjects, "LARGEST", 1000)
    repository.commit(a="0" * 5000 + "needle", b="needle")
    assert repository.names() == {"the file b in its git history"}
    monkeypatch.setattr(gitobjects, "MOST", 10)
    assert repository.names() == set()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"token={TOKEN}\n", "an access token"),
        (AUTH, "a login of docker's configuration"),
        (AUTH.replace(" ", "\n  "), "a login of docker's configuration"),
        ("set -e\ndocker login -u ada -p lovelace-1815 x\n", "the password of a login"),
        ('docker login -u ada -p "$PASSWORD" x\n', ""),
        ("# docker login -p lovelace-1815\n", ""),
        ('{"auths": {}}', ""),
        ("dckr_pat_ is how a token begins\n", ""),
    ],
)
def test_an_old_secret_is_told_by_its_form(repository: Repository, text: str, what: str) -> None:
    repository.commit(a=text)
    repository.commit(a="")
    told = oldsecrets.told(repository.path / ".git")
    assert told == ((f"The file a in its git history holds {what}.",) if what else ())


def test_a_submission_is_searched_before_its_history_stays_behind(
    repository: Repository, tmp_path: Path
) -> None:
    repository.commit(a=TOKEN)
    repository.commit(a="")
    secret = Lab(
        folder=tmp_path, notebook=tmp_path, name="01-x", title="", version="1.0.0", summary="", minutes=1,
        services=(), steps=(), values={"P": Value(kind="token", secret=True)},
    )  # fmt: skip
    (tmp_path / "starter").mkdir()
    intake = submission.take_in(secret, repository.path, tmp_path / "taken")
    assert not (tmp_path / "taken/.git").exists()
    assert len(intake.history) == 1
    with pytest.raises(CheckFailed) as failed:
        in_history(intake.history, "secret-in-a-file")
    assert failed.value.finding.code == "secret-in-a-file"
    assert TOKEN not in str(failed.value.finding)
    in_history(())


def test_known_values_are_found_in_the_history_of_a_workspace(repository: Repository) -> None:
    repository.commit(a="correct-horse")
    repository.commit(a="")
    workspace = Workspace(repository.path)
    hit = secretscan.in_history(workspace, [secretscan.exact("the password", "correct-horse")])
    assert hit is not None
    assert hit.place == "the file a in its git history"
    with pytest.raises(CheckFailed, match="the file a in its git history holds the one of dora"):
        in_files(workspace, [("dora", "correct-horse")])
