"""`lab submit`: everything that grading reads goes in, nothing that is nobody else's business, and it is told."""

import base64
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest

from checker.archives import archive
from checker.base.errors import UsageError
from checker.base.model import Lab
from checker.grading.intake.classwork import collect
from checker.judge import submission
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace, create
from checker.practice import handin
from tests.helpers import Command, TinyLab

SECRET = "5f0c9a7de3b14c68a2d7e0f1b9c8d6e4"


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


@pytest.fixture
def place(lab: Lab, tiny: TinyLab, tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path / "ada" / lab.name)
    create(lab, place)
    tiny.solve(place.path)
    return place


def gathered(lab: Lab, place: Workspace, **secrets: str) -> tuple[set[str], dict[str, str]]:
    content = handin.gather(lab, place, secrets)
    return {item.name for item in content.items}, dict(content.left_out)


def write(place: Workspace, name: str, text: str | bytes = "x") -> Path:
    path = place.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


ANSWERS = {"note.txt", "steps/push.sh", "steps/pin.sh"}


def test_answers_go_in_and_what_the_lab_keeps_does_not(lab: Lab, place: Workspace) -> None:
    write(place, ".git/HEAD")
    write(place, "app/main.c")

    taken, left = gathered(lab, place)

    assert taken == ANSWERS | {"app/main.c"}
    assert set(left) == {".lab", ".git"}
    assert "logins included" in left[".lab"]
    assert "--git takes it along" in left[".git"]


@pytest.mark.parametrize(
    "name",
    [
        "__pycache__/a.pyc",
        ".ipynb_checkpoints/a",
        "app/node_modules/a",
        ".DS_Store",
        "a.pyc",
        "steps/.push.sh.swp",
    ],
)
def test_caches_stay_out(lab: Lab, place: Workspace, name: str) -> None:
    write(place, name)

    taken, left = gathered(lab, place)

    assert taken == ANSWERS
    assert "is a cache" in left.values()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", '{"auths": {"127.0.0.1:5000": {"auth": "YWRhOnB3"}}}'),
        ("deep/docker/config.json", '{"credsStore": "desktop", "auths": {}}'),
        (".netrc", "machine x login a password b"),
        ("id_ed25519", "key"),
        ("tls/server.key", "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"),
        ("bundle.pem", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n"),
    ],
)
def test_credentials_stay_out(lab: Lab, place: Workspace, name: str, text: str) -> None:
    write(place, name, text)

    taken, left = gathered(lab, place)

    assert taken == ANSWERS
    assert name in left


def test_a_configuration_without_logins_goes_in(lab: Lab, place: Workspace) -> None:
    write(place, "config.json", '{"auths": {}, "experimental": "enabled"}')
    write(place, "server.crt", "-----BEGIN CERTIFICATE-----\n")
    write(place, "roles.json", '{"authors": [1]}')

    assert gathered(lab, place)[0] == ANSWERS | {"config.json", "server.crt", "roles.json"}


@pytest.mark.parametrize(
    "text",
    [f"password={SECRET}\n", base64.b64encode(f"ada:{SECRET}".encode()), b"\0\xff" + SECRET.encode()]
    + [base64.b64encode(b"x" * n + SECRET.encode() + b"tail") for n in range(4)],
)
def test_what_holds_a_secret_value_stays_out(lab: Lab, place: Workspace, text: str | bytes) -> None:
    write(place, "notes.md", text)

    taken, left = gathered(lab, place, PASSWORD=SECRET)

    assert taken == ANSWERS
    assert left["notes.md"] == "holds the secret value of PASSWORD"


def test_an_answer_that_holds_a_secret_value_is_refused_and_the_value_is_not_said(
    lab: Lab, place: Workspace
) -> None:
    write(place, "steps/push.sh", f"docker login -p {SECRET}\n")

    with pytest.raises(UsageError) as raised:
        gathered(lab, place, PASSWORD=SECRET)

    assert "steps/push.sh holds the secret value of PASSWORD" in raised.value.message
    assert '"$PASSWORD"' in raised.value.action
    assert SECRET not in raised.value.message + raised.value.action


def test_values_too_short_to_tell_are_not_looked_for(lab: Lab, place: Workspace) -> None:
    assert gathered(lab, place, PIN="1")[0] == ANSWERS


def test_links_inside_go_in_and_others_do_not(lab: Lab, place: Workspace) -> None:
    (place.path / "inside").symlink_to("steps/push.sh")
    (place.path / "outside").symlink_to("../../secret")
    (place.path / "folder").symlink_to("/etc")
    os.mkfifo(place.path / "pipe")

    taken, left = gathered(lab, place)

    assert taken == ANSWERS | {"inside"}
    assert {"outside", "folder", "pipe"} < set(left)


def test_what_the_lab_writes_anew_in_every_run_stays_out(lab: Lab, place: Workspace, tiny: TinyLab) -> None:
    tiny.edit("lab.toml", "[values]", "[files]\n'given.txt' = '{TOKEN}'\n[values]")
    write(place, "given.txt", SECRET)

    assert gathered(Catalog(tiny.root).lab("90"), place)[0] == ANSWERS


def test_git_comes_along_when_asked_without_hooks_and_logins(lab: Lab, place: Workspace) -> None:
    write(place, ".git/HEAD")
    write(place, ".git/hooks/post-checkout")
    write(place, ".git/config", '[remote "origin"]\n url = https://ada:ghp_1@x.example/r\n')

    content = handin.gather(lab, place, {}, history=True)

    assert {item.name for item in content.items} == ANSWERS | {".git/HEAD"}
    assert ".git/config" in dict(content.left_out)


def test_more_than_is_graded_is_refused(lab: Lab, place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handin, "FILES_LIMIT", 2)

    with pytest.raises(UsageError, match="more than 2 files"):
        gathered(lab, place)


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz", "a.tar"])
def test_grading_the_archive_reads_what_grading_the_folder_reads(
    lab: Lab, place: Workspace, tmp_path: Path, name: str
) -> None:
    write(place, "serve", "#!/bin/sh\n").chmod(0o755)
    (place.path / "same").symlink_to("steps/push.sh")
    target = tmp_path / name
    handin.pack(lab, handin.gather(lab, place, {}), target)

    (found,) = collect([target], [lab]).submissions
    from_archive, from_folder = tmp_path / "one", tmp_path / "two"
    assert submission.take_in(lab, found.path, from_archive).warnings == ()
    submission.take_in(lab, place.path, from_folder)

    compared = subprocess.run(["diff", "-r", "--no-dereference", from_archive, from_folder], check=False)
    assert compared.returncode == 0
    assert os.access(from_archive / "serve", os.X_OK)
    assert (from_archive / "same").is_symlink()


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz"])
def test_equal_workspaces_give_equal_bytes(lab: Lab, place: Workspace, tmp_path: Path, name: str) -> None:
    copy = Workspace(tmp_path / "elsewhere" / lab.name)
    shutil.copytree(place.path, copy.path)
    first, second = tmp_path / f"1{name}", tmp_path / f"2{name}"

    handin.pack(lab, handin.gather(lab, place, {}), first)
    handin.pack(lab, handin.gather(lab, copy, {}), second)

    assert first.read_bytes() == second.read_bytes()


def test_the_archive_says_when_the_newest_answer_was_written(
    lab: Lab, place: Workspace, tmp_path: Path
) -> None:
    for path in place.path.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    for name in ("a.zip", "a.tgz"):
        handin.pack(lab, handin.gather(lab, place, {}), tmp_path / name)

        newest = archive.unpack(tmp_path / name, tmp_path / f"in {name}").newest
        assert newest is not None
        assert newest.timestamp() == 1_700_000_000


def test_a_name_that_is_no_archives_is_refused(lab: Lab, place: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="called like no archive"):
        handin.pack(lab, handin.gather(lab, place, {}), tmp_path / "a.rar")


# The command


@pytest.fixture
def command(tiny: TinyLab, tmp_path: Path) -> Command:
    command = Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock", USER="ada")
    lab = Catalog(tiny.root).lab("90")
    create(lab, Workspace(command.workspaces / lab.name))
    tiny.solve(command.workspaces / lab.name)
    return command


def test_the_command_needs_neither_a_name_nor_an_engine_and_says_what_it_did(command: Command) -> None:
    (command.workspaces / TinyLab.name / "config.json").write_text('{"auths": {"x": {"auth": "YTpi"}}}')

    done = command("submit", LOGNAME="ada")

    assert done.code == 0, done.err
    assert "90-tiny-ada.zip has 3 files in it:" in done.out
    assert "  steps/push.sh (" in done.out
    assert "config.json: it holds logins of a container engine" in done.out
    with zipfile.ZipFile(command.home / "90-tiny-ada.zip") as made:
        assert sorted(made.namelist()) == sorted(f"90-tiny/{name}" for name in ANSWERS)


def test_inside_the_workspace_the_archive_goes_beside_it(command: Command) -> None:
    done = command("submit", cwd=command.workspaces / TinyLab.name, LOGNAME="ada")

    assert (done.code, (command.workspaces / "90-tiny-ada.zip").is_file()) == (0, True)


def test_an_archive_inside_the_workspace_does_not_hold_itself(command: Command) -> None:
    target = command.workspaces / TinyLab.name / "mine.tgz"

    assert command("submit", "90", "--to", target).code == 0
    first = target.read_bytes()
    assert command("submit", "90", "--to", target).code == 0

    assert target.read_bytes() == first
    with tarfile.open(target) as made:
        assert len(made.getnames()) == 3


def test_secrets_that_cannot_be_looked_for_are_told(command: Command, tiny: TinyLab) -> None:
    tiny.edit("lab.toml", 'TOKEN = { kind = "token" }', 'TOKEN = { kind = "token", secret = true }')

    done = command("submit", "90")

    assert done.code == 0
    assert "secret values of your practice are not looked for" in done.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["submit", "90", "--to", "a.rar"], "called like no archive"),
        (["submit", "90", "--to", "nowhere/a.zip"], "There is no folder nowhere"),
        (["submit", "-w", "."], "is not called like a lab"),
        (["submit", "90", "-w", "empty"], "holds no answer"),
        (["submit", "90", "-w", "nowhere"], "There is no workspace"),
    ],
)
def test_wrong_usage_is_told(command: Command, arguments: list[str], told: str) -> None:
    (command.home / "empty").mkdir()

    done = command(*arguments)

    assert done.code == 2
    assert told in done.err


def test_without_any_workspace_there_is_nothing_to_hand_in(command: Command) -> None:
    shutil.rmtree(command.workspaces)

    assert "There is no workspace here to hand in." in command("submit").err
