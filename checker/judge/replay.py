"""Replaying a workspace: its answers again, in order, in a fresh stack with fresh values."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault
from checker.base.model import Lab
from checker.base.processes import gone, named_by, own_name
from checker.base.results import AnswerRun, Finding, LabReport, Outcome, StepReport
from checker.engine import images
from checker.engine.connection import Engine
from checker.judge import answers, answertext, submission, verify
from checker.judge.answers import HERE, Executor
from checker.judge.playing import Playing, all_failed
from checker.judge.playing import ReplayWatcher as Watcher
from checker.judge.playing import Silent as Silent
from checker.lab import workspace
from checker.lab.values import secret_names
from checker.lab.workspace import Workspace
from checker.secrets.ran import Ran
from checker.stack import starting
from checker.stack.cleanup import remove_run
from checker.stack.stack import Stack

SETTLE = 2.0
"""Seconds to look again for what the engine was still making when an answer was interrupted."""

Fill = Callable[[Path], submission.Intake]
"""Puts the answers of a replay into a folder that does not exist yet."""


def grade(engine: Engine, lab: Lab, source: Path, watcher: Watcher | None = None) -> LabReport:
    """Replay the workspace at `source`, which is only read. `path` in the report is `source` as given."""
    return replay(
        engine, lab, lambda target: submission.take_in(lab, source, target), str(source), watcher or Silent()
    )


def replay(
    engine: Engine,
    lab: Lab,
    fill: Fill,
    path: str,
    watcher: Watcher,
    *,
    honour_needs: bool = True,
    only: str = "",
    executor: Executor = HERE,
) -> LabReport:
    """Run a lab's answers in a workspace that `fill` makes, judge the world after each and at the end, remove it all.

    honour_needs: whether a step is skipped when one that it needs is not done. only: a step; no other is judged, and no
    answer behind it runs. executor: where answers run; another place
    than here is thrown away with all that is in it, so nothing is removed there. Raises EngineFault or ServiceFault
    when the machine is at fault from the start.
    """
    began = time.monotonic()
    base = replays_dir() / own_name()
    place = Workspace(Path(os.path.realpath(base)) / lab.name)
    stack: Stack | None = None
    closing = ExitStack()
    bases: dict[str, str] = {}
    done = False
    try:
        _make_folder(base)
        intake = fill(place.path)
        if intake.refused:
            return _refused(engine, lab, intake.refused, intake.warnings, path)
        handed_in = answertext.written(
            lab, place
        )  # before any of it runs, or the lab's own files go in between
        workspace.create(lab, place)
        stack = starting.start(
            engine, lab, f"replay-{secrets.token_hex(8)}", throwaway=True, place=place.path
        )
        workspace.write_given_files(lab, place, stack.values)
        workspace.start_history(place, stack.owner)
        watcher.on_stack(stack, place)
        bases = images.ids(engine, lab.images)
        versions = verify.versions(lab, engine)
        ran = Ran(stack.values, secret_names(lab))
        played = Playing(
            engine, lab, place, stack, watcher, executor, bases, ran, honour_needs=honour_needs, only=only
        )
        steps = verify.judging(
            engine,
            lab,
            stack,
            place,
            played.play,
            remember=False,
            closing=closing,
            own=executor.own,
            ran=ran,
            history=intake.history,
        )
        done = True
    finally:
        if executor is HERE:
            _clean(engine, stack, place, base, closing, settle=0 if done else SETTLE)
            if not done:
                images.put_back(engine, bases)
    report = LabReport(
        lab=lab.name,
        title=lab.title,
        path=path,
        steps=tuple(_with_run(step, played.runs.get(step.step), lab) for step in steps),
        versions=versions,
        seconds=time.monotonic() - began,
        warnings=(*intake.warnings, *played.warnings),
    )
    return answertext.with_written(lab, report, handed_in)


def replays_dir() -> Path:
    """Return where replays have their workspaces: inside the documented cache."""
    return cache_dir() / "replays"


def sweep() -> int:
    """Remove the workspaces of replays whose process is gone; returns how many."""
    count = 0
    for path in replays_dir().iterdir() if replays_dir().is_dir() else ():
        owner = named_by(path.name)
        if not owner or gone(owner):
            shutil.rmtree(path, ignore_errors=True)
            count += 1
    return count


def _with_run(report: StepReport, run: AnswerRun | None, lab: Lab) -> StepReport:
    findings = report.findings
    if run and run.timed_out and report.outcome is Outcome.FAIL:
        step = lab.step(report.step)
        limit = step.time_limit if step else 0
        late = Finding(
            code="answer-timed-out",
            expected=f"The answer ends within {limit:.0f} seconds.",
            observed=f"It still ran after {limit:.0f} seconds and was ended with all it had started.",
            action="Look for something that waits for input, runs in the foreground or loops.",
        )
        findings = (late, *findings)
    return msgspec.structs.replace(report, answer=run, findings=findings)


def _refused(engine: Engine, lab: Lab, finding: Finding, warnings: tuple[str, ...], path: str) -> LabReport:
    return LabReport(
        lab=lab.name,
        title=lab.title,
        path=path,
        steps=all_failed(lab, finding),
        versions=verify.versions(lab, engine),
        warnings=warnings,
    )


@contextmanager
def unmade_folder() -> Iterator[Path]:
    """A path among the folders of replays for whoever makes it: removed at the end, by `sweep` after a crash."""
    base = replays_dir() / own_name()
    try:
        yield base
    finally:
        shutil.rmtree(base, ignore_errors=True)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of this process among those of replays, for a while; `sweep` knows it. Raises EnvironmentFault."""
    with unmade_folder() as base:
        _make_folder(base)
        yield base


def _make_folder(base: Path) -> None:
    try:
        base.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot make a folder for the replay in {base.parent}: {error.strerror}.",
            "Make room there, or set REGISTRY_LAB_CACHE to another place.",
        ) from error


def _clean(
    engine: Engine, stack: Stack | None, place: Workspace, base: Path, closing: ExitStack, *, settle: float
) -> None:
    answers.end_strays(place)
    try:
        if stack is not None:
            remove_run(engine, stack, first=closing.close, settle=settle)
    finally:
        shutil.rmtree(base, ignore_errors=True)
