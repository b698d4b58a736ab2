"""What a learner installs is enough: the wheel has the labs in it, and `lab init` lays out a place to work."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from checker.lab.catalog import Catalog
from tests.helpers import Command, TinyLab

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `lab` of a fresh environment that has the wheel; only what it depends on is borrowed from ours."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, with_pip=False)
    python = place / "bin/python"
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python)]
    command += ["install", "--quiet", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    # As a plain path in a .pth file: our editable installation's own .pth is not read from there.
    (Path(site) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return place / "bin/lab"


def run(lab: Path, *arguments: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    kept = {"PATH": os.environ["PATH"], "HOME": str(cwd), "COLUMNS": "100", "NO_COLOR": "1"}
    kept |= {"DOCKER_HOST": "unix:///nowhere/docker.sock"}
    return subprocess.run(
        [lab, *arguments], cwd=cwd, env=kept | more, capture_output=True, text=True, check=False, timeout=60
    )


def test_the_wheel_holds_what_is_committed_of_labs_and_notebooks_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if name.startswith("checker/content/")}
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "labs", "notebooks"]
    done = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True)

    assert names == {f"checker/content/{name}" for name in done.stdout.split("\0") if name}


def test_the_installed_command_has_its_own_labs(installed: Path, tmp_path: Path) -> None:
    where = "import checker.lab.catalog as c; print(c.default_root())"
    root = subprocess.run(
        [installed.parent / "python", "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout.strip()
    done = run(installed, "list", cwd=tmp_path)

    assert Path(root).is_relative_to(installed.parents[1].resolve())
    assert done.returncode == 0, done.stderr
    assert all(f"{lab.number}  {lab.title}" in done.stdout for lab in Catalog(ROOT).labs())


def test_the_installed_command_lays_out_a_place_to_work(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "init", "mine", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert "Next: `cd mine`, then `lab notebook 01` or `lab start 01`." in done.stdout
    mine = tmp_path / "mine"
    for name in Catalog(ROOT).names():
        assert (mine / "workspace" / name / ".lab").is_dir()
        assert (mine / "workspace" / f"{name}.ipynb").is_file()
    assert "lab submit 01" in (mine / "README.md").read_text()
    assert ".lab/" in (mine / ".gitignore").read_text()
    # Programs of a starter can be run, as in a checkout.
    for lab in Catalog(ROOT).labs():
        for path in (lab.folder / "starter").rglob("*"):
            copy = mine / "workspace" / lab.name / path.relative_to(lab.folder / "starter")
            assert path.is_dir() or os.access(path, os.X_OK) == os.access(copy, os.X_OK), copy
    # What pip compiled beside the starters is no part of them.
    assert not list((mine / "workspace").rglob("__pycache__"))
    shown = run(installed, "show", "01", cwd=mine)
    packed = run(installed, "submit", "01", cwd=mine, USER="ada", LOGNAME="ada")
    assert (shown.returncode, packed.returncode) == (0, 0), packed.stderr
    assert (mine / "01-names-and-tags-ada.zip").is_file()


def test_another_root_still_counts_more_than_what_is_installed(
    installed: Path, tiny: TinyLab, tmp_path: Path
) -> None:
    done = run(installed, "list", cwd=tmp_path, REGISTRY_LAB_ROOT=str(tiny.root))

    assert "90  Tiny" in done.stdout
    assert "Names and tags" not in done.stdout


# `lab init`


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    tiny.notebook.unlink()  # the tiny lab's is no real one
    command = Command(tiny.root, tmp_path / "home")
    del command.env["REGISTRY_LAB_WORKSPACE"]
    return command


def test_what_is_there_stays_when_a_folder_is_laid_out_again(lab: Command) -> None:
    assert lab("init", "mine").code == 0
    answer = lab.home / "mine/workspace" / TinyLab.name / "steps/push.sh"
    answer.write_text("echo mine\n")
    (lab.home / "mine/README.md").write_text("Mine.\n")

    done = lab("init", "mine", "90")

    assert done.code == 0
    assert "Laid out 0 files for 90-tiny in mine." in done.out
    assert answer.read_text() == "echo mine\n"
    assert (lab.home / "mine/README.md").read_text() == "Mine.\n"


def test_a_folder_with_something_else_in_it_is_left_alone(lab: Command) -> None:
    (lab.home / "thesis").mkdir()
    (lab.home / "thesis/chapter.tex").touch()

    done = lab("init", "thesis")

    assert (done.code, [path.name for path in (lab.home / "thesis").iterdir()]) == (2, ["chapter.tex"])
    assert "has something else in it already" in done.err


def test_a_lab_there_is_not_is_told_before_anything_is_made(lab: Command) -> None:
    done = lab("init", "mine", "91")

    assert (done.code, (lab.home / "mine").exists()) == (2, False)


def test_commands_in_the_folder_find_its_workspaces(lab: Command) -> None:
    lab("init", "mine")

    done = lab("submit", cwd=lab.home / "mine", LOGNAME="ada")

    assert (done.code, (lab.home / "mine/90-tiny-ada.zip").is_file()) == (0, True)


def test_a_variable_that_points_elsewhere_is_told(lab: Command) -> None:
    done = lab("init", "mine", REGISTRY_LAB_WORKSPACE=str(lab.home))

    assert "REGISTRY_LAB_WORKSPACE names another folder" in done.out
