"""CSV gradebooks: one row a learner, for a spreadsheet or for a learning platform's import.

A spreadsheet program runs a cell that begins like a formula, quoted or not, so no cell with text from elsewhere
does. `plain` has every step and begins with a byte order mark, without which Excel takes UTF-8 for something
else; the platforms' imports want UTF-8 without one and a column for each grade, no more.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from checker.base.plain import plain_line
from checker.base.results import Outcome
from checker.report.graded import Grades, LabGrade, Learner
from checker.report.grades import shown

Flavour = Literal["plain", "canvas", "moodle"]
FLAVOURS: tuple[Flavour, ...] = ("plain", "canvas", "moodle")
BOM = "\ufeff"

_SIGN = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_FORMULA = re.compile(rf"^(?=\W*{_SIGN})")
_INSIDE = re.compile(rf"([;|]\W{{0,8}}?)(?={_SIGN})")


class Columns(NamedTuple):
    """The steps of one lab, in the lab's order, as far as anybody's result has them."""

    lab: str
    steps: tuple[str, ...]


def to_csv(grades: Grades, flavour: Flavour = "plain") -> bytes:
    """Return the gradebook as UTF-8 CSV with CRLF (RFC 4180). Points are those under the rules."""
    rows = {"plain": _plain, "canvas": _canvas, "moodle": _moodle}[flavour](grades)
    text = io.StringIO()
    # Everything is quoted: a program that separates by semicolons then still finds no cell of its own making.
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return ((BOM if flavour == "plain" else "") + text.getvalue()).encode()


def columns(grades: Grades) -> tuple[Columns, ...]:
    """Return the labs of a report by name, each with its steps."""
    found: dict[str, dict[str, None]] = {}
    for grade in grades.labs:
        found.setdefault(grade.result.lab, {}).update((step.report.step, None) for step in grade.steps)
    for learner in grades.learners:
        for name in learner.missing:
            found.setdefault(name, {})
    return tuple(Columns(lab, tuple(found[lab])) for lab in sorted(found))


def cell(text: str) -> str:
    """Return foreign text as a cell on one line that no program takes for a formula.

    An apostrophe goes in front of what would begin one, also where a program that separates cells by
    something else than commas would begin a cell.
    """
    line = plain_line(text)
    return _INSIDE.sub(r"\1'", _FORMULA.sub("'", line))


def _plain(grades: Grades) -> Iterable[Sequence[str]]:
    labs = columns(grades)
    several = len(labs) > 1
    head = ["Learner", "Name", "Email", "Handed in"]
    for lab in labs:
        head += [cell(f"{lab.lab}: {step}" if several else step) for step in lab.steps]
        if several:
            head += [cell(f"{lab.lab}: points"), cell(f"{lab.lab}: of")]
    yield [*head, "Points", "Of", "Percent", "Outcome", "Remarks"]
    for learner in grades.learners:
        person = learner.person
        row = [cell(person.identifier), cell(person.name), cell(person.email), _handed_in(learner)]
        for lab in labs:
            grade = learner.lab(lab.lab)
            row += [_step(grade, step) for step in lab.steps]
            if several:
                row += _sum(grade.points, grade.max_points, wrong=grade.in_error) if grade else ["", ""]
        wrong = any(grade.in_error for grade in learner.labs)
        row += _sum(learner.points, learner.max_points, learner.percent, wrong=wrong)
        yield [*row, _outcome(learner), cell(" ".join(_remarks(learner, several=several)))]


def _canvas(grades: Grades) -> Iterable[Sequence[str]]:
    """Canvas finds people by SIS Login ID; `Points Possible` is the second row; an empty cell changes nothing."""
    labs = columns(grades)
    yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *(cell(lab.lab) for lab in labs)]
    yield ["    Points Possible", "", "", "", "", *(shown(_most(grades, lab.lab)) for lab in labs)]
    for learner in grades.learners:
        person = learner.person
        login = person.login or person.identifier
        row = [cell(person.name or person.identifier), "", "", cell(login), ""]
        yield [*row, *(_platform(learner, lab.lab) for lab in labs)]


def _moodle(grades: Grades) -> Iterable[Sequence[str]]:
    """Yield which column says who somebody is, is asked by Moodle's import; so is which is a grade or
    feedback."""
    labs = columns(grades)
    head = ["Username", "ID number", "Email address", "Full name"]
    for lab in labs:
        head += [cell(lab.lab), cell(f"{lab.lab} (feedback)")]
    yield head
    for learner in grades.learners:
        person = learner.person
        row = [person.login or person.identifier, person.identifier, person.email, person.name]
        row = [cell(text) for text in row]
        for lab in labs:
            row += [_platform(learner, lab.lab), cell(_feedback(learner, learner.lab(lab.lab)))]
        yield row


def _sum(points: Decimal, maximum: Decimal, *more: Decimal, wrong: bool) -> list[str]:
    """Numbers as cells; empty where all that there is ended in error: 0 would be taken for a grade."""
    numbers = (points, maximum, *more)
    return [""] * len(numbers) if wrong and not maximum else [shown(number) for number in numbers]


def _platform(learner: Learner, lab: str) -> str:
    """Return a grade for a platform: 0 for what is missing, empty (no change) for what the machine is at
    fault for."""
    grade = learner.lab(lab)
    if grade is None:
        return "0" if lab in learner.missing else ""
    return "" if grade.in_error else shown(grade.points)


def _step(grade: LabGrade | None, name: str) -> str:
    """Return a step's points; empty where it was not there or the machine is at fault."""
    step = next((step for step in grade.steps if step.report.step == name), None) if grade else None
    return (
        ""
        if step is None or (step.report.outcome is Outcome.ERROR and not step.by_hand)
        else shown(step.points)
    )


def _most(grades: Grades, lab: str) -> Decimal:
    return max((grade.max_points for grade in grades.labs if grade.result.lab == lab), default=Decimal(0))


def _handed_in(learner: Learner) -> str:
    if not learner.labs:
        return "missing"
    times = [grade.result.submitted_at for grade in learner.labs if grade.result.submitted_at]
    late = " late" if any(grade.result.late for grade in learner.labs) else ""
    return cell(f"{max(times)}{late}" if times else f"yes{late}")


def _outcome(learner: Learner) -> str:
    outcomes = {grade.result.outcome for grade in learner.labs}
    if Outcome.ERROR in outcomes:
        return Outcome.ERROR
    if learner.missing:
        return "missing"
    return Outcome.PASS if outcomes == {Outcome.PASS} else Outcome.FAIL


def _remarks(learner: Learner, *, several: bool) -> Iterable[str]:
    for grade in learner.labs:
        lab = f"{grade.result.lab}: " if several else ""
        if grade.result.error:
            yield f"{lab}{grade.result.error}"
        yield from (f"{lab}{why}" for why in grade.explained)
        yield from (f"{lab}{step.report.step}: {step.comment}" for step in grade.steps if step.comment)
    if learner.missing and learner.labs:
        yield f"Missing: {', '.join(learner.missing)}."
    if learner.comment:
        yield learner.comment


def _feedback(learner: Learner, grade: LabGrade | None) -> str:
    """Return what a learner may read: the findings' codes and what the rules did, no more than practice
    shows."""
    if grade is None:
        return ""
    codes = [
        f"{step.report.step}: {', '.join(dict.fromkeys(found.code for found in step.report.findings))}"
        for step in grade.steps
        if step.report.findings
    ]
    comments = [f"{step.report.step}: {step.comment}" for step in grade.steps if step.comment]
    return "; ".join([*codes, *grade.explained, *comments, *filter(None, [learner.comment])])
