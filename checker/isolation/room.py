"""Making a room: a chain of processes, each of which has less than the one before.

    supervisor   root outside: makes the limits, watches the time and whether anybody still waits, clears up
    builder      root outside: puts the files together, then enters a user namespace where it is nobody
    worker       init of the outer process namespace; grades; sees its own tree
    engine       init of the inner process namespace, and all that answers and containers start

Root of a room is an ordinary user outside (`OWNER` and the numbers after it), who has no files and no rights there:
neither devices, the kernel's settings nor other rooms are within reach, whatever a container is allowed. When the
worker ends, everything ends with it, and its file systems go with their last process.
"""

import ctypes
import os
import select
import signal
import socket
import subprocess
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from checker import dockerd
from checker.deadline import Deadline
from checker.engine import answers_at
from checker.errors import EngineFault
from checker.isolation import household, linux, roots
from checker.isolation import limits as limits_module
from checker.isolation.layers import driver
from checker.isolation.limits import Limits
from checker.isolation.roots import ENGINE, ROOM, SHARED, SOCKET, Plan
from checker.pace import scaled

OWNER = 0x6E000000
COUNT = 65536
"""The users of rooms: a range that neither people nor /etc/subuid have."""
ENGINE_PROGRAMS = frozenset({"dockerd", "containerd", "docker-proxy"})
SHIM = "containerd-shim"
OWN_TEMPORARY = Path("/tmp")  # noqa: S108 - a file system of the worker's own
START_WITHIN = 30.0
ACTS_WITHIN = 10.0
"""Seconds in which a process of ours has to start and end in a room."""
POLL = 0.005
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
        """A command line that does in the room, in the folder `place`, what `words` say."""
        spaces = ("--mount", "--pid", "--ipc", "--uts", "--cgroup")
        change = 'cd -- "$0" && exec "$@"'
        return ["nsenter", f"--target={self.init}", *spaces, "/bin/sh", "-c", change, str(place), *words]

    def enter(self) -> None:
        """In a process to be: take on the limits of the room."""
        limits_module.join(list(self.handles))

    def broken(self) -> str:
        """Return what answers did to the room so that nothing can be judged in it any more; empty if it is whole.

        Raises EngineFault when the engine does not answer although nothing is seen that was done to it.
        """
        if not self._own():
            return "The engine was ended."
        if not SOCKET.exists():
            return "The socket of the engine was removed."
        if held := [name for name in _held() if name in ENGINE_PROGRAMS or name.startswith(SHIM)]:
            return f"The engine stands still: {_listed(held)} had been sent a stop signal."
        about = os.statvfs(SHARED)
        if about.f_bavail * about.f_frsize < LEAST_DISK or about.f_favail < LEAST_FILES:
            return "The disk is full."
        if not _loopback_works() or self.routes - _routes():
            return "The network of the room was taken apart: 127.0.0.1, or a route of the engine's, is gone."
        if not answers_at(SOCKET, scaled(5)):
            raise EngineFault(
                "The engine of the room does not answer.", "The machine may be too slow: try again."
            )
        return "" if self._starts("true") or self._cleared() else "No process can be started any more."

    def held(self) -> str:
        """Return which processes of the room stand still since somebody sent them a stop signal; empty if none."""
        held = _held()
        return f"Processes had been sent a stop signal: {_listed(held)}." if held else ""

    def _own(self) -> list[int]:
        """The process of the engine, with that of the driver; empty if one of them is gone."""
        engine = _children(self.init, "dockerd")
        if not self.layers:
            return engine
        alive = _processes().get(self.layers) == self.init
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
            kept = _tree(self._own())
            for pid in _tree([self.init]) - kept - {self.init}:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if self._starts("true"):
                return True
        return False

    def stop_engine(self) -> None:
        """End the engine in good order, so that its data can be used again."""
        end = "p=$(cat /lab/engine/docker.pid); kill $p; while kill -0 $p 2>/dev/null; do sleep 0.02; done"
        subprocess.run(self.command(Path("/"), "bash", "-c", end), check=True, timeout=scaled(60))


def supervise(
    name: str,
    base: Path,
    plan: Plan,
    limits: Limits,
    talk: int,
    hand_in: Callable[[Path], None],
    work: Callable[[Room], None],
    failed: Callable[[str], None],
    log: int = 2,
) -> bool:
    """Make a room and do `work` in its worker; comes back when all is over and nothing is left.

    base: a new folder, gone afterwards. talk: a socket; when its other end closes, the room is ended. hand_in: puts
    into a folder what the worker is given. failed: is told why there is no room, mostly in a process of it. log: an
    open file for what goes wrong. False if the time was over first. Raises EngineFault if there is no engine to start.
    """
    try:
        dockerd.known_options(household.PATH)  # asked here, outside; the processes forked below know it then
    except EngineFault as fault:
        failed(fault.told)
        raise
    base.mkdir(parents=True)
    group, _ = limits_module.make(name, limits, OWNER)
    handles = group.handles()
    ready, go = os.pipe(), os.pipe()
    builder = os.fork()
    if builder == 0:
        os.dup2(log, 2)
        os.close(ready[0])
        os.close(go[1])
        _run(lambda: _builder(base, plan, limits, handles, (ready[1], go[0]), hand_in, work, failed))
    os.close(ready[1])
    os.close(go[0])
    try:
        if os.read(ready[0], 1):
            for file in ("uid_map", "gid_map"):
                Path(f"/proc/{builder}/{file}").write_text(f"0 {OWNER} {COUNT}\n")
            os.write(go[1], b"1")
        return _watch(builder, talk, Deadline(limits.seconds))
    finally:
        with suppress(ProcessLookupError):
            os.kill(builder, signal.SIGKILL)
        os.waitpid(builder, 0)
        for handle in handles:
            os.close(handle)
        group.remove()
        with suppress(OSError):
            base.rmdir()


def _watch(builder: int, talk: int, deadline: Deadline) -> bool:
    """Wait until the builder ends, nobody listens any more, or the time is over; False for the last."""
    handle = os.pidfd_open(builder)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    poll.register(talk, select.POLLHUP | select.POLLRDHUP)
    try:
        while not (heard := poll.poll(deadline.left * 1000)) and not deadline.over():
            pass
        return bool(heard)
    finally:
        os.close(handle)


def _run(what: Callable[[], None]) -> None:
    """Be a child process that does one thing."""
    code = 1
    try:
        what()
        code = 0
    except BaseException:
        os.write(2, traceback.format_exc().encode())  # whatever else is taken for it here
    finally:
        os._exit(code)


def _builder(
    base: Path,
    plan: Plan,
    limits: Limits,
    handles: list[int],
    pipes: tuple[int, int],
    hand_in: Callable[[Path], None],
    work: Callable[[Room], None],
    failed: Callable[[str], None],
) -> None:
    linux.end_with_parent()
    os.setsid()
    try:
        linux.unshare(linux.NEWNS)
        tree = roots.build(base, plan, limits, OWNER, hand_in)
        linux.unshare(linux.NEWUSER | linux.NEWNS | linux.NEWPID | linux.NEWNET | linux.NEWIPC | linux.NEWUTS)
    except OSError as error:
        failed(f"The room cannot be put together: {error}.")
        raise
    os.write(pipes[0], b"1")
    if not os.read(pipes[1], 1):
        return
    os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    linux.end_with_parent()
    worker = os.fork()
    if worker == 0:
        _run(lambda: _worker(tree, handles, plan.layers, work, failed))
    _, status = os.waitpid(worker, 0)
    os._exit(os.waitstatus_to_exitcode(status) and 1)


def _worker(
    tree: Path,
    handles: list[int],
    layers: bool,
    work: Callable[[Room], None],
    failed: Callable[[str], None],
) -> None:
    linux.end_with_parent()
    quiet = linux.NOSUID | linux.NODEV | linux.NOEXEC
    linux.mount("proc", tree / "proc", "proc", quiet)
    linux.mount("sysfs", tree / "sys", "sysfs", quiet)
    linux.mount(tree, tree, flags=linux.BIND | linux.REC)
    linux.pivot_root(tree)
    linux.start_loopback()
    try:
        room = _start(handles, layers)
    except EngineFault as fault:
        failed(fault.told)
        raise
    work(room)


def _start(handles: list[int], layers: bool) -> Room:
    """Start the room's first process and its engine, and wait until that answers. Raises EngineFault."""
    settings = {"experimental": True, "storage-driver": driver.NAME} if layers else {}
    (ROOM / ENGINE.relative_to("/") / "daemon.json").write_bytes(msgspec.json.encode(settings))
    said, say = os.pipe()
    between = os.fork()
    if between == 0:
        _run(lambda: _between(handles, layers, say))
    os.close(say)
    os.waitpid(between, 0)
    pid = int(os.read(said, 32) or b"0")
    os.close(said)
    deadline = Deadline(START_WITHIN)
    while not answers_at(SOCKET, scaled(5)):
        gone = not pid or os.waitpid(pid, os.WNOHANG)[0] or (ENGINE / "ended").exists()
        if gone or deadline.over():
            if not gone:
                deadline.require(f"the engine of the room did not start in {deadline.elapsed:.0f} s")
            why = dockerd.complaint(ENGINE / "log") or "it said nothing"
            raise EngineFault(
                f"The engine of the room {'ended at once' if gone else 'does not answer'}: {why}"
            )
        time.sleep(POLL)
    return Room(pid, _driver(pid) if layers else 0, tuple(handles), _routes())


def _driver(init: int) -> int:
    """The process that init started before it started the engine."""
    return min(pid for pid, parent in _processes().items() if parent == init)


def _between(handles: list[int], layers: bool, say: int) -> None:
    limits_module.join(handles)
    linux.unshare(linux.NEWNS | linux.NEWPID | linux.NEWIPC | linux.NEWUTS | linux.NEWCGROUP)
    init = os.fork()
    if init == 0:
        _run(lambda: _init(layers))
    os.write(say, str(init).encode())


def _init(layers: bool) -> None:
    """Close the room's tree behind us and become its init."""
    quiet = linux.NOSUID | linux.NODEV | linux.NOEXEC
    linux.mount("proc", ROOM / "proc", "proc", quiet)
    linux.mount("sysfs", ROOM / "sys", "sysfs", quiet)
    linux.mount(
        "devpts",
        ROOM / "dev/pts",
        "devpts",
        linux.NOSUID | linux.NOEXEC,
        "newinstance,ptmxmode=0666,mode=620",
    )
    _mount_groups(ROOM / "sys/fs/cgroup", quiet)
    linux.mount(ROOM, ROOM, flags=linux.BIND | linux.REC)
    linux.pivot_root(ROOM)
    libc = ctypes.CDLL(None)
    libc.sethostname(b"room", 4)
    os.setsid()
    nothing = os.open("/dev/null", os.O_RDONLY)
    log = os.open(ENGINE / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, handle in enumerate((nothing, log, log)):
        os.dup2(handle, number)
    if layers:
        server = driver.Server()
        if os.fork() == 0:
            _run(server.serve)
    environment = {**household.ENVIRONMENT, "HOME": "/root", "TMPDIR": "/tmp"}  # noqa: S108 - the room's own
    script = household.script(dockerd.known_options(household.PATH))
    os.execve("/bin/bash", ["bash", "-c", script], environment)  # noqa: S606


def _mount_groups(place: Path, flags: int) -> None:
    """The control groups as an engine wants to see them: those of this room as the topmost."""
    if limits_module.unified():
        with suppress(OSError):
            linux.mount("cgroup2", place, "cgroup2", flags)
        return
    own = [line.split(":", 2)[1] for line in Path("/proc/self/cgroup").read_text().splitlines()]
    ordinary = [
        name
        for name in own
        if name and "=" not in name and not (set(name.split(",")) - set(limits_module.V1))
    ]
    linux.mount("tmpfs", place, "tmpfs", flags, "size=1m,mode=755")
    for name in ordinary:
        (place / name).mkdir()
        with suppress(OSError):
            linux.mount("cgroup", place / name, "cgroup", flags, name)


def _processes() -> dict[int, int]:
    """Parent of every process that is seen here."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError, ValueError):
            found[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return found


def _held() -> list[str]:
    """Names of the processes that have been stopped by a signal (proc(5), the state T)."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, IndexError):
            before, _, after = entry.read_text().rpartition(")")
            if after.split()[0] == "T":
                found.add(before.partition("(")[2])
    return sorted(found)


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


def _routes() -> frozenset[str]:
    """Interface and destination of each route of the network that is seen here."""
    lines = Path("/proc/net/route").read_text().splitlines()[1:]
    return frozenset(" ".join(line.split()[:2]) for line in lines)


def _children(parent: int, program: str) -> list[int]:
    """The child processes of a process that run the machine's program of that name."""
    found = []
    for pid, above in _processes().items():
        with suppress(OSError):
            if above == parent and Path(f"/proc/{pid}/exe").readlink().name == program:
                found.append(pid)
    return found


def _tree(roots: list[int]) -> set[int]:
    """The processes and all that they started, as far as it is not orphaned."""
    parents = _processes()
    found: set[int] = set()
    wave = set(roots)
    while wave:
        found |= wave
        wave = {pid for pid, parent in parents.items() if parent in wave} - found
    return found
