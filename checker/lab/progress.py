"""The record of a learner's progress in one workspace: `.lab/progress.json`.

Every check of a practice writes what it found here, and every screen reads it: the notebook, the terminal, the class's
live board. It lies in `.lab/`, so it is no part of a submission, and no grade is ever made of it.
"""

import hashlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from checker.base.errors import EnvironmentFault
from checker.base.files import replace_file
from checker.base.model import Lab, Step
from checker.base.results import Finding, Outcome, StepReport
from checker.lab.workspace import Workspace, disk

FILE = "progress.json"
VERSION = 1
LOCK_WAIT = 5.0
"""Seconds to wait for another command that writes the record, which takes it a few milliseconds."""


class Standing(StrEnum):
    """How far a learner is with a step.

    NOT_BEGUN: the answer is still as it was laid out, and the step is not passed. TRIED: there is an answer, and the
    step is not passed. PASSED: the last check passed it.
    """

    NOT_BEGUN = "not begun"
    TRIED = "tried"
    PASSED = "passed"


class StepProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one step. Times are RFC 3339, UTC; empty where it has not happened.

    outcome, findings, reason: of the last check; None where there was none. tries: how often an answer was run or
    changed and then checked. same: how many of the last tries in a row had this same finding. hints: how many were
    shown. passed_with: a hash of the answer when the step was passed; answer: of that at the last check.
    """

    standing: Standing = Standing.NOT_BEGUN
    outcome: Outcome | None = None
    points: int = 0
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    tries: int = 0
    same: int = 0
    hints: int = 0
    begun_at: str = ""
    checked_at: str = ""
    passed_at: str = ""
    passed_with: str = ""
    answer: str = ""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """The whole record of one lab in one workspace. help_at: since when the learner asks for help; empty if not."""

    lab: str = ""
    steps: dict[str, StepProgress] = {}
    help_at: str = ""
    version: int = VERSION

    def step(self, name: str) -> StepProgress:
        return self.steps.get(name, StepProgress())

    @property
    def passed(self) -> int:
        """How many steps are passed."""
        return sum(step.standing is Standing.PASSED for step in self.steps.values())

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps.values())


def read(place: Workspace) -> tuple[Progress, str]:
    """Return the record, and a sentence about what was wrong with its file (empty if nothing was)."""
    path = place.private / FILE
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Progress)
        if found.version == VERSION:
            return found, ""
    except FileNotFoundError:
        return Progress(), ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    except OSError as error:
        return (
            Progress(),
            f"The record of your progress cannot be read ({error.strerror}). The next check makes it anew.",
        )
    aside = path.with_suffix(".damaged")
    try:
        path.replace(aside)
    except OSError:
        return Progress(), f"The record of your progress in {path} is damaged. Remove that file."
    return (
        Progress(),
        f"The record of your progress was damaged; it is kept as {aside.name}. Your answers are not touched: "
        "`lab check` makes it anew, and hints start again from the first.",
    )


def note_checked(
    lab: Lab, place: Workspace, steps: Collection[StepReport], *, ran: Collection[str] = ()
) -> Progress:
    """Write verdicts down and return the new record. ran: the steps whose answers were run for this check.

    An error says nothing about the learner: where a step stood, it goes on standing. Raises EnvironmentFault.
    """

    def add(before: Progress) -> Progress:
        known = dict(before.steps)
        for report in steps:
            step = lab.step(report.step)
            if step is not None:
                known[step.name] = _checked(lab, place, step, report, known, tried=step.name in ran)
        return msgspec.structs.replace(before, lab=lab.name, steps=known)

    return _change(place, add)


def note_hint(lab: Lab, place: Workspace, step: str, shown: int) -> Progress:
    """Write down how many hints of a step were shown. Raises EnvironmentFault."""

    def add(before: Progress) -> Progress:
        new = msgspec.structs.replace(before.step(step), hints=shown)
        return msgspec.structs.replace(before, lab=lab.name, steps={**before.steps, step: new})

    return _change(place, add)


def note_help(lab: Lab, place: Workspace, *, wanted: bool) -> Progress:
    """Write down whether the learner asks for help. Raises EnvironmentFault."""
    return _change(
        place,
        lambda before: msgspec.structs.replace(
            before, lab=lab.name, help_at=(before.help_at or now()) if wanted else ""
        ),
    )


def forget(place: Workspace, steps: Collection[str]) -> Progress:
    """Take steps out of the record, as they are started over. Raises EnvironmentFault."""
    return _change(
        place,
        lambda before: msgspec.structs.replace(
            before, steps={name: step for name, step in before.steps.items() if name not in steps}
        ),
    )


def next_step(lab: Lab, progress: Progress, after: str = "") -> Step | None:
    """Return the step to go on with: the first open one after the step `after` whose needs are passed.

    Without one the search goes on from the lab's beginning. None if every step is passed.
    """
    names = [step.name for step in lab.steps]
    begin = names.index(after) + 1 if after in names else 0
    turned = (*lab.steps[begin:], *lab.steps[:begin])
    waiting = [step for step in turned if progress.step(step.name).standing is not Standing.PASSED]
    able = [
        step
        for step in waiting
        if all(progress.step(need).standing is Standing.PASSED for need in step.needs)
    ]
    return next(iter(able or waiting), None)


def now() -> str:
    """Return the time of day in UTC as RFC 3339 writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checked(
    lab: Lab,
    place: Workspace,
    step: Step,
    report: StepReport,
    known: dict[str, StepProgress],
    *,
    tried: bool,
) -> StepProgress:
    before = known.get(step.name, StepProgress())
    at = now()
    if report.outcome is Outcome.ERROR:
        return msgspec.structs.replace(
            before, outcome=report.outcome, reason=report.reason, findings=report.findings, checked_at=at
        )
    text = place.read(step.answer_path)
    answer = hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""
    standing = _standing(lab, step, report, answer, known)
    # The first check of an answer that was there before is no new try of it, unless something is in it.
    tried = standing is not Standing.NOT_BEGUN and (tried or answer != before.answer)
    codes = [finding.code for finding in report.findings]
    again = bool(codes) and codes == [finding.code for finding in before.findings]
    same = before.same + tried if again else int(bool(codes) and standing is Standing.TRIED)
    return StepProgress(
        standing=standing,
        outcome=report.outcome,
        points=report.points,
        findings=report.findings,
        reason=report.reason,
        tries=before.tries + tried,
        same=same,
        hints=before.hints,
        begun_at=before.begun_at or (at if standing is not Standing.NOT_BEGUN else ""),
        checked_at=at,
        passed_at=(before.passed_at or at) if standing is Standing.PASSED else "",
        passed_with=(before.passed_with or answer) if standing is Standing.PASSED else "",
        answer=answer,
    )


def _standing(
    lab: Lab, step: Step, report: StepReport, answer: str, known: dict[str, StepProgress]
) -> Standing:
    if report.outcome is Outcome.PASS:
        return Standing.PASSED
    if not report.begun:
        return Standing.NOT_BEGUN
    # Where several steps look at one file, the later one is begun when the file has changed since the earlier one
    # was passed: until then all that is in it was written for the earlier one.
    for other in lab.steps[: lab.steps.index(step)]:
        if other.answer_path == step.answer_path:
            earlier = known.get(other.name, StepProgress())
            tried = known.get(step.name, StepProgress()).standing is Standing.TRIED
            if not tried and earlier.passed_with in ("", answer):
                return Standing.NOT_BEGUN
    return Standing.TRIED


def _change(place: Workspace, change: Callable[[Progress], Progress]) -> Progress:
    """Read, change and write the record while nobody else does."""
    with _alone(place):
        before, _trouble = read(place)
        after = change(before)
        if after != before:
            replace_file(place.private / FILE, msgspec.json.encode(after))
        return after


@contextmanager
def _alone(place: Workspace) -> Iterator[None]:
    import filelock

    lock = filelock.FileLock(place.private / "progress.lock")
    with disk(place.path):
        place.private.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=LOCK_WAIT)
        except filelock.Timeout:
            raise EnvironmentFault(
                f"Another command has been writing the record of your progress for {LOCK_WAIT:.0f} s.",
                "End it, and try again.",
            ) from None
        try:
            yield
        finally:
            lock.release()
