"""What a report is worth under an instructor's rules: pure arithmetic with an explanation of every change.

The report itself is never changed. Points are decimals rounded to hundredths at every step, so that what is
shown adds up to the sums that are shown.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from math import ceil
from pathlib import PurePosixPath

import msgspec

from checker.errors import UsageError
from checker.gradingrules import LabRules, Late, Rules, StepRules
from checker.model import LabReport, Outcome, Person, Report, StepReport

CENT = Decimal("0.01")
HUNDRED = Decimal(100)
DAY = 24 * 60 * 60


class StepGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One step under the rules. An extra credit step adds points and nothing to what can be reached."""

    report: StepReport
    points: Decimal
    max_points: Decimal
    extra_credit: bool = False
    changes: tuple[str, ...] = ()


class LabGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One result under the rules. changes: what was done to its points as a whole; its steps have their own."""

    result: LabReport
    steps: tuple[StepGrade, ...]
    points: Decimal
    max_points: Decimal
    percent: Decimal
    changes: tuple[str, ...] = ()

    @property
    def explained(self) -> tuple[str, ...]:
        """Every change, those of steps with the step's name in front."""
        of_steps = [f"{step.report.step}: {why}" for step in self.steps for why in step.changes]
        return (*of_steps, *self.changes)


class Learner(msgspec.Struct, frozen=True, kw_only=True):
    """All that came from one person. missing: labs nothing came of; they count with 0 points."""

    person: Person
    labs: tuple[LabGrade, ...]
    points: Decimal
    max_points: Decimal
    percent: Decimal
    missing: tuple[str, ...] = ()

    def lab(self, name: str) -> LabGrade | None:
        return next((grade for grade in self.labs if grade.result.lab == name), None)


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what it is worth: what every rendering for an instructor is made of.

    labs: one for each result, in the report's order. learners: the same by person, ordered by name.
    """

    report: Report
    rules: Rules
    labs: tuple[LabGrade, ...]
    learners: tuple[Learner, ...]


def grade(report: Report, rules: Rules | None = None) -> Grades:
    """Apply the rules to a report; without rules every point counts as it is."""
    rules = rules or Rules()
    labs = tuple(_lab(result, rules, report.due) for result in report.results)
    return Grades(report=report, rules=rules, labs=labs, learners=_learners(report, labs, rules))


def person_of(result: LabReport) -> Person:
    """Whose a result is; where nothing says so, whose folder the workspace lies in."""
    if result.person:
        return result.person
    parts = [part for part in PurePosixPath(result.path.replace("\\", "/")).parts if part not in ("/", ".")]
    if len(parts) > 1 and parts[-1] == result.lab:
        parts.pop()
    return Person(identifier=parts[-1] if parts else result.path or "?")


def shown(value: Decimal) -> str:
    """A number of points or a percentage without zeros that say nothing: `12.5`, `10`."""
    text = f"{value.quantize(CENT, ROUND_HALF_UP):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percentage(points: Decimal, maximum: Decimal, cap: Decimal | None = None) -> Decimal:
    """Points as a percentage, to hundredths; cut and never rounded up, so that 99.999 is not 100."""
    if not maximum:
        return Decimal(0)
    exact = points * HUNDRED / maximum
    return (
        min(exact, cap).quantize(CENT, "ROUND_DOWN")
        if cap is not None
        else exact.quantize(CENT, "ROUND_DOWN")
    )


def _lab(result: LabReport, rules: Rules, due: str) -> LabGrade:
    of_lab = rules.lab(result.lab)
    steps = tuple(_step(step, of_lab, of_lab.steps.get(step.step, StepRules())) for step in result.steps)
    points = sum((step.points for step in steps), Decimal(0))
    maximum = sum((step.max_points for step in steps if not step.extra_credit), Decimal(0))
    changes: list[str] = []
    if rules.late and (late := _late(result, rules.late, due)):
        kept, why = late
        after = _rounded(points * kept / HUNDRED)
        changes.append(f"{shown(points)} becomes {shown(after)}: {why}" if points != after else why)
        points = after
    return LabGrade(
        result=result,
        steps=steps,
        points=points,
        max_points=maximum,
        percent=percentage(points, maximum, rules.cap_percent),
        changes=tuple(changes),
    )


def _step(step: StepReport, of_lab: LabRules, of_step: StepRules) -> StepGrade:
    points, maximum = Decimal(step.points), Decimal(step.max_points)
    changes: list[str] = []
    if step.outcome is Outcome.FAIL and of_step.partial and maximum:
        kept, why = _partial(step, of_step)
        if kept:
            points = _rounded(maximum * kept / HUNDRED)
            changes.append(f"0 becomes {shown(points)} of {shown(maximum)}: {why}")
    if (weight := of_lab.weight * of_step.weight) != 1 and maximum:
        before = f"{shown(points)} of {shown(maximum)}"
        points, maximum = _rounded(points * weight), _rounded(maximum * weight)
        changes.append(
            f"{before} becomes {shown(points)} of {shown(maximum)}: it counts {shown(weight)} times."
        )
    if of_step.extra_credit and maximum:
        changes.append("Extra credit: added on top, and no part of what can be reached.")
    return StepGrade(
        report=step,
        points=points,
        max_points=maximum,
        extra_credit=of_step.extra_credit,
        changes=tuple(changes),
    )


def _partial(step: StepReport, of_step: StepRules) -> tuple[Decimal, str]:
    """What percentage of a failed step is kept, and why. A finding without a rule costs everything."""
    by_code = {rule.finding: rule for rule in of_step.partial}
    reasons: list[str] = []
    kept = HUNDRED
    for code in dict.fromkeys(finding.code for finding in step.findings):
        if (rule := by_code.get(code)) is None:
            return Decimal(0), ""
        kept -= rule.costs_percent
        reasons.append(f"{code} costs {shown(rule.costs_percent)} %. {rule.reason}")
    return (max(kept, Decimal(0)), " ".join(reasons)) if reasons else (Decimal(0), "")


def _late(result: LabReport, late: Late, due: str) -> tuple[Decimal, str] | None:
    """What percentage is kept of something that came late, and why; None if it did not, or nobody knows."""
    if not result.submitted_at or not due:
        return None
    over = (_time(result.submitted_at) - _time(due)).total_seconds()
    if over <= 0:
        return None
    if over <= late.grace_minutes * 60:
        return HUNDRED, f"It was late, but within the {late.grace_minutes} minutes of grace."
    days = ceil(over / DAY)
    kept = max(HUNDRED - late.percent_per_day * days, late.keep_percent)
    noun = "day" if days == 1 else "days"
    why = f"it was late by {days} {noun} begun, which leaves {shown(kept)} %."
    return kept, why if kept < HUNDRED else f"I{why[1:]}"


def _learners(report: Report, labs: tuple[LabGrade, ...], rules: Rules) -> tuple[Learner, ...]:
    """Group by person. A second result of one lab makes a second row: which one counts is not ours to say."""
    rows: dict[tuple[str, int], dict[str, LabGrade]] = {}
    people: dict[str, Person] = {}
    for grade in labs:
        person = person_of(grade.result)
        people.setdefault(person.identifier, person)
        number = 0
        while grade.result.lab in rows.setdefault((person.identifier, number), {}):
            number += 1
        rows[person.identifier, number][grade.result.lab] = grade
    missing = {entry.person.identifier: entry for entry in report.missing}
    for identifier, entry in missing.items():
        people.setdefault(identifier, entry.person)
        rows.setdefault((identifier, 0), {})
    reachable = _reachable(labs)
    learners = [
        _learner(
            people[identifier],
            tuple(row[name] for name in sorted(row)),
            missing[identifier].labs if identifier in missing and not number else (),
            reachable,
            rules,
        )
        for (identifier, number), row in rows.items()
    ]
    return tuple(sorted(learners, key=lambda learner: _order(learner.person)))


def _learner(
    person: Person,
    labs: tuple[LabGrade, ...],
    missing: Iterable[str],
    reachable: Mapping[str, Decimal],
    rules: Rules,
) -> Learner:
    handed_in = {grade.result.lab for grade in labs}
    gone = tuple(name for name in sorted(missing) if name not in handed_in)
    points = sum((grade.points for grade in labs), Decimal(0))
    maximum = sum((grade.max_points for grade in labs), Decimal(0))
    maximum += sum((reachable.get(name, Decimal(0)) for name in gone), Decimal(0))
    return Learner(
        person=person,
        labs=labs,
        points=points,
        max_points=maximum,
        percent=percentage(points, maximum, rules.cap_percent),
        missing=gone,
    )


def _reachable(labs: Iterable[LabGrade]) -> dict[str, Decimal]:
    """The most anybody could reach in each lab: a step in error counts for nothing with that person alone."""
    most: dict[str, Decimal] = {}
    for grade in labs:
        most[grade.result.lab] = max(most.get(grade.result.lab, Decimal(0)), grade.max_points)
    return most


def _order(person: Person) -> tuple[str, str, str]:
    """By name as people look for it: an accent comes after the letter and not after z."""
    name = (person.name or person.identifier).casefold()
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter)
    )
    return bare, name, person.identifier


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def _time(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"The report says {text!r}, which is no time.", "Give the report as it was written."
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
