"""What a check run or a replay found: findings, and reports of steps, labs and classes."""

from collections.abc import Callable
from enum import StrEnum
from typing import Literal

import msgspec

REPORT_VERSION = 3
MOST_PARTS = 1000
"""Of one class."""


class Outcome(StrEnum):
    """What became of a step. The four are never mixed.

    PASS: the real world is as asked. FAIL: it is not, and a finding says how. SKIPPED: a step it
    needs is not done. ERROR: the lab or the machine is at fault; it costs the learner no points.
    """

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Why a step is not passed, for a person and for a machine.

    code: stable, lower case with hyphens. expected, observed, action: whole sentences in plain
    text (no markup); `observed` states what was really seen, `action` what to do next.
    """

    code: str
    expected: str
    observed: str
    action: str


class AnswerRun(msgspec.Struct, frozen=True, kw_only=True):
    """What happened when an answer script ran. Durations are in seconds.

    output: both streams as they came, cut at a limit (`truncated` says so).
    exit_code: None if the time limit or an interrupt ended it. starved: why the machine and not the answer is to
    blame for the time limit, in sentences; empty if it is not. It is no part of the report's JSON form.
    """

    exit_code: int | None
    seconds: float
    output: str
    truncated: bool = False
    timed_out: bool = False
    starved: str = ""


class AnswerText(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was before anything was run. path: in the workspace. text: cut at a limit
    (`truncated` says so); bytes that are no UTF-8 are replaced."""

    path: str
    text: str
    truncated: bool = False


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step's verdict. `points` of `max_points`; an error counts as 0 of 0.

    written: None where there was nothing, an empty file or what is no file. answer: None where nothing was run. begun:
    False if the answer is still what the lab laid out, so that there is nothing of the learner's to be wrong.
    """

    step: str
    title: str
    outcome: Outcome
    points: int
    max_points: int
    begun: bool = True
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    written: AnswerText | None = None
    answer: AnswerRun | None = None

    @property
    def untouched(self) -> bool:
        """Whether the step is not passed because nobody has begun with it. Shown as *not begun*, never as a failure."""
        return not self.begun and self.outcome in (Outcome.FAIL, Outcome.SKIPPED)


OnStep = Callable[[StepReport], None]
"""What is told a step's verdict as soon as it is known."""


def unheard(_report: StepReport) -> None:
    """Be told a verdict, and do nothing about it."""


class Versions(msgspec.Struct, frozen=True, kw_only=True):
    """Versions of everything that had a say in a verdict; empty where not known."""

    lab: str = ""
    checker: str = ""
    engine: str = ""
    registry: str = ""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who a submission is of: a row of the roster, or what the submission's own name says.

    identifier: the one thing that tells people apart; the rest is empty where it isn't known. listed: whether
    the person stands in a roster.
    """

    identifier: str
    name: str = ""
    email: str = ""
    login: str = ""
    listed: bool = False


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """A person of the roster and the labs of this grading of which nothing of theirs was there."""

    person: Person
    labs: tuple[str, ...]


class Alike(msgspec.Struct, frozen=True, kw_only=True):
    """Answers to one step that differ in names, values, comments and white space only, or hardly more.

    For a person to look at, never a verdict. paths: of the results, as they name themselves. percent: how much
    of the two that are least alike is the same.
    """

    lab: str
    step: str
    paths: tuple[str, ...]
    percent: float


class LabReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdicts on one workspace of one lab.

    path: the workspace as it was named on the command line. warnings: things in the submission
    that had no effect and are worth an instructor's look. error: why nothing could be checked.
    person: None in practice and where nothing says whose it is. submitted_at: RFC 3339, UTC; empty if nothing
    says. submitted_by: what says so. late: None without a due time or a time of submission.
    """

    lab: str
    title: str
    path: str
    steps: tuple[StepReport, ...]
    versions: Versions
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: str = ""
    person: Person | None = None
    submitted_at: str = ""
    submitted_by: Literal["", "archive", "commit", "files"] = ""
    late: bool | None = None

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps)

    @property
    def max_points(self) -> int:
        return sum(step.max_points for step in self.steps)

    @property
    def percent(self) -> float:
        """Points as a percentage of what could be reached; 0 where nothing could be checked."""
        return 100.0 * self.points / self.max_points if self.max_points else 0.0

    @property
    def outcome(self) -> Outcome:
        """ERROR if anything is in error, else FAIL unless every step passed."""
        outcomes = {step.outcome for step in self.steps}
        if self.error or Outcome.ERROR in outcomes or not outcomes:
            return Outcome.ERROR
        return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.FAIL


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """Which parts of a class a report is of: their numbers, from 1 and in order, and how many there are.

    Only parts that were done to their end: an interrupted one has results here and no number. Raises ValueError for
    numbers that cannot be.
    """

    parts: tuple[int, ...]
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.of <= MOST_PARTS:
            raise ValueError(f"a class has 1 to {MOST_PARTS} parts, not {self.of}")
        if list(self.parts) != sorted({part for part in self.parts if 1 <= part <= self.of}):
            raise ValueError(f"the numbers of parts are not in order, or not from 1 to {self.of}")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One check run or one grading: the only form in which results leave the checker.

    generated_at: RFC 3339, UTC. mode: `practice` looks at the learner's own stack, `replay` ran
    the answers again in a fresh one. due: RFC 3339, UTC; empty without. missing, unmatched and alike are
    about a whole class: people nothing came from, paths that are nobody's on the roster, answers to compare.
    shard: which part of a class it is; None for all of it.
    """

    mode: Literal["practice", "replay"]
    generated_at: str
    results: tuple[LabReport, ...]
    due: str = ""
    missing: tuple[Missing, ...] = ()
    unmatched: tuple[str, ...] = ()
    alike: tuple[Alike, ...] = ()
    shard: Shard | None = None
    schema: Literal["registry-lab/report"] = "registry-lab/report"
    schema_version: int = REPORT_VERSION

    @property
    def outcome(self) -> Outcome:
        """ERROR if any result is in error or there is none, else FAIL unless all passed.

        A part that is done may be empty.
        """
        outcomes = {result.outcome for result in self.results}
        if Outcome.ERROR in outcomes or not (outcomes or (self.shard and self.shard.parts)):
            return Outcome.ERROR
        return Outcome.PASS if outcomes <= {Outcome.PASS} else Outcome.FAIL
