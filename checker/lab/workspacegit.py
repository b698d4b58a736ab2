"""git in a workspace, without anything of the user's own."""

import os
import subprocess
from pathlib import Path

from checker.base.deadline import Deadline
from checker.base.errors import EnvironmentFault, LabError
from checker.base.pace import scaled

PRIVATE = ".lab"

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Learner",
    "GIT_AUTHOR_EMAIL": "learner@lab.invalid",
    "GIT_COMMITTER_NAME": "Learner",
    "GIT_COMMITTER_EMAIL": "learner@lab.invalid",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def trusted(folder: Path) -> dict[str, str]:
    """Return the environment in which git works in a folder that belongs to another user.

    git refuses one otherwise (git-config(1), "safe.directory"): a mounted folder, or answers run by `sudo`. No file
    of the user's is read, so nothing could be set there.
    """
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": str(folder)}


class GitTookTooLong(EnvironmentFault):
    """git did not end in time."""


def git(
    folder: Path, *arguments: str, place: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    # The repository is named outright: git would else climb up to one that is not the workspace's.
    place = place or folder / ".git"
    command = ["git", f"--git-dir={place}", f"--work-tree={folder}", "-c", "core.fsmonitor=false"]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder / PRIVATE)}
    environment |= GIT_IDENTITY | trusted(folder)
    # Missing objects must not be fetched: the repository's own configuration names the command for it.
    environment["GIT_ALLOW_PROTOCOL"] = "none"
    wait = Deadline(30)
    try:
        done = subprocess.run(
            [*command, "-c", f"core.hooksPath={os.devnull}", *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=scaled(30),
            check=False,
        )
    except FileNotFoundError:
        raise EnvironmentFault(
            "git is not installed.", "Install it, for instance with `apt-get install git`."
        ) from None
    except subprocess.TimeoutExpired as late:
        what = f"git {arguments[0]} did not end within {late.timeout:.0f} s in {folder}"
        wait.require_now(what)
        raise GitTookTooLong(f"{what}.") from None
    if check and done.returncode != 0:
        raise LabError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")
    return done
