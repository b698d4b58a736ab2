"""Installing where an earlier installation was interrupted."""

import shutil
import subprocess
from pathlib import Path

import pytest

from checker.base.errors import EnvironmentFault
from checker.programs import debian

INTERRUPTED = "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.\n"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """A machine whose dpkg was interrupted; what was run there. It works once `dpkg --configure -a` has run."""
    run: list[list[str]] = []

    def system(command: list[str]) -> subprocess.CompletedProcess[str]:
        run.append(command)
        ill = command[0] == "apt-get" and [*debian.FINISH] not in run
        return subprocess.CompletedProcess(command, 100 if ill else 0, INTERRUPTED if ill else "")

    monkeypatch.setattr(debian, "system", system)
    return run


def test_an_interrupted_installation_is_finished_first(machine: list[list[str]]) -> None:
    said: list[str] = []

    debian.install(["jq"], said.append)

    assert [command[0] for command in machine] == ["apt-get", "dpkg", "apt-get"]
    assert said[1] == "An earlier installation was interrupted; finishing it: dpkg --configure -a"


def test_one_that_cannot_be_finished_is_told_with_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        debian,
        "system",
        lambda command: subprocess.CompletedProcess(
            command, 1, INTERRUPTED if command[0] == "apt-get" else "dpkg: error processing package foo\n\n"
        ),
    )

    with pytest.raises(EnvironmentFault, match="error processing package foo") as caught:
        debian.install(["jq"], print)
    assert "`dpkg --configure -a`" in caught.value.action


FAKES = {
    "id": "echo 0",
    "apt-get": 'case "$*" in *install*) [ -e "$0.mended" ] || { echo "'
    + INTERRUPTED.strip()
    + '"; exit 100; }; '
    'printf \'#!/bin/sh\\n\' > "${0%/*}/git"; chmod +x "${0%/*}/git" ;; esac',
    "dpkg": 'touch "${0%/*}/apt-get.mended"',
    "python3": "exit 1",
}


def test_make_finishes_it_too(tmp_path: Path) -> None:
    """`make lab` on such a machine: git is installed, and the next thing that is missing is told."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (tmp_path / ".ci").mkdir()
    shutil.copy(Path(__file__).parents[3] / ".ci/environment", tmp_path / ".ci")
    for name in ("dirname", "tail", "touch", "chmod", "uname", "sh"):
        (bin_ / name).symlink_to(shutil.which(name) or name)
    for name, script in FAKES.items():
        (bin_ / name).write_text(f"#!/bin/sh\n{script}\n")
        (bin_ / name).chmod(0o755)

    done = subprocess.run(
        [shutil.which("bash") or "bash", str(tmp_path / ".ci/environment"), "lab"],
        env={"PATH": str(bin_)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "finishing it: dpkg --configure -a" in done.stderr
    assert "could not" not in done.stderr
    assert "The labs need Python 3.11 or later" in done.stderr
    assert done.returncode == 3
