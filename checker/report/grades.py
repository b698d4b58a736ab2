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

from checker.base.errors import UsageError
from checker.base.results import LabReport, Outcome, Person, Report, StepReport
from checker.report.graded import Grades, LabGrade, Learner, StepGrade
from checker.report.gradingrules import GradingRules, LabRules, Late, StepRules
from checker.report.marks import Marks, StepMark

CENT = Decimal("0.01")
HUNDRED = Decimal(100)
DAY = 24 * 60 * 60


def grade(report: Report, rules: GradingRules | None = None, marks: Marks | None = None) -> Grades:
    """Apply the rules to a report; without rules every point counts as it is. marks: what was written by hand."""
    rules, marks = rules or GradingRules(), marks or Marks()
    most: dict[tuple[str, str], int] = {}
    for result in report.results:
        for step in result.steps:
            key = (result.lab, step.step)
            most[key] = max(most.get(key, 0), step.max_points)
    labs = tuple(_lab(result, rules, report.due, marks, most) for result in report.results)
    learners = tuple(
        msgspec.structs.replace(learner, comment=marks.of(learner.person.identifier).comment)
        for learner in _learners(report, labs, rules)
    )
    return Grades(report=report, rules=rules, labs=labs, learners=learners)


def person_of(result: LabReport) -> Person:
    """Return whose a result is; where nothing says so, whose folder the workspace lies in."""
    if result.person:
        return result.person
    parts = [part for part in PurePosixPath(result.path.replace("\\", "/")).parts if part not in ("/", ".")]
    if len(parts) > 1 and parts[-1] == result.lab:
        parts.pop()
    return Person(identifier=parts[-1] if parts else result.path or "?")


def shown(value: Decimal) -> str:
    """Return a number of points or a percentage without zeros that say nothing: `12.5`, `10`."""
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


def _lab(
    result: LabReport, rules: GradingRules, due: str, marks: Marks, most: Mapping[tuple[str, str], int]
) -> LabGrade:
    """most: what can be reached in each step, as somebody's result has it."""
    of_lab, who = rules.lab(result.lab), person_of(result).identifier
    steps = tuple(
        _by_hand(
            _step(step, of_lab, of_lab.steps.get(step.step, StepRules())),
            marks.step(who, result.lab, step.step),
            Decimal(most[result.lab, step.step]),
        )
        for step in result.steps
    )
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


def _by_hand(step: StepGrade, mark: StepMark, most: Decimal) -> StepGrade:
    """Return the step with what an instructor wrote by hand: a comment, other points, or both.

    A step in error can be reached like anybody's, `most`, once somebody has given it points.
    """
    points = mark.number()
    changes = step.changes
    if points is not None and points != step.points:
        changes = (*changes, f"{shown(step.points)} becomes {shown(points)}: set by hand.")
    return msgspec.structs.replace(
        step,
        points=step.points if points is None else points,
        max_points=most if points is not None and not step.max_points else step.max_points,
        changes=changes,
        comment=mark.comment.strip(),
        by_hand=points is not None,
    )


def _partial(step: StepReport, of_step: StepRules) -> tuple[Decimal, str]:
    """Return what percentage of a failed step is kept, and why. A finding without a rule costs everything."""
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
    """Return what percentage is kept of something that came late, and why; None if it did not, or nobody
    knows."""
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


def _learners(report: Report, labs: tuple[LabGrade, ...], rules: GradingRules) -> tuple[Learner, ...]:
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
    rules: GradingRules,
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
    """Return the most anybody could reach in each lab: a step in error counts for nothing with that person
    alone."""
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
