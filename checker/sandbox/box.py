"""Run untrusted code: with a time limit, a clean environment and namespaces of its own.

The sandbox is made of Linux namespaces (namespaces(7)), with a user namespace first, so that root inside has
no rights outside. Inside, 127.0.0.1 has the ports named in `reach` and nothing else; other processes are not
seen; whatever was started ends with the command; and of files only `place` can be written, and temporary folders
that are the sandbox's own. A machine that does not allow one of these (no Linux, no root where that is asked for)
runs the command all the same, and `BoxRun.missing` says which protection there was not.

The engine is reached by its socket, which is a file: see `proxy` for what it may be asked there.
"""

import functools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from checker.base import usage
from checker.base.deadline import Deadline
from checker.base.errors import EnvironmentFault
from checker.base.output import drain, follow
from checker.base.pace import scaled, too_slow
from checker.lab.workspace import PRIVATE, Workspace
from checker.lab.workspacegit import GIT_IDENTITY
from checker.programs import fetching
from checker.sandbox.relay import Relays

OUTPUT_LIMIT = 1024 * 1024
"""Bytes of output kept of one run; the rest is read, handed to `on_line` and thrown away."""
LONGEST_LINE = 64 * 1024
BEGIN_WITHIN = 20.0
"""Seconds that making the sandbox may take."""
INSIDE = Path(__file__).with_name("inside.py")
MARK = "REGISTRY_LAB_ROOM"
"""In the environment of all that is started, so that strays are found where there is no namespace."""
UNSHARE = ("unshare", "--net", "--pid", "--mount", "--fork", "--kill-child=KILL")
SANDBOXES: tuple[tuple[str, ...], ...] = (
    (*UNSHARE, "--user", "--map-root-user"),
    UNSHARE,
)
"""Ways to make a sandbox, best first."""
NO_SANDBOX = (
    "it shares this machine's network",
    "other processes of this machine can be seen",
    "files outside the copy can be written",
)


class BoxRun(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a command.

    exit_code: None if the time limit ended it. output: both streams as they came, at most `OUTPUT_LIMIT`
    bytes (`truncated` says so). missing: protections that this machine did not allow, as halves of sentences.
    """

    exit_code: int | None
    output: str
    seconds: float
    timed_out: bool = False
    truncated: bool = False
    missing: tuple[str, ...] = ()


def run(
    command: Sequence[str],
    *,
    place: Path,
    environment: Mapping[str, str],
    seconds: float,
    reach: Sequence[str] = (),
    on_line: Callable[[str], None] | None = None,
) -> BoxRun:
    """Run a command in a sandbox of its own, in the folder `place`, with exactly this environment.

    seconds: after these everything in the sandbox is ended for good. reach: `127.0.0.1:PORT` of the services
    that can be reached under the same address inside. on_line: is told every line of output as it comes,
    kept or not.
    Raises EnvironmentFault if not even an unprotected process can be started, MachineTooSlow if the time was over on a
    starved machine.
    """
    began = time.monotonic()
    ports = sorted({int(address.rpartition(":")[2]) for address in reach})
    sandbox = _sandbox()
    mark = f"{os.getpid()}-{time.monotonic_ns()}"
    ours, theirs = socket.socketpair()
    order = {
        "command": list(command),
        "ports": ports,
        "network": bool(sandbox),
        "mounts": bool(sandbox),
        "place": os.path.realpath(place),
        "temporary": _temporary(),
        "shown": _needed(environment),
    }
    with Relays() as relays, ours:
        try:
            process = subprocess.Popen(
                [*sandbox, sys.executable, "-I", "-S", str(INSIDE), str(theirs.fileno())],
                cwd=place,
                env={**environment, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=(theirs.fileno(),),
            )
        except OSError as error:
            raise EnvironmentFault(f"No process can be started in {place}: {error.strerror}.") from error
        finally:
            theirs.close()
        output = _Output(on_line)
        try:
            missing = _furnish(ours, order, ports, relays)
            deadline = Deadline(seconds, process.pid, used=_used)
            timed_out = not follow(process, output.add, deadline)
        finally:
            _end(process, mark, inside=bool(sandbox))
        drain(process, output.add)
    output.close()
    if timed_out:
        deadline.require(f"{Path(command[0]).name} did not end in {deadline.elapsed:.0f} s")
    return BoxRun(
        exit_code=None if timed_out else process.returncode,
        output=output.text,
        seconds=time.monotonic() - began,
        timed_out=timed_out,
        truncated=output.truncated,
        missing=missing if sandbox else NO_SANDBOX,
    )


def clean(home: Path, **more: str) -> dict[str, str]:
    """Return an environment made from nothing; HOME, TMPDIR and DOCKER_CONFIG are folders made at `home`."""
    made = {"HOME": home, "TMPDIR": home / "tmp", "DOCKER_CONFIG": home / ".docker"}
    for folder in made.values():
        folder.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "DOCKER_CLI_HINTS": "false",
        **GIT_IDENTITY,
        **{name: str(folder) for name, folder in made.items()},
        **more,
    }


@contextmanager
def copied(workspace: Workspace) -> Iterator[Path]:
    """A copy of a workspace without its `.git` and `.lab`, in a folder of its own that goes afterwards.

    The copy is the folder `source` in it; beside it is room for whatever the run needs. Links stay links,
    and what is no plain file stays behind. Raises EnvironmentFault if there is no room.
    """
    with tempfile.TemporaryDirectory(prefix="registry-lab-", ignore_cleanup_errors=True) as folder:
        source = Path(folder).resolve() / "source"
        left_out = shutil.ignore_patterns(".git", PRIVATE)
        root = str(workspace.path)

        def leave(at: str, names: list[str]) -> set[str]:
            left = left_out(at, names) if at == root else set()
            return left | {name for name in names if not _plain(Path(at, name))}

        try:
            shutil.copytree(workspace.path, source, symlinks=True, ignore=leave)
        except (OSError, shutil.Error) as error:
            raise EnvironmentFault(
                f"The workspace cannot be copied to {folder}: {error}.", "Make room there, and try again."
            ) from error
        yield source


def _plain(path: Path) -> bool:
    return path.is_symlink() or path.is_dir() or path.is_file()


def _temporary() -> tuple[str, ...]:
    """Folders that every program expects to be able to write to. The sandbox has its own, which are empty."""
    return ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108


def _needed(environment: Mapping[str, str]) -> list[str]:
    """Folders without which nothing runs, wherever they lie: programs, this package, the engine's socket."""
    kind, _, socket_file = environment.get("DOCKER_HOST", "").partition("://")
    folders = [
        *environment.get("PATH", "").split(os.pathsep),
        sys.prefix,
        sys.base_prefix,
        INSIDE.parents[1],
        fetching.folder(),
        *([Path(socket_file).parent] if kind == "unix" else ()),
    ]
    return sorted({os.path.realpath(folder) for folder in folders if folder})


@functools.cache
def _sandbox() -> tuple[str, ...]:
    """Return the best way to make a sandbox that works on this machine; empty if there is none."""
    for sandbox in SANDBOXES:
        try:
            tried = subprocess.run(
                [*sandbox, "true"], env={"PATH": os.environ.get("PATH", os.defpath)}, capture_output=True,
                timeout=scaled(BEGIN_WITHIN), check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return ()
        if tried.returncode == 0:
            return sandbox
    return ()


def _used(pid: int) -> usage.Used | None:
    return usage.tree(pid, helper=str(INSIDE))


def _furnish(talk: socket.socket, order: object, ports: list[int], relays: Relays) -> tuple[str, ...]:
    """Send the order in, start a relay for each listener that comes out; what could not be protected."""
    talk.settimeout(scaled(BEGIN_WITHIN))
    try:
        talk.sendall(json.dumps(order).encode() + b"\n")
        said = b""
        if ports:
            said, handles, _, _ = socket.recv_fds(talk, 1 << 16, len(ports))
            for handle, port in zip(handles, ports, strict=False):
                listener = socket.socket(fileno=handle)
                listener.setblocking(False)
                relays.carry(listener, port)
        while (line := said.rpartition(b"\n")[0].rpartition(b"\n")[2])[:1] != b"[":
            if not (more := talk.recv(1 << 16)):
                return NO_SANDBOX
            said += more
    except TimeoutError:
        raise too_slow(f"a sandbox for the pipeline was not ready in {scaled(BEGIN_WITHIN):.0f} s") from None
    except OSError as error:
        raise EnvironmentFault(
            f"A sandbox for the pipeline cannot be made ({error}).", "Try again."
        ) from error
    return tuple(json.loads(line))


class _Output:
    """Cuts output into lines, passes all of them on and keeps the first `OUTPUT_LIMIT` bytes."""

    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line = on_line
        self._kept = bytearray()
        self._rest = b""
        self.truncated = False

    def add(self, data: bytes) -> None:
        left = OUTPUT_LIMIT - len(self._kept)
        self.truncated |= len(data) > left
        self._kept += data[:left]
        if self._on_line:
            *lines, self._rest = (self._rest + data).split(b"\n")
            for line in lines:
                self._on_line(line.decode("utf-8", "replace"))
            if len(self._rest) > LONGEST_LINE:
                self.close()

    def close(self) -> None:
        if self._on_line and self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))
        self._rest = b""

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "replace")


def _end(process: subprocess.Popen[bytes], mark: str, *, inside: bool) -> None:
    """End everything: the sandbox's init takes all of its processes with it; without one, by the mark."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if inside:
        return
    sought = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if sought in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
