"""The words every rendering uses, so that no two of them say the same thing differently."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from checker.base.model import Lab
from checker.base.plain import plain, plain_line
from checker.base.results import AnswerRun, Finding, LabReport, Outcome, Report, StepReport
from checker.lab.progress import Progress, next_step

SYMBOLS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.SKIPPED: "–", Outcome.ERROR: "!"}
"""Always shown together with the outcome's word: colour and shape are never the only sign."""

ASCII_SYMBOLS = {Outcome.PASS: "+", Outcome.FAIL: "x", Outcome.SKIPPED: "-", Outcome.ERROR: "!"}

NOT_BEGUN = "not begun"
"""What is said of a step that is not passed since its answer is still as it was laid out."""

NOT_BEGUN_SYMBOL = "·"

ASCII_NOT_BEGUN_SYMBOL = "."

SAID_BY = {"archive": " by the times in it", "commit": " by its last commit", "files": " by its files"}

NOTHING_CHECKED = "nothing was checked"


class Totals(NamedTuple):
    """Points reached and reachable over a whole report."""

    points: int
    max_points: int

    @property
    def percent(self) -> float:
        return 100.0 * self.points / self.max_points if self.max_points else 0.0


def totals(report: Report) -> Totals:
    """Return the points of all results together."""
    return Totals(
        sum(result.points for result in report.results),
        sum(result.max_points for result in report.results),
    )


def percent(value: float) -> str:
    """Return a percentage for people, cut to one decimal so that 99.96 never reads as 100."""
    return f"{int(value * 10 + 1e-9) / 10:.1f} %"


def standing(step: StepReport) -> str:
    """Return the outcome in a word, or `not begun`."""
    return NOT_BEGUN if step.untouched else step.outcome.value


def symbol(step: StepReport, *, ascii_only: bool = False) -> str:
    """Return the sign that goes with `standing`."""
    if step.untouched:
        return ASCII_NOT_BEGUN_SYMBOL if ascii_only else NOT_BEGUN_SYMBOL
    return (ASCII_SYMBOLS if ascii_only else SYMBOLS)[step.outcome]


def headline(step: StepReport) -> str:
    """Return what a verdict is headed with: the step's title, or that its answer was stopped at its time limit.

    What an answer that was stopped has not done yet is no news.
    """
    if step.outcome is Outcome.FAIL and step.answer and step.answer.timed_out:
        return f"stopped at its time limit, after {step.answer.seconds:.0f} s"
    return plain_line(step.title)


TO_BEGIN = "There is no answer yet. `lab show {step}` says what it is about."


def progressed(lab: Lab, record: Progress, *, after: str = "") -> str:
    """Return `3 of 8 steps passed, 35 of 100 points; next: patch`.

    after: the step behind which the next one is looked for.
    """
    following = next_step(lab, record, after)
    said = f"{record.passed} of {len(lab.steps)} steps passed, {record.points} of {lab.points} points"
    return f"{said}; next: {following.name}" if following else f"{said}: all done"


def points(step: StepReport) -> str:
    """Return `10/10`, or a dash where the step counts for nothing."""
    return f"{step.points}/{step.max_points}" if step.max_points else "-"


def summed(result: LabReport) -> str:
    """Return `5 of 8 steps passed, 50 of 80 points, 62.5 %`, as far as there is something to count."""
    if not result.steps:
        return NOTHING_CHECKED
    done = sum(step.outcome is Outcome.PASS for step in result.steps)
    noun = "step" if len(result.steps) == 1 else "steps"
    said = f"{done} of {len(result.steps)} {noun} passed"
    if not result.max_points:
        return f"{said}, no points counted"
    return f"{said}, {result.points} of {result.max_points} points, {percent(result.percent)}"


def codes(step: StepReport) -> str:
    """Return the step's finding codes, each once, or else its reason, on one line."""
    named = dict.fromkeys(plain_line(finding.code) for finding in step.findings)
    return ", ".join(named) or plain_line(step.reason)


def parts(finding: Finding) -> tuple[tuple[str, str], ...]:
    """Return the finding as (label, text) in the order a person needs them."""
    return (
        ("Expected", plain(finding.expected).strip()),
        ("Seen", plain(finding.observed).strip()),
        ("Next", plain(finding.action).strip()),
    )


def remarks(step: StepReport) -> tuple[str, ...]:
    """Return what is worth saying besides the findings: the reason, how the answer ended, no penalty."""
    said = [plain(step.reason).strip()] if step.reason.strip() else []
    if step.answer and step.outcome is not Outcome.PASS and (note := ending(step.answer)):
        said.append(note)
    if step.outcome is Outcome.ERROR:
        said.append("This is not the answer's fault and costs no points.")
    return tuple(said)


def ending(run: AnswerRun) -> str:
    """Return how an answer ended, in a sentence; empty if it ended well."""
    if run.timed_out:
        return (
            f"The answer was stopped at its time limit, after {run.seconds:.0f} s. Does it wait for input, or for "
            "something that does not come?"
        )
    if run.exit_code is None:
        return "The answer was interrupted."
    return f"The answer ended with exit code {run.exit_code}." if run.exit_code else ""


def described(step: StepReport) -> str:
    """Return the whole of a verdict that is not a pass as plain text: findings, then remarks."""
    blocks = [
        "\n".join([f"[{plain_line(found.code)}]", *(f"{label}: {text}" for label, text in parts(found))])
        for found in step.findings
    ]
    if step.answer and step.answer.timed_out:
        return "\n\n".join([*remarks(step), *blocks])
    return "\n\n".join([*blocks, *remarks(step)])


def versions(result: LabReport) -> str:
    """Return the known versions on one line: `lab 1.0, checker 0.1.0`."""
    known = result.versions
    named = (
        ("lab", known.lab),
        ("checker", known.checker),
        ("engine", known.engine),
        ("registry", known.registry),
    )
    return ", ".join(f"{what} {plain_line(version)}" for what, version in named if version)


def trouble(result: LabReport) -> str:
    """Return why the result as a whole says nothing about the answers; empty if it does."""
    if result.error:
        return plain(result.error).strip()
    return "" if result.steps else f"{NOTHING_CHECKED.capitalize()}."


def ranges(numbers: Sequence[int]) -> str:
    """Return ascending numbers as `1-3, 7`; `none` without any."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs) or "none"


def part_of_class(report: Report) -> str:
    """Return which parts of a class a report is of; empty if of all."""
    shard = report.shard
    return f"not the whole class, parts of {shard.of} that are done: {ranges(shard.parts)}" if shard else ""


def about_the_class(report: Report) -> Iterator[str]:
    """Yield what part of it this is, what came late, is missing or nobody's, and what to compare; a line
    each, nothing for a lone workspace."""
    if part := part_of_class(report):
        yield f"{part[0].upper()}{part[1:]}."
    for result in report.results:
        if result.late:
            by = SAID_BY.get(result.submitted_by, "")
            yield f"Late: {plain_line(result.path)}, {plain_line(result.submitted_at)}{by}."
    for entry in report.missing:
        names = " ".join(filter(None, (entry.person.identifier, entry.person.name)))
        yield f"Missing: {plain_line(names)}, of {', '.join(map(plain_line, entry.labs))}."
    for path in report.unmatched:
        yield f"Nobody's on the roster: {plain_line(path)}."
    for alike in report.alike:
        paths = ", ".join(map(plain_line, alike.paths))
        yield f"Worth comparing, {alike.percent:.0f} % alike: {plain_line(alike.step)} of {paths}."
