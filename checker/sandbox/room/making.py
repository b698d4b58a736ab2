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
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.deadline import Deadline
from checker.base.errors import EngineFault
from checker.base.pace import scaled
from checker.engine import dockerd
from checker.engine.connection import answers_at
from checker.sandbox import linux
from checker.sandbox.layers import NAME, driver
from checker.sandbox.room import household, processes, roots
from checker.sandbox.room import limits as limits_module
from checker.sandbox.room.limits import RoomLimits
from checker.sandbox.room.room import Room, routes
from checker.sandbox.room.roots import ENGINE, ROOM, SOCKET, RoomPlan

OWNER = 0x6E000000
COUNT = 65536
"""The users of rooms: a range that neither people nor /etc/subuid have."""
START_WITHIN = 30.0
POLL = 0.005
WHAT_TO_DO = (
    "Grade it again on its own (`--jobs 1`, `--resume` keeps the others); if it stays, `dmesg` says whether the kernel "
    "ended it for want of memory."
)


def supervise(
    name: str,
    base: Path,
    plan: RoomPlan,
    limits: RoomLimits,
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
        in_time = _watch(builder, talk, Deadline(limits.seconds))
        if in_time and (why := _how_it_ended(builder, group)):
            failed(why)
        return in_time
    finally:
        with suppress(ProcessLookupError):
            os.kill(builder, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(builder, 0)
        for handle in handles:
            os.close(handle)
        group.remove()
        with suppress(OSError):
            base.rmdir()


def _how_it_ended(builder: int, group: limits_module.Group) -> str:
    """Return why a room's process ended that has told no result; empty if it ended well, or has not ended."""
    ended, status = os.waitpid(builder, os.WNOHANG)
    if not ended or status == 0:
        return ""
    how = (
        f"was ended by the signal {signal.Signals(os.WTERMSIG(status)).name}"
        if os.WIFSIGNALED(status)
        else f"ended with exit code {os.waitstatus_to_exitcode(status)}"
    )
    why = " The memory of its room was used up." if group.ended_for_memory() else ""
    return f"The process that graded it {how} and told no result.{why} {WHAT_TO_DO}"


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
    plan: RoomPlan,
    limits: RoomLimits,
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
    settings = {"experimental": True, "storage-driver": NAME} if layers else {}
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
    return Room(pid, _driver(pid) if layers else 0, tuple(handles), routes())


def _driver(init: int) -> int:
    """Return the process that init started before it started the engine."""
    return min(pid for pid, parent in processes.parents().items() if parent == init)


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
    linux.mount_terminals(ROOM / "dev/pts")
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
        server = driver.DriverServer()
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
