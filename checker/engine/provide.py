"""Provide a container engine: find one, or as root on Debian install and start one.

An engine that answers is never changed. Nothing is installed without saying so first.
"""

import getpass
import os
import shutil
from contextlib import suppress
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import EngineFault
from checker.base.lock import alone
from checker.base.processes import search_path
from checker.base.say import Say
from checker.engine import own_engine
from checker.engine.connection import Engine, connect, own_socket
from checker.programs import debian

BUSY = "starting or stopping an engine"

SYSTEMD = Path("/run/systemd/system")
"""Exists where systemd runs the machine (sd_booted(3))."""

PACKAGES = ("docker.io", "ca-certificates", "iptables")
CLIENT = "docker-cli"
"""The client's package where it is apart from the engine's, from Debian 13 on."""
BUILDER = "docker-buildx"
"""BuildKit's client, from Debian 13 on; without it every build begins with a notice that its builder is deprecated."""


def ensure_engine(say: Say, *, may_install: bool) -> Engine:
    """Connect to an engine, providing one first if none answers.

    may_install: whether an engine may be installed and started. say: is told what is going to be done,
    a sentence at a time. Raises EngineFault with the exact command for a person to run where this
    process may not or cannot do it.
    """
    if os.environ.get("DOCKER_HOST") == f"unix://{own_socket()}" and not own_engine.running():
        del os.environ["DOCKER_HOST"]  # left over from an engine of ours that has ended, nobody's wish
    try:
        engine = connect()
    except EngineFault as fault:
        if not may_install:
            raise
        _check_may_provide(fault)
        engine = _provide(say)
    if may_install and not shutil.which("docker"):
        _install_client(say)
    return engine


def stop_own_engine(say: Say) -> bool:
    """End the engine that `ensure_engine` started, and no other. True if there was one.

    A system service is ended only if it is still the same run of it that was started here and holds
    no containers but ours. Raises EngineFault if it may not be done.
    """
    with alone("engine", BUSY, say):
        ended = own_engine.stop(say)
        return _stop_service(say) or ended


def _check_may_provide(fault: EngineFault) -> None:
    """Raise EngineFault with what a person has to do, unless this process can do it itself."""
    if chosen := os.environ.get("DOCKER_HOST"):
        raise EngineFault(fault.message, f"DOCKER_HOST asks for {chosen}: start Docker there, or unset it.")
    if not shutil.which("apt-get"):
        raise EngineFault(fault.message, "Install Docker, start it and try again.")
    if os.geteuid() == 0:
        return
    if "permission denied" in fault.message:
        command = f"sudo usermod -aG docker {getpass.getuser()}"
        raise EngineFault(fault.message, f"Run `{command}`, log out and in again, and try again.")
    start = "systemctl start docker" if SYSTEMD.exists() else "service docker start"
    command = f"sudo {start} && sudo usermod -aG docker {getpass.getuser()}"
    if not _dockerd():
        command = f"sudo apt-get install -y {' '.join(_packages())} && {command}"
    raise EngineFault(fault.message, f"Run `{command}`, log out and in again, and try again.")


def _provide(say: Say) -> Engine:
    with alone("engine", BUSY, say):
        with suppress(EngineFault):
            return connect()  # another process was faster
        if not _dockerd():
            debian.install(_packages(), say, EngineFault)
        if SYSTEMD.exists():
            _start_service(say)
        else:
            with suppress(EngineFault):
                connect().close()
                # Installing started it, as init scripts do; a service nobody asked for is not left behind.
                os.environ.pop("DOCKER_HOST")
                debian.system(["service", "docker", "stop"])
            own_engine.start(say)
        return connect()


def _dockerd() -> str | None:
    return shutil.which("dockerd", path=search_path())


def _packages() -> list[str]:
    return [*PACKAGES, *_of_client()]


def _of_client() -> list[str]:
    """Return the packages of the client that it has of its own here; none if there is a client."""
    if shutil.which("docker"):
        return []
    return [name for name in (CLIENT, BUILDER) if debian.system(["apt-cache", "show", name]).returncode == 0]


def _install_client(say: Say) -> None:
    """Debian's client where it is a package of its own; it would bring a second engine otherwise."""
    if os.geteuid() == 0 and shutil.which("apt-get") and CLIENT in (wanted := _of_client()):
        with alone("engine", BUSY, say):
            debian.install(wanted, say, EngineFault)
    else:
        raise EngineFault(
            "An engine answers, but there is no `docker` command on the PATH.",
            "Install Docker's command-line client and try again.",
        )


def _start_service(say: Say) -> None:
    say("Starting the system's Docker service: systemctl start docker")
    done = debian.system(["systemctl", "start", "docker"])
    if done.returncode:
        raise EngineFault(
            f"The Docker service did not start ({' '.join(done.stdout.split())[-300:]}).",
            "See `journalctl -u docker`, start it and try again.",
        )
    note = _service_note()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(_invocation(), encoding="ascii")


def _stop_service(say: Say) -> bool:
    note = _service_note()
    if not note.exists() or not SYSTEMD.exists():
        return False
    if note.read_text(encoding="ascii") != _invocation():
        note.unlink()  # ended or started anew by somebody: no longer ours to stop
        return False
    shown = debian.system(["docker", "--host", "unix:///var/run/docker.sock", "ps", "--quiet"])
    if shown.returncode or shown.stdout.strip():
        say("The Docker service runs other containers by now; it is left running.")
        return False
    say("Stopping the system's Docker service again.")
    stopped = debian.system(["systemctl", "stop", "docker.socket", "docker.service"]).returncode == 0
    if stopped:
        note.unlink()
    return stopped


def _service_note() -> Path:
    """Holds which run of the system's service was started by us."""
    return cache_dir() / "engine" / "service"


def _invocation() -> str:
    """systemd's identity of the service's present run; empty if it does not run."""
    return debian.system(["systemctl", "show", "--property=InvocationID", "--value", "docker"]).stdout.strip()
