"""Machines as people have them: settings of other programs, a workspace of another owner, a path with blanks."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers import Command, TinyLab
from tests.unit.base.test_surroundings import LEFT_OVER

pytestmark = pytest.mark.engine

PROXIES = dict.fromkeys(
    ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"
)
COMMITS = """\
set -eu
git add --all
git commit --quiet --allow-empty --message "By the answer"
git rev-parse HEAD > /dev/null
"""


@pytest.fixture
def solved(lab: Command, tiny: TinyLab, workspace: Path) -> Callable[..., int]:
    """Start the tiny lab, run its solution, stop it, all with more in the environment; the exit code of the run."""

    def play(**more: str) -> int:
        try:
            started = lab("start", "90", **more)
            assert started.code == 0, started.err
            tiny.solve(workspace)
            ran = lab("run", "90", "--all", **more)
            assert "went wrong" not in ran.err
            return ran.code
        finally:
            assert lab("stop", "90", **more).code == 0

    return play


def test_settings_of_other_programs_change_nothing(lab: Command, solved: Callable[..., int]) -> None:
    (lab.home / ".testcontainers.properties").write_bytes(b"tc.host=tcp\\://127.0.0.1\\:42319\n\xff\n")

    assert solved(**LEFT_OVER, **PROXIES) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_git_works_in_a_workspace_of_another_owner(
    lab: Command, tiny: TinyLab, workspace: Path, started: object
) -> None:
    tiny.solve(workspace)
    (workspace / "steps/push.sh").write_text(COMMITS + (workspace / "steps/push.sh").read_text())
    for folder, _, files in os.walk(workspace):
        for path in (folder, *(Path(folder, name) for name in files)):
            os.chown(path, 12345, 12345, follow_symlinks=False)

    ran = lab("run", "90", "push")

    assert ran.code == 0, ran.out + ran.err
    assert "dubious ownership" not in ran.out + ran.err


def test_a_workspace_may_have_blanks_in_its_path(lab: Command) -> None:
    lab.workspaces = lab.home / "my answers"
    lab.env["REGISTRY_LAB_WORKSPACE"] = str(lab.workspaces)

    assert lab("start", "90").code == 0
    try:
        assert lab("check", "90").code == 1
    finally:
        assert lab("stop", "90").code == 0
        shutil.rmtree(lab.workspaces)


def test_a_cache_that_is_a_file_is_told(lab: Command, tiny: TinyLab) -> None:
    cache = lab.home / "file"
    cache.write_text("")
    place = tiny.solve(lab.home / "handed-in" / tiny.name)

    done = lab("grade", "--unprotected", place, REGISTRY_LAB_CACHE=str(cache))

    assert done.code == 3
    assert "REGISTRY_LAB_CACHE" in done.err
    assert "went wrong" not in done.err
