"""Running an answer: a bash script of the learner's, as a process group of its own."""

import codecs
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from checker import pace, scripttext, tools
from checker.deadline import Deadline
from checker.engine import Engine
from checker.errors import EnvironmentFault
from checker.model import AnswerRun, Lab, LabReport, Step, Written
from checker.ran import Ran
from checker.tracing import Trace, Tracer
from checker.workspace import GIT_IDENTITY, PRIVATE, Workspace, trusted

OUTPUT_LIMIT = 256 * 1024
"""Bytes of output kept of one answer; the rest is read and thrown away."""
WRITTEN_LIMIT = 16 * 1024
"""Characters of an answer that a report shows."""
GRACE = 2.0
"""Seconds between asking a process group to end and ending it."""
TICK = 0.05

Output = Callable[[str], None]


class Door(Protocol):
    """Where answers are run. own: a folder out of reach of what runs there; None where there is none."""

    @property
    def own(self) -> Path | None: ...

    def command(self, place: Path, *words: str) -> list[str]:
        """The command line that does there, in the folder `place`, what `words` say."""
        ...

    def enter(self) -> None:
        """Done in each process to be, just before that command line."""
        ...

    def broken(self) -> str:
        """Return what was done there so that nothing can be judged any more; empty if it is whole."""
        ...

    def held(self) -> str:
        """Return which processes there stand still since they were sent a stop signal; empty if none."""
        ...


class Here:
    """On this machine, as the one who asks."""

    own = None

    def command(self, place: Path, *words: str) -> list[str]:
        return list(words)

    def enter(self) -> None: ...

    def broken(self) -> str:
        return ""

    def held(self) -> str:
        return ""


HERE = Here()


class Watch(msgspec.Struct, frozen=True):
    """How answers of one run of a lab are watched, and what was seen. tracer: for the place where they run."""

    tracer: Tracer
    ran: Ran


def watch(place: Workspace, ran: Ran, door: Door = HERE) -> Watch:
    """Watch answers in a workspace, where the lab has secrets and the machine allows it."""
    enter = None if door is HERE else door.enter
    return Watch(Tracer(door.command, enter, place.path, wanted=bool(ran.secrets)), ran)


def written(lab: Lab, place: Workspace) -> dict[str, Written]:
    """What each step's answer says now, for people to read: step -> answer; nothing where there is nothing."""
    found: dict[str, Written] = {}
    for step in lab.steps:
        if text := place.read(step.answer_path):
            cut = text[:WRITTEN_LIMIT]
            found[step.name] = Written(path=step.answer_path, text=cut, truncated=len(cut) < len(text))
    return found


def with_written(report: LabReport, texts: Mapping[str, Written]) -> LabReport:
    """The report with what was written for each step."""
    steps = (msgspec.structs.replace(step, written=texts.get(step.step)) for step in report.steps)
    return msgspec.structs.replace(report, steps=tuple(steps))


def environment(
    engine: Engine, workspace: Workspace, values: Mapping[str, str], names: Collection[str] = ()
) -> dict[str, str]:
    """All an answer gets to see: the values, this engine, and nothing of the user's own environment.

    names: the tools of the lab, which are found on the PATH; with `trivy`, scans work offline. Raises
    BrokenLab for one there is not, EnvironmentFault.
    """
    private = workspace.private
    return {
        **(_scanning(private) if "trivy" in names else {}),
        "PATH": tools.search_path(names, os.environ.get("PATH", os.defpath)),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "HOME": str(private / "home"),
        "TMPDIR": str(private / "tmp"),
        "DOCKER_CONFIG": str(private / "docker"),
        "DOCKER_CLI_HINTS": "false",
        # One image is one manifest, whichever engine builds it. Else one with containerd's store makes an index of
        # image and provenance, and cannot push that under another name once it has pulled the image alone.
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
        "WORKSPACE": str(workspace.path),
        **engine.environment(),
        **GIT_IDENTITY,
        **trusted(workspace.path),
        **values,
    }


def _scanning(private: Path) -> dict[str, str]:
    from checker.scanning import trivy  # few labs scan

    return trivy.environment(private / "trivy")


def run(
    workspace: Workspace,
    step: Step,
    env: Mapping[str, str],
    on_output: Output,
    *,
    time_limit: float | None = None,
    door: Door = HERE,
    watch: "Watch | None" = None,
) -> AnswerRun:
    """Run a step's answer in its workspace.

    time_limit: seconds, that of the step if None. However it ends, no process of its group is left. watch: takes in
    what it ran.
    """
    limit = time_limit or step.time_limit
    script = workspace.answer(step)
    if watch is None:
        return run_script(workspace, script, env, on_output, time_limit=limit, door=door)
    text = workspace.read(step.answer_path) or ""
    with watch.tracer.trace() as trace:
        try:
            return run_script(workspace, script, env, on_output, time_limit=limit, door=door, trace=trace)
        finally:
            trace.read()
            watch.ran.add(step.name, text, trace.commands)


def run_script(
    workspace: Workspace,
    script: Path,
    env: Mapping[str, str],
    on_output: Output,
    *,
    time_limit: float,
    door: Door = HERE,
    trace: Trace | None = None,
) -> AnswerRun:
    """Run any script the way answers are run. Raises EnvironmentFault if bash cannot be started.

    time_limit: seconds on a healthy machine; see `checker.deadline` for what a slow one adds.
    """
    began = time.monotonic()
    make_room(workspace)
    words = ("bash", str(script))
    try:
        process = subprocess.Popen(
            door.command(workspace.path, *(trace.words(*words) if trace else words)),
            pass_fds=trace.handles if trace else (),
            cwd=workspace.path,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if door is HERE else door.enter,
        )
    except OSError as error:
        raise EnvironmentFault(f"bash cannot be started: {error.strerror}.", "Install bash.") from error
    kept = _Kept(on_output)
    kept.note(scripttext.form(script))
    try:
        deadline = Deadline(time_limit, process.pid)
        timed_out = not _follow(process, kept, deadline)
    finally:
        _end_group(process)
    _drain(process, kept)
    if process.returncode:
        kept.note(scripttext.look_alike(script))
    kept.close()
    return AnswerRun(
        exit_code=None if timed_out else process.returncode,
        seconds=time.monotonic() - began,
        output=kept.text,
        truncated=kept.truncated,
        timed_out=timed_out,
        starved=_too_slow(deadline) if timed_out else "",
    )


def _too_slow(deadline: Deadline) -> str:
    """The sentence for `AnswerRun.starved`; empty if the machine was not."""
    what = f"the answer did not end in {deadline.elapsed:.0f} s"
    return pace.too_slow(what, deadline.why).told if deadline.why else ""


def make_room(workspace: Workspace) -> None:
    """Make what the environment of answers names inside the workspace. Raises EnvironmentFault."""
    try:
        for folder in ("home", "docker", "tmp"):
            (workspace.path / PRIVATE / folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot make {error.filename}: {error.strerror}.", "Make room there, and try again."
        ) from error
    with suppress(OSError):  # a full disk, say: few answers compose, and those that do will tell
        tools.plugins(workspace.private / "docker")


def end_strays(workspace: Workspace) -> int:
    """End what answers of this workspace left running in groups of its own; returns how many processes.

    Known by the `WORKSPACE` they inherited, where the system shows that (Linux): best effort, and only
    for a workspace of a replay, as a learner's own shell inherits it too.
    """
    mark = b"WORKSPACE=" + os.fsencode(workspace.path)
    ended = 0
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
                ended += 1
    return ended


class _Kept:
    """Passes output on as text and keeps the first `OUTPUT_LIMIT` bytes of it."""

    def __init__(self, on_output: Output) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._on_output = on_output
        self._parts: list[str] = []
        self._room = OUTPUT_LIMIT
        self.truncated = False

    def add(self, data: bytes) -> None:
        if len(data) > self._room:
            self.truncated = True
        data = data[: self._room]
        self._room -= len(data)
        self._emit(self._decoder.decode(data))

    def note(self, text: str) -> None:
        """Add a sentence of ours to what the script says."""
        if text:
            self.add(f"[lab] {text}\n".encode())

    def close(self) -> None:
        self._emit(self._decoder.decode(b"", final=True))

    def _emit(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._on_output(text)

    @property
    def text(self) -> str:
        return "".join(self._parts)


def _follow(process: subprocess.Popen[bytes], kept: _Kept, deadline: Deadline) -> bool:
    """Read until the script ends; False if the deadline came first.

    The script's own end counts, not the end of its output: something it left running in the
    background may hold that open.
    """
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        open_ = True
        while process.poll() is None:
            if deadline.over():
                return False
            left = deadline.left
            if not open_:
                try:
                    process.wait(min(TICK, left))
                except subprocess.TimeoutExpired:
                    continue
            elif selector.select(min(TICK, left)):
                open_ = _read(process, kept)
    return True


def _read(process: subprocess.Popen[bytes], kept: _Kept) -> bool:
    """Take what is there; False at the end of the output."""
    assert process.stdout is not None
    try:
        data = os.read(process.stdout.fileno(), 1 << 16)
    except BlockingIOError:
        return True
    kept.add(data)
    return bool(data)


def _drain(process: subprocess.Popen[bytes], kept: _Kept) -> None:
    """Take what was still on its way, without waiting for a writer that escaped its group."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector, process.stdout:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(0) and _read(process, kept):
            pass


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left of the process group: politely while the script runs, then for good."""
    try:
        if process.poll() is None:
            _signal(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
    finally:  # also when an impatient second Ctrl-C ends the waiting
        _signal(process.pid, signal.SIGKILL)
        process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return
