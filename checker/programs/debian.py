"""Installing Debian packages, and running the system's own tools to do so."""

import os
import subprocess
import tempfile
from collections.abc import Callable

from checker.base.errors import EnvironmentFault
from checker.base.processes import search_path

WITHIN = 900.0
"""Seconds that one tool may take."""

INSTALL = ("apt-get", "install", "-y", "--no-install-recommends")


FINISH = ("dpkg", "--configure", "-a")
INTERRUPTED = "dpkg was interrupted"
"""What apt says until that was done (apt-pkg/deb/debsystem.cc)."""


def install(
    packages: list[str], say: Callable[[str], None], fault: type[EnvironmentFault] = EnvironmentFault
) -> None:
    """Install packages, and say so first. Raises `fault` with apt's complaint."""
    names = " ".join(packages)
    say(f"Installing Debian packages: apt-get install --no-install-recommends {names}")
    command = [*INSTALL, *packages]
    done = system(command)
    if done.returncode and INTERRUPTED in done.stdout:
        say("An earlier installation was interrupted; finishing it: dpkg --configure -a")
        finished = system([*FINISH])
        if finished.returncode:
            raise fault(
                f"An earlier installation was interrupted, and dpkg cannot finish it ({_last(finished.stdout)}).",
                f"Run `{' '.join(FINISH)}`, mend what it says, then try again.",
            )
        done = system(command)
    if done.returncode:
        # A fresh machine has no package lists; an old one has lists of what the servers no longer hold.
        say("Fetching Debian's package lists.")
        system(["apt-get", "update"])
        done = system(command)
    if done.returncode:
        complaints = [line[2:].strip() for line in done.stdout.splitlines() if line.startswith("E:")]
        raise fault(
            f"apt-get could not install {names} ({complaints[0] if complaints else 'no reason given'}).",
            f"Run `apt-get install {names}` and see what it says.",
        )


def _last(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "no reason given"


def system(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a system tool to its end, both streams in `stdout`. A tool that is missing has failed."""
    environment = {
        **os.environ,
        "PATH": search_path(),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        "NEEDRESTART_SUSPEND": "1",
    }
    if command[0] == "apt-get":
        command = [command[0], "-q", "-o", "DPkg::Lock::Timeout=300", *command[1:]]
    # A file and not a pipe: a service started on the way keeps the stream open for as long as it lives.
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        try:
            code = subprocess.run(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=WITHIN,
                check=False,
            ).returncode
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(command, 127, f"E: {error}")
        output.seek(0)
        return subprocess.CompletedProcess(command, code, output.read())
