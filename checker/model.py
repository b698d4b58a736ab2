"""Plain data that flows between the stages. No I/O here.

Data flows one way: catalog -> stack -> answers -> checks -> report -> rendering.
"""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import msgspec

REPORT_VERSION = 2

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


class Service(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A service a lab asks for: its name in the lab and its kind among the stack modules.

    options: what the kind lets a lab choose; texts in it may name values as `{NAME}`. real: the variables
    of a learner's environment that, all set, have the practice use the real service instead.
    """

    name: str
    kind: str
    options: dict[str, Any] = {}
    real: tuple[str, ...] = ()


class Value(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one per-run value is made; see `checker.values` for what each kind gives.

    secret: it must not stand in the engine's labels, environments or process list. real: what it is where
    a service of the lab is the real one, with variables of the learner's environment as `{NAME}`.
    """

    kind: Literal[
        "word", "token", "semver", "next-patch", "date", "number", "text", "address", "container", "port"
    ]
    text: str = ""
    of: str = ""
    service: str = ""
    port: str = ""
    secret: bool = False
    real: str = ""
    min: int = 1
    max: int = 999


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One task of a lab.

    answer: path inside the workspace; `*.sh` is run with bash, anything else is a plain file.
    needs: steps that have to be done first. time_limit: seconds for one run of the answer. files_only: whether its
    checks look at nothing but the workspace's files and what they start themselves, so that a verdict holds for
    as long as no file changes.
    """

    name: str
    title: str
    points: int
    answer: str = ""
    needs: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    time_limit: float = 60.0
    files_only: bool = False

    @property
    def answer_path(self) -> str:
        """The answer's path inside the workspace; `steps/<name>.sh` unless the lab names one."""
        return self.answer or f"steps/{self.name}.sh"

    @property
    def is_script(self) -> bool:
        """Whether the answer is run, rather than only looked at."""
        return self.answer_path.endswith(".sh")


class Lab(msgspec.Struct, frozen=True, kw_only=True):
    """One lab as its folder describes it.

    images: names in the table of `checker.images` that answers build from. owned: patterns
    (fnmatch, values filled in as `{NAME}`) of the engine's image names that one run makes.
    resources: such patterns of the names of containers, networks and volumes that answers make.
    tools: programs of the host that answers use, by their names in `checker.tools`.
    files: workspace path -> text with `{NAME}` filled in, written whenever a run starts.
    """

    name: str
    folder: Path
    notebook: Path
    title: str
    version: str
    summary: str
    minutes: int
    services: tuple[Service, ...]
    values: dict[str, Value]
    steps: tuple[Step, ...]
    images: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    files: dict[str, str] = {}

    @property
    def number(self) -> str:
        """The leading `NN` of the folder's name."""
        return self.name.partition("-")[0]

    @property
    def topic(self) -> str:
        """The folder's name without its number."""
        return self.name.partition("-")[2]

    @property
    def points(self) -> int:
        return sum(step.points for step in self.steps)

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)


class Mistake(msgspec.Struct, frozen=True, kw_only=True):
    """A plausible wrong answer: the solution with the files of `folder` laid over it."""

    name: str
    folder: Path
    step: str
    finding: str
    why: str


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Another right answer: the solution with the files of `folder` laid over it. step: the one it answers."""

    name: str
    folder: Path
    step: str
    why: str


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


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was before anything was run. path: in the workspace. text: cut at a limit
    (`truncated` says so); bytes that are no UTF-8 are replaced."""

    path: str
    text: str
    truncated: bool = False


class StepReport(msgspec.Struct, frozen=True, kw_only=True):
    """One step's verdict. `points` of `max_points`; an error counts as 0 of 0.

    written: None where there was nothing, an empty file or what is no file. answer: None where nothing was run.
    """

    step: str
    title: str
    outcome: Outcome
    points: int
    max_points: int
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    seconds: float = 0.0
    written: Written | None = None
    answer: AnswerRun | None = None


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
