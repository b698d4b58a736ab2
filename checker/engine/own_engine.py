"""The lab's own container engine, started where a machine has none, and stopped again.

It is a dockerd of its own: data, sockets, log and network bridge are ours, and it listens to nobody else.
It outlives the command that started it. Nothing here touches any other engine.
"""

import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import EngineFault
from checker.base.processes import search_path
from checker.base.say import Say
from checker.engine import dockerd, footprint
from checker.engine.connection import answers_at, own_socket

START_WITHIN = 60.0
STOP_WITHIN = 40.0
"""Seconds; dockerd itself gives containers 10 to end."""

ENVIRONMENT = {"GOGC": "400"}
"""dockerd starts itself anew for every layer that it unpacks, some hundred times in a replay with builds, and collects
garbage three times before it has begun: collecting it less often saves a third of that, for some 60 MB of memory."""

PROGRAMS = ("dockerd", "containerd", "containerd-shim")


def folder() -> Path:
    """Return where everything of the engine's lies, apart from sockets if that path is too long for them."""
    return cache_dir() / "engine"


def log_file() -> Path:
    return folder() / "log"


def running() -> int | None:
    """Return the process id of our dockerd; None if it does not run. Looks at processes, not at a pid
    file."""
    return next((pid for pid, program in _members() if program == "dockerd"), None)


def start(say: Say) -> None:
    """Start the engine and wait until it answers. The caller holds the lock.

    Raises EngineFault with the end of its log if it does not come up.
    """
    _bring_down()  # what a crash or a reboot left
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    own_socket().parent.mkdir(exist_ok=True, mode=0o700)
    _remember()
    bridge = _family() + secrets.token_hex(1)
    command = _command(bridge)
    if _others():
        say("Another Docker engine is running at an unknown address; its firewall rules are left alone.")
        command.append("--iptables=false")
    say(f"Starting an engine of the lab's own; its files are in {folder()}.")
    try:
        footprint.add_bridge(bridge)
        try:
            _launch(command)
        except EngineFault:
            if not (networks := _data() / "network").exists():
                raise
            # Killed while it made a network, dockerd panics over what it had written at every later start.
            say("The engine did not come up; it is tried without what it remembers of networks.")
            shutil.rmtree(networks, ignore_errors=True)
            _launch(command)
    except OSError as error:
        _bring_down()
        raise EngineFault(f"The engine cannot be started ({error}).", _ACTION) from error
    except BaseException:
        _bring_down()
        raise


def _launch(command: list[str]) -> None:
    with log_file().open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, **ENVIRONMENT, "PATH": search_path()},
            start_new_session=True,  # a Ctrl-C is not for it
        )
    _wait_until_up(process)


def stop(say: Say) -> bool:
    """End the engine and clear what it leaves; images stay. True if there was something to end.

    Raises EngineFault when somebody else than root asks.
    """
    if not _members():
        if (folder() / "before.json").exists():
            _bring_down()
        return False
    if os.geteuid() != 0:
        raise EngineFault("The lab's own engine belongs to root.", "Run `sudo -E lab stop --all`.")
    say("Stopping the lab's own engine.")
    _bring_down()
    return True


_ACTION = "Start an engine of your own, for example with `service docker start`, and try again."


def _command(bridge: str) -> list[str]:
    # An empty configuration, because dockerd refuses flags that /etc/docker/daemon.json has too.
    configuration = folder() / "daemon.json"
    configuration.write_text("{}\n", encoding="utf-8")
    return [
        shutil.which("dockerd", path=search_path()) or "dockerd",
        f"--config-file={configuration}",
        f"--data-root={_data()}",
        f"--exec-root={_exec()}",
        f"--pidfile={folder() / 'docker.pid'}",
        f"--host=unix://{own_socket()}",
        f"--bridge={bridge}",
    ]


def _data() -> Path:
    return folder() / "data"


def _exec() -> Path:
    return own_socket().parent / "exec"


def _family() -> str:
    """Return how the names of our bridges begin: another way for each cache folder.

    Every start takes a name of its own (at most 15 characters), because dockerd gives a bridge it knows the
    network it had before, even if that is another program's by now; containers then answer nobody.
    """
    return "rlab-" + hashlib.sha256(os.fsencode(folder())).hexdigest()[:8]


def _wait_until_up(process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_WITHIN
    while not answers_at(own_socket()):
        if process.poll() is not None:
            raise EngineFault(f"The engine ended at once.{_log_end()}", _ACTION)
        if time.monotonic() > deadline:
            raise EngineFault(f"The engine did not answer within {START_WITHIN:.0f} s.{_log_end()}", _ACTION)
        time.sleep(0.1)


def _log_end() -> str:
    said = dockerd.complaint(log_file())
    return f" The last lines of its log: {said}" if said else f" Its log says nothing: {log_file()}"


def _remember() -> None:
    """Note what the machine was like before, for when the engine is gone again."""
    before = {"forwarding": footprint.IP_FORWARD.exists() and footprint.IP_FORWARD.read_text().strip() == "1"}
    (folder() / "before.json").write_text(json.dumps(before), encoding="utf-8")


def _bring_down() -> None:
    """End the processes that are left, gently first, and undo the rest. Does nothing where nothing is."""
    members = _members()
    engines = [pid for pid, program in members if program == "dockerd"]
    for pid in engines:
        _signal(pid, signal.SIGTERM)
    _wait_gone(engines, STOP_WITHIN)
    # What still lives now was orphaned by a dockerd that was killed: its containers have to end with it.
    left = [pid for pid, _ in _members()]
    for pid in (*_descendants(left), *left):
        _signal(pid, signal.SIGKILL)
    _wait_gone(left, 5)
    own_folders = (_exec(), _data())
    footprint.unmount_under(own_folders)
    bridges = {*footprint.bridges_named(_family()), *footprint.bridges_of(_data())}
    notes = folder() / "before.json"
    if notes.exists():
        alone = not _others()
        footprint.remove_rules(bridges, last=alone)
        with suppress(OSError, ValueError):
            if alone and not json.loads(notes.read_text(encoding="utf-8"))["forwarding"]:
                footprint.stop_forwarding()
    for bridge in bridges:
        footprint.remove_bridge(bridge)
    shutil.rmtree(_exec(), ignore_errors=True)
    for file in (own_socket(), folder() / "docker.pid", folder() / "daemon.json", notes):
        file.unlink(missing_ok=True)
    if own_socket().parent != folder():
        with suppress(OSError):
            own_socket().parent.rmdir()


def _members() -> list[tuple[int, str]]:
    """Our engine's own processes (not its containers'): pid and which of PROGRAMS it is."""
    root = str(_exec())
    return [
        (pid, program)
        for pid, program, words in _engine_processes()
        if any(word in (root, f"--exec-root={root}") or word.startswith(f"{root}/") for word in words)
    ]


def _others() -> list[int]:
    """Process ids of engines that are not ours and use the same network."""
    ours = {pid for pid, _ in _members()}
    return [
        pid
        for pid, program, _ in _engine_processes()
        if program == "dockerd" and pid not in ours and _space(pid, "net") == _space(os.getpid(), "net")
    ]


def _engine_processes() -> list[tuple[int, str, list[str]]]:
    """pid, program and arguments of all engine processes that live where we do, not inside a container."""
    found: list[tuple[int, str, list[str]]] = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:
            continue
        name = words[0].rpartition("/")[2]
        program = next((known for known in reversed(PROGRAMS) if name.startswith(known)), "")
        pid = int(entry.name)
        if program and _space(pid, "pid") == _space(os.getpid(), "pid"):
            found.append((pid, program, words[1:]))
    return found


def _space(pid: int, kind: str) -> str:
    """Return the process's namespace of a kind; empty if it is gone."""
    try:
        return str(Path(f"/proc/{pid}/ns/{kind}").readlink())
    except OSError:
        return ""


def _descendants(pids: list[int]) -> list[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found: list[int] = []
    wave = set(pids)
    while wave := {pid for pid, parent in parents.items() if parent in wave}:
        found += wave
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _wait_gone(pids: list[int], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(_lives(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    """Return whether a process is there and more than a zombie; a zombie child of ours is collected."""
    with suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except (OSError, IndexError):
        return False
