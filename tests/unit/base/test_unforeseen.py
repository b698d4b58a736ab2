"""Trouble of the machine is told as a sentence with what to do, not as the name of an exception."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import docker.errors
import pytest

from checker.base import unforeseen
from checker.base.errors import ExitCode
from tests.helpers import Command, TinyLab


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "no room left to write /x/y"),
        (OSError(errno.EFBIG, "File too large"), "no room left to write (File too large)"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x may not be used (Permission denied)"),
        (OSError(errno.EROFS, "Read-only file system", b"/x"), "/x may not be used"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "bash"), "There is no bash here"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "/x/y"), "/x/y cannot be used"),
        (OSError(errno.EMFILE, "Too many open files"), "opens no more files"),
        (BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), "memory or processes"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "/x"), "/x cannot be used: Not a directory"),
        (OSError("odd"), "The system refused: odd"),
        (MemoryError(), "no memory left"),
        (docker.errors.DockerException("odd"), "cannot be asked (odd)"),
        (docker.errors.APIError("x", explanation="no\nspace"), "refused: no space"),
    ],
)
def test_it_is_told(error: Exception, said: str) -> None:
    found = unforeseen.told(error)
    assert found is not None
    assert said in found.message
    assert found.action
    assert type(error).__name__ not in found.told


def test_a_defect_of_ours_is_not_explained_away() -> None:
    assert unforeseen.told(KeyError("x")) is None
    assert unforeseen.exhausted(FileNotFoundError(errno.ENOENT, "No such file or directory", "/x")) is None


@pytest.mark.parametrize("command", ["start 90", "check", "submit 90", "init x"])
def test_a_folder_that_is_gone_is_told(lab: Command, tmp_path: Path, command: str) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    env = {name: value for name, value in lab.env.items() if name != "REGISTRY_LAB_WORKSPACE"}

    done = subprocess.run(
        ["bash", "-c", f"rmdir {folder}; exec {sys.executable} -P -m checker.cli {command}"],
        cwd=folder,
        env=env | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "The folder you are in is gone." in done.stderr


@pytest.mark.parametrize("command", ["list", "show 90", "--help", "check 90 --json"])
def test_output_that_cannot_be_written_is_told_without_a_traceback(lab: Command, command: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "checker.cli", *command.split()],
            env=lab.env,
            cwd=lab.home,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert done.returncode == ExitCode.ENVIRONMENT
    assert "Traceback" not in done.stderr
    assert "--json" in command or "There is no room left to write" in done.stderr


def test_a_report_is_written_into_a_stream_and_leaves_the_stream_there(lab: Command, tmp_path: Path) -> None:
    from checker.cli.rendering import save

    pipe = tmp_path / "kept"
    with pipe.open("wb") as kept:
        save(Path(f"/dev/fd/{kept.fileno()}"), b"one\n")
        save(Path(f"/proc/self/fd/{kept.fileno()}"), b"two\n")
    assert pipe.read_bytes() == b"one\ntwo\n"
    assert os.path.lexists("/dev/stdout")
