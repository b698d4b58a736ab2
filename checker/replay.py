"""Replaying a workspace: its answers again, in order, in a fresh stack with fresh values."""

import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from checker import answers, images, submission, verify, workspace
from checker.answers import HERE, Door
from checker.cleanup import remove_run
from checker.engine import Engine, cache_dir
from checker.errors import EnvironmentFault, LabError
from checker.model import AnswerRun, Finding, Lab, LabReport, Outcome, Step, StepReport, Versions, Written
from checker.processes import gone, named_by, own_name
from checker.ran import Ran
from checker.stack import kind
from checker.stack import stack as stacks
from checker.stack.container import wait_ready
from checker.stack.stack import Stack
from checker.values import secret_names
from checker.workspace import PRIVATE, Workspace


class Watcher(Protocol):
    """Told what a replay is at; every method may do nothing."""

    def on_stack(self, stack: Stack, place: Workspace) -> None: ...
    def on_answer(self, step: Step, text: str) -> None: ...
    def on_output(self, text: str) -> None: ...
    def on_ran(self, step: Step, run: AnswerRun | None) -> None: ...


class Silent:
    """A watcher that does nothing."""

    def on_stack(self, stack: Stack, place: Workspace) -> None: ...
    def on_answer(self, step: Step, text: str) -> None: ...
    def on_output(self, text: str) -> None: ...
    def on_ran(self, step: Step, run: AnswerRun | None) -> None: ...


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
    door: Door = HERE,
) -> LabReport:
    """Run a lab's answers in a workspace that `fill` makes, judge the world they leave, remove it all.

    honour_needs: whether a step is skipped when one that it needs is not done. door: where answers run; another
    place than here is thrown away with all that is in it, so nothing is removed there, and what is broken in it
    the answers broke. Raises EngineFault or ServiceFault when the machine is at fault from the start.
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
        handed_in = answers.written(lab, place)  # before any of it runs, or the lab's own files go in between
        workspace.create(lab, place)
        stack = stacks.start(engine, lab, f"replay-{secrets.token_hex(8)}", throwaway=True, place=place.path)
        workspace.write_given_files(lab, place, stack.values)
        workspace.start_history(place, stack.owner)
        watcher.on_stack(stack, place)
        bases = images.ids(engine, lab.images)
        versions = verify.versions(lab, engine)
        ran = Ran(stack.values, secret_names(lab))
        runs = _run_answers(engine, lab, place, stack, watcher, door, ran)
        broken, stopped = _looked_after(engine, stack, door)
        if broken:
            report = _failed(lab, broken, versions, path)
            return _complete(report, lab, runs, handed_in, intake.warnings, time.monotonic() - began)
        moved = images.put_back(engine, bases)  # checks and later replays rest on them
        report = verify.check(
            engine,
            lab,
            stack,
            place,
            honour_needs=honour_needs,
            remember=False,
            path=path,
            theirs=door is not HERE,
            closing=closing,
            ran=ran,
            history=intake.history,
        )
        done = True
    finally:
        if door is HERE:
            _clean(engine, stack, place, base, closing, settle=0 if done else SETTLE)
            if not done:
                images.put_back(engine, bases)
    warnings = (*intake.warnings, *map(_taken, moved), *map(_stopped, stopped))
    return _complete(report, lab, runs, handed_in, warnings, time.monotonic() - began)


def _complete(
    report: LabReport,
    lab: Lab,
    runs: dict[str, AnswerRun],
    handed_in: dict[str, Written],
    warnings: tuple[str, ...],
    seconds: float,
) -> LabReport:
    steps = tuple(_with_run(step, runs.get(step.step), lab) for step in report.steps)
    whole = msgspec.structs.replace(report, steps=steps, warnings=warnings, seconds=seconds)
    return answers.with_written(whole, handed_in)


def _looked_after(engine: Engine, stack: Stack, door: Door) -> tuple[Finding | None, list[str]]:
    """What answers did to a room of their own that no step can be judged in it any more, None if nothing; and the
    services they stopped, which were started again."""
    if door is HERE:
        return None, _started_again(engine, stack)
    stopped: list[str] = []
    try:
        why = door.broken() or _lost(engine, stack)
        if not why:
            stopped = _started_again(engine, stack)
            for service in stack.services.values():
                if service.ports:
                    wait_ready(engine, service.container, service.ports, kind(service.kind))
            return None, stopped
    except LabError as error:
        why = error.message
    from checker.plugin import room_broken

    return room_broken(why), stopped


def _lost(engine: Engine, stack: Stack) -> str:
    found = stacks.find(engine, stack.owner)
    lost = [name for name in stack.services if found is None or name not in found.services]
    return f"The lab's service {', '.join(lost)} was removed." if lost else ""


def _taken(name: str) -> str:
    return f"An answer moved or removed the lab's own image {images.tag_of(name)}; it was put back."


def _stopped(name: str) -> str:
    return f"An answer left the lab's service {name} stopped; it was started again for the checks."


def _started_again(engine: Engine, stack: Stack) -> list[str]:
    """Start the services again that answers stopped, so that every step can be judged; their names."""
    found = stacks.find(engine, stack.owner)
    if found is None or found.up:
        return []
    stacks.revive(engine, found)
    return [service.name for service in found.services.values() if not service.up]


def replays_dir() -> Path:
    """Where replays have their workspaces: inside the documented cache."""
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


def _run_answers(
    engine: Engine, lab: Lab, place: Workspace, stack: Stack, watcher: Watcher, door: Door, ran: Ran
) -> dict[str, AnswerRun]:
    watch = answers.watch(place, ran, door)
    env = answers.environment(engine, place, stack.values, lab.tools)
    runs: dict[str, AnswerRun] = {}
    for step in lab.steps:
        text = place.read(step.answer_path)
        watcher.on_answer(step, text or "")
        if step.is_script and text is not None:
            try:
                runs[step.name] = answers.run(place, step, env, watcher.on_output, door=door, watch=watch)
            except EnvironmentFault:
                if door is HERE and (place.private.is_dir() or not place.path.parent.is_dir()):
                    raise
                # The folder was made for this replay: an answer put a file there, so none of the rest runs.
                runs[step.name] = AnswerRun(
                    exit_code=126,
                    seconds=0.0,
                    output=f"The answer cannot be run: {PRIVATE} is no folder any more.\n",
                    truncated=False,
                    timed_out=False,
                )
        watcher.on_ran(step, runs.get(step.name))
    return runs


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
    report = _failed(lab, finding, verify.versions(lab, engine), path)
    return msgspec.structs.replace(report, warnings=warnings)


def _failed(lab: Lab, finding: Finding, versions: Versions, path: str) -> LabReport:
    """The report of a submission of which no step can be judged, for a reason of its own."""
    steps = tuple(
        StepReport(
            step=step.name,
            title=step.title,
            outcome=Outcome.FAIL,
            points=0,
            max_points=step.points,
            findings=(finding,),
        )
        for step in lab.steps
    )
    return LabReport(lab=lab.name, title=lab.title, path=path, steps=steps, versions=versions)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of this process among those of replays, for a while; `sweep` knows it. Raises EnvironmentFault."""
    base = replays_dir() / own_name()
    _make_folder(base)
    try:
        yield base
    finally:
        shutil.rmtree(base, ignore_errors=True)


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
