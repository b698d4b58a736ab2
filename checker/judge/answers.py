"""Running an answer: a bash script of the learner's, as a process group of its own."""

import os
import signal
import subprocess
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import msgspec

from checker.base import output, pace
from checker.base.deadline import Deadline
from checker.base.errors import EnvironmentFault
from checker.base.model import Step
from checker.base.results import AnswerRun
from checker.engine.connection import Engine
from checker.judge.keptoutput import KeptOutput, Output
from checker.judge.tracing import Trace, Tracer
from checker.lab import scripttext
from checker.lab.workspace import PRIVATE, Workspace
from checker.lab.workspacegit import GIT_IDENTITY, trusted
from checker.programs import tools
from checker.secrets.ran import Ran

GRACE = 2.0
"""Seconds between asking a process group to end and ending it."""


class Executor(Protocol):
    """Where answers are run. own: a folder out of reach of what runs there; None where there is none."""

    @property
    def own(self) -> Path | None: ...

    def command(self, place: Path, *words: str) -> list[str]:
        """Return the command line that runs `words` there, in the folder `place`."""
        ...

    def enter(self) -> None:
        """Call in the child process, just before it runs that command line."""
        ...

    def broken(self) -> str:
        """Return why nothing can be judged there any more; empty if it can."""
        ...

    def held(self) -> str:
        """Return which processes there were stopped by a signal and have not gone on; empty if none."""
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


def watch(place: Workspace, ran: Ran, executor: Executor = HERE) -> Watch:
    """Watch answers in a workspace, where the lab has secrets and the machine allows it."""
    enter = None if executor is HERE else executor.enter
    return Watch(Tracer(executor.command, enter, place.path, wanted=bool(ran.secrets)), ran)


def environment(
    engine: Engine, workspace: Workspace, values: Mapping[str, str], names: Collection[str] = ()
) -> dict[str, str]:
    """Return all an answer gets to see: the values, this engine, and nothing of the user's own environment.

    names: the tools of the lab, which are found on the PATH and set up to work offline. Raises
    BrokenLab for one there is not, EnvironmentFault.
    """
    private = workspace.private
    return {
        **tools.environment(names, private),
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


def run(
    workspace: Workspace,
    step: Step,
    env: Mapping[str, str],
    on_output: Output,
    *,
    time_limit: float | None = None,
    executor: Executor = HERE,
    watch: "Watch | None" = None,
) -> AnswerRun:
    """Run a step's answer in its workspace.

    time_limit: seconds, that of the step if None. However it ends, no process of its group is left. watch: takes in
    what it ran.
    """
    limit = time_limit or step.time_limit
    script = workspace.answer(step)
    if watch is None:
        return run_script(workspace, script, env, on_output, time_limit=limit, executor=executor)
    text = workspace.read(step.answer_path) or ""
    with watch.tracer.trace() as trace:
        try:
            return run_script(
                workspace, script, env, on_output, time_limit=limit, executor=executor, trace=trace
            )
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
    executor: Executor = HERE,
    trace: Trace | None = None,
) -> AnswerRun:
    """Run any script the way answers are run. Raises EnvironmentFault if bash cannot be started.

    time_limit: seconds on a healthy machine; see `checker.base.deadline` for what a slow one adds.
    """
    began = time.monotonic()
    make_room(workspace)
    words = ("bash", str(script))
    try:
        process = subprocess.Popen(
            executor.command(workspace.path, *(trace.words(*words) if trace else words)),
            pass_fds=trace.handles if trace else (),
            cwd=workspace.path,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=None if executor is HERE else executor.enter,
        )
    except OSError as error:
        raise EnvironmentFault(f"bash cannot be started: {error.strerror}.", "Install bash.") from error
    kept = KeptOutput(on_output)
    kept.note(scripttext.form(script))
    try:
        deadline = Deadline(time_limit, process.pid)
        timed_out = not output.follow(process, kept.add, deadline)
    finally:
        _end_group(process)
    output.drain(process, kept.add)
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
    """Return the sentence for `AnswerRun.starved`; empty if the machine was not."""
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
