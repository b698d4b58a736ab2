"""Running a submission's answers in order, and judging each step when its answer has run and at the end."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path
from typing import Protocol

import msgspec

from checker.base.errors import EnvironmentFault
from checker.base.model import Lab, Step
from checker.base.results import AnswerRun, Finding, Outcome, StepReport
from checker.engine import images
from checker.engine.connection import Engine
from checker.judge import answers, evidence, moments
from checker.judge.answers import HERE, Executor
from checker.judge.verify import Judging
from checker.lab.workspace import PRIVATE, Workspace
from checker.secrets.ran import Ran
from checker.stack.stack import Stack


class ReplayWatcher(Protocol):
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


class Playing:
    """One replay's answers as they are run and judged. runs: step -> what became of its answer."""

    def __init__(
        self,
        engine: Engine,
        lab: Lab,
        place: Workspace,
        stack: Stack,
        watcher: ReplayWatcher,
        executor: Executor,
        bases: dict[str, str],
        ran: Ran,
        *,
        honour_needs: bool,
        only: str = "",
    ) -> None:
        """only: judge this step alone, and run no answer behind it."""
        self._engine = engine
        self._lab = lab
        self._place = place
        self._stack = stack
        self._watcher = watcher
        self._executor = executor
        self._bases = bases
        self._watch = answers.watch(place, ran, executor)
        self._honour_needs = honour_needs and not only
        names = [step.name for step in lab.steps]
        self._steps = lab.steps[: names.index(only) + 1] if only else lab.steps
        self._judged = frozenset([only] if only else names)
        self._stopped: list[str] = []
        self._moved: list[str] = []
        self._first: dict[str, StepReport] = {}
        self._files: dict[str, str] = {}
        self.runs: dict[str, AnswerRun] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        return (*map(_taken, dict.fromkeys(self._moved)), *map(_stopped, dict.fromkeys(self._stopped)))

    def play(self, look: Judging) -> tuple[StepReport, ...]:
        """Run all answers, judge each step when its answer has run, and all of them at the end.

        Steps whose checks look at files only, and whose answer is one, wait for the next answer that runs, as
        nothing changes until then: together they cost less.
        """
        env = answers.environment(self._engine, self._place, self._stack.values, self._lab.tools)
        waiting: list[Step] = []
        for step, following in zip_longest(self._steps, self._steps[1:]):
            self._run(step, env)
            if step.name in self._judged:
                waiting.append(step)
            if step.files_only and not step.is_script and following and not following.is_script:
                continue
            why = evidence.broken(self._engine, self._stack, self._executor)
            if following and waiting and not why:
                why = self._judge(look, waiting)
                waiting.clear()
            if why:
                return all_failed(self._lab, evidence.finding(step.name, why))
        if why := self._revive():
            return all_failed(self._lab, evidence.finding(step.name, why))
        self._put_back()
        return self._both(look, waiting)

    def _put_back(self) -> None:
        """Give base images their names back that an answer took: checks, what they build, and later replays rest on
        them."""
        self._moved += images.put_back(self._engine, self._bases)

    def _both(self, look: Judging, waiting: Sequence[Step]) -> tuple[StepReport, ...]:
        """Return the verdicts of both moments, now that all answers have run. waiting: steps of which both
        are now."""
        now = file_state(self._place)
        stands = {
            name: seen.outcome
            for name, seen in self._first.items()
            if self._files.get(name) == now and seen.outcome in (Outcome.PASS, Outcome.FAIL)
        }
        names = frozenset((self._first.keys() - stands.keys()) | {step.name for step in waiting})
        reports, why = self._look(look, names, stands)
        if why:
            return all_failed(self._lab, evidence.finding(self._steps[-1].name, why))
        last = {seen.step: seen for seen in reports}
        verdicts = []
        for step in self._steps:
            if step.name not in self._judged:
                continue
            first, now_seen = self._first.get(step.name), last.get(step.name)
            seen = moments.both(first, now_seen) if first and now_seen else first or now_seen
            assert seen is not None
            verdicts.append(self._excused(seen))
        return tuple(verdicts)

    def _look(
        self, look: Judging, names: frozenset[str], known: Mapping[str, Outcome]
    ) -> tuple[tuple[StepReport, ...], str]:
        """Judge steps, and again after an error that may be over. Return also how answers broke what judges them."""
        reports = look(names, honour_needs=self._honour_needs, known=known) if names else ()
        if all(seen.outcome is not Outcome.ERROR for seen in reports):
            return reports, ""
        before = len(self._stopped)
        if why := evidence.broken(self._engine, self._stack, self._executor) or self._revive():
            return reports, why
        if len(self._stopped) > before or self._executor is not HERE:
            reports = look(names, honour_needs=self._honour_needs, known=known)
        return reports, ""

    def _excused(self, seen: StepReport) -> StepReport:
        """Return the verdict; an error in place of a fail if this answer or one before was stopped on a
        starved machine."""
        names = [step.name for step in self._lab.steps]
        before = names[: names.index(seen.step) + 1]
        why = next((run.starved for name in before if (run := self.runs.get(name)) and run.starved), "")
        if not why or seen.outcome not in (Outcome.FAIL, Outcome.SKIPPED):
            return seen
        return msgspec.structs.replace(
            seen, outcome=Outcome.ERROR, points=0, max_points=0, findings=(), reason=why
        )

    def _judge(self, look: Judging, steps: Sequence[Step]) -> str:
        """Judge steps whose answers have just run. Return how one of these broke what it is judged by, else nothing."""
        self._put_back()
        names = frozenset(step.name for step in steps)
        passed = {name: Outcome.PASS for name, seen in self._first.items() if seen.outcome is Outcome.PASS}
        state = file_state(self._place) if any(step.files_only for step in steps) else ""
        reports, why = self._look(look, names, passed)
        if why:
            return why
        self._first |= {seen.step: seen for seen in reports}
        self._files |= {step.name: state for step in steps if step.files_only}
        return ""

    def _revive(self) -> str:
        stopped, why = evidence.revive(self._engine, self._stack, self._executor)
        self._stopped += stopped
        return why

    def _run(self, step: Step, env: Mapping[str, str]) -> None:
        text = self._place.read(step.answer_path)
        self._watcher.on_answer(step, text or "")
        if step.is_script and text is not None:
            try:
                self.runs[step.name] = answers.run(
                    self._place,
                    step,
                    env,
                    self._watcher.on_output,
                    executor=self._executor,
                    watch=self._watch,
                )
            except EnvironmentFault:
                private, above = self._place.private, self._place.path.parent
                if self._executor is HERE and (private.is_dir() or not above.is_dir()):
                    raise
                # The folder was made for this replay: an answer put a file there, so none of the rest runs.
                self.runs[step.name] = AnswerRun(
                    exit_code=126,
                    seconds=0.0,
                    output=f"The answer cannot be run: {PRIVATE} is no folder any more.\n",
                    truncated=False,
                    timed_out=False,
                )
        self._watcher.on_ran(step, self.runs.get(step.name))


def all_failed(lab: Lab, finding: Finding) -> tuple[StepReport, ...]:
    """Return the verdicts on a submission of which no step can be judged, for a reason of its own."""
    return tuple(
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


def file_state(place: Workspace) -> str:
    """Return a text that is another one as soon as any file of the workspace, `.lab/` left out, is changed."""
    digest = hashlib.sha256()
    for folder, folders, names in os.walk(place.path):
        if Path(folder) == place.path and PRIVATE in folders:
            folders.remove(PRIVATE)
        folders.sort()
        for name in sorted((*folders, *names)):
            path = os.path.join(folder, name)  # noqa: PTH118 -- thousands of paths, twice a step
            with suppress(OSError):  # something that still runs may have removed it
                about = os.lstat(path)
                change = (about.st_ino, about.st_mode, about.st_size, about.st_mtime_ns, about.st_ctime_ns)
                digest.update(f"{path!r} {change}".encode())
    return digest.hexdigest()


def _taken(name: str) -> str:
    return f"An answer moved or removed the lab's own image {images.tag_of(name)}; it was put back."


def _stopped(name: str) -> str:
    return f"An answer left the lab's service {name} stopped or hanging; it was started again for the checks."
