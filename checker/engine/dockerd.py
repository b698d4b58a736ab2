"""The machine's dockerd: which options it has, and why it ended. Its options come and go with its versions."""

import functools
import os
import re
import shutil
import subprocess
from pathlib import Path

from checker.base.errors import EngineFault

ASKED_WITHIN = 30.0
LINES, WIDTH = 3, 400


@functools.cache
def known_options(path: str) -> frozenset[str]:
    """Return the long options that `dockerd --help` names. Asked once: processes forked later inherit the answer.

    path: the PATH of whoever is going to start it. Raises EngineFault if dockerd cannot even be asked.
    """
    program = shutil.which("dockerd", path=path) or "dockerd"
    try:
        asked = subprocess.run(
            [program, "--help"], capture_output=True, text=True, errors="replace", timeout=ASKED_WITHIN, check=True,
            env={**os.environ, "PATH": path},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        said = str(getattr(error, "stderr", None) or error)
        raise EngineFault(f"`{program} --help` failed: {said.strip()[-WIDTH:]}") from error
    return options_in(asked.stdout + asked.stderr)


def options_in(text: str) -> frozenset[str]:
    """Return the long options of a help text without their dashes: `-b, --bridge string` is `bridge`."""
    return frozenset(re.findall(r"^\s*(?:-\w, )?--([a-z0-9][a-z0-9-]*)", text, re.MULTILINE))


def complaint(log: Path) -> str:
    """Return why an engine did not start, in its own words; empty if its log says nothing.

    dockerd writes what it is doing as `time=... level=...` and ends with its reason as a line without those. Where
    there is no such line the errors count, and where there are none the last lines do.
    """
    try:
        lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    except OSError:
        return ""
    crash = next((line for line in lines if line.startswith(("panic:", "fatal error:"))), "")
    if crash:
        return crash[:WIDTH]  # what follows is where in its source it happened
    plain = [line for line in lines if not line.startswith(("time=", "See "))]
    errors = [line for line in lines if re.search(r"\blevel=(?:error|fatal|panic)\b", line)]
    return " | ".join(line[:WIDTH] for line in (plain or errors or lines)[-LINES:])
