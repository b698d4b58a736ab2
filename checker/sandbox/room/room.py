"""A room with its engine as its worker has it: what runs in it, whether it was broken, and its end."""

import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.deadline import Deadline
from checker.base.errors import EngineFault
from checker.base.pace import scaled
from checker.engine.connection import answers_at
from checker.sandbox.room import household, processes
from checker.sandbox.room import limits as limits_module
from checker.sandbox.room.roots import SHARED, SOCKET

ENGINE_PROGRAMS = frozenset({"dockerd", "containerd", "docker-proxy"})
SHIM = "containerd-shim"
OWN_TEMPORARY = Path("/tmp")  # noqa: S108 - a file system of the worker's own
ACTS_WITHIN = 10.0
"""Seconds in which a process of ours has to start and end in a room."""
LEAST_DISK, LEAST_FILES = 2 * 1024**2, 100


class Room(msgspec.Struct, frozen=True):
    """A room with its engine, as its worker has it.

    init, layers: ids of its first process and of the driver's. routes: those of its network, when it was made.
    """

    init: int
    layers: int
    handles: tuple[int, ...]
    routes: frozenset[str] = frozenset()

    @property
    def own(self) -> Path:
        """The worker's own folder for temporary files, which the room does not see."""
        return OWN_TEMPORARY

    def command(self, place: Path, *words: str) -> list[str]:
        """Return the command line that runs `words` in the room, in the folder `place`."""
        spaces = ("--mount", "--pid", "--ipc", "--uts", "--cgroup")
        change = 'cd -- "$0" && exec "$@"'
        return ["nsenter", f"--target={self.init}", *spaces, "/bin/sh", "-c", change, str(place), *words]

    def enter(self) -> None:
        """Call in the child process: it gets the limits of the room."""
        limits_module.join(list(self.handles))

    def broken(self) -> str:
        """Return why nothing can be judged in the room any more, as answers broke it; empty if it can.

        Raises EngineFault when the engine does not answer although nothing is seen that was done to it.
        """
        if not self._own():
            return "The engine was ended."
        if not SOCKET.exists():
            return "The socket of the engine was removed."
        if held := [name for name in processes.held() if name in ENGINE_PROGRAMS or name.startswith(SHIM)]:
            return f"The engine stands still: {_listed(held)} had been sent a stop signal."
        about = os.statvfs(SHARED)
        if about.f_bavail * about.f_frsize < LEAST_DISK or about.f_favail < LEAST_FILES:
            return "The disk is full."
        if not _loopback_works() or self.routes - routes():
            return "The network of the room was taken apart: 127.0.0.1, or a route of the engine's, is gone."
        if not answers_at(SOCKET, scaled(5)):
            raise EngineFault(
                "The engine of the room does not answer.", "The machine may be too slow: try again."
            )
        return "" if self._starts("true") or self._cleared() else "No process can be started any more."

    def held(self) -> str:
        """Return which processes of the room were stopped by a signal and have not gone on; empty if none."""
        held = processes.held()
        return f"Processes had been sent a stop signal: {_listed(held)}." if held else ""

    def _own(self) -> list[int]:
        """Return the process of the engine, with that of the driver; empty if one of them is gone."""
        engine = processes.children(self.init, "dockerd")
        if not self.layers:
            return engine
        alive = processes.parents().get(self.layers) == self.init
        return [*engine, self.layers] if engine and alive else []

    def _starts(self, *words: str) -> bool:
        wait = Deadline(ACTS_WITHIN)
        try:
            done = subprocess.run(
                self.command(Path("/"), *words), preexec_fn=self.enter, capture_output=True,
                env={"PATH": household.PATH}, timeout=scaled(ACTS_WITHIN), check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            wait.require_now(f"no process could be started in the room in {wait.elapsed:.0f} s")
            return False
        except (OSError, subprocess.SubprocessError):
            return False
        return done.returncode == 0

    def _cleared(self) -> bool:
        """End what answers left running besides containers, and see whether that was enough."""
        deadline = Deadline(ACTS_WITHIN)
        while not deadline.over():
            kept = processes.descendants(self._own())
            for pid in processes.descendants([self.init]) - kept - {self.init}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._starts("true"):
                return True
        return False

    def stop_engine(self) -> None:
        """End the engine in good order, so that its data can be used again."""
        end = "p=$(cat /lab/engine/docker.pid); kill $p; while kill -0 $p 2>/dev/null; do sleep 0.02; done"
        subprocess.run(self.command(Path("/"), "bash", "-c", end), check=True, timeout=scaled(60))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _loopback_works() -> bool:
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), timeout=5).close()
    except TimeoutError:
        return True  # slow is not broken
    except OSError:
        return False
    return True


def routes() -> frozenset[str]:
    """Interface and destination of each route of the network that is seen here."""
    lines = Path("/proc/net/route").read_text().splitlines()[1:]
    return frozenset(" ".join(line.split()[:2]) for line in lines)
