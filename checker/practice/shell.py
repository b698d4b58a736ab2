"""A shell with the lab's values in its environment."""

import os
import subprocess
import sys
from pathlib import Path

from checker.base.cache import home
from checker.base.errors import EnvironmentFault
from checker.base.say import Say
from checker.judge import answers
from checker.practice.session import Session


def open_shell(session: Session, say: Say) -> int:
    """Return a shell of the learner's own kind in the workspace; its exit code."""
    answers.make_room(session.workspace)
    inside = session.environment() | {"TERM": os.environ.get("TERM", "dumb"), "HOME": str(home())}
    number = session.lab.number
    say(f"A shell for lab {number}, in {session.workspace.path}. `env` shows the values, `exit` leaves.")
    inside |= {"PS1": f"(lab {number}) \\w $ ", "GIT_CONFIG_GLOBAL": os.devnull}
    inside["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inside['PATH']}"
    try:
        return subprocess.run(
            ["bash", "--norc"], cwd=session.workspace.path, env=inside, check=False
        ).returncode
    except OSError as error:
        raise EnvironmentFault(f"bash cannot be started: {error.strerror}.", "Install bash.") from error
