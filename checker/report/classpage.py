"""One page of a whole class: who, which step, which finding, and every learner's answers below.

A single file that loads nothing. Jinja escapes all that is put in, and `finalize` makes it harmless to look at before,
so that no place in the template can forget either. Its only script sorts, filters and saves what an instructor writes;
a content security policy in the page names it by its hash and forbids every other. Without it the page reads as well.
"""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

from jinja2 import Environment

from checker.base.plain import plain_line, tail
from checker.base.results import Outcome
from checker.report import classfigures, templating
from checker.report.classfigures import Column, columns_of
from checker.report.feedback import NOT_YOURS
from checker.report.gradebook import columns
from checker.report.graded import Grades, Learner
from checker.report.grades import shown
from checker.report.wording import (
    SYMBOLS,
    ending,
    part_of_class,
    percent,
    standing,
    symbol,
    trouble,
    versions,
)

SCRIPT = templating.own("classpage.js")
SCRIPT_HASH = b64encode(sha256(SCRIPT.encode()).digest()).decode()
OUTPUT_LINES = 40
UPRIGHT = 12
"""With more columns than these the steps' names stand upright."""


class HeatMapCell(NamedTuple):
    """One learner's step in the heat map. keys: letters of the findings; words: the same for a screen reader.

    sort: a number by which the column is sorted.
    """

    outcome: str
    symbol: str
    keys: str
    words: str
    points: str
    anchor: str
    sort: str = "-1"


def to_html(grades: Grades, *, title: str = "Class report") -> str:
    """Return the page. title: its heading."""
    steps = columns_of(grades)
    common = classfigures.common_findings(grades)
    keys = {(entry.lab, entry.step, entry.code): entry.key for entry in common}
    context: dict[str, Any] = {
        "title": title,
        "script": SCRIPT,
        "script_hash": SCRIPT_HASH,
        "report": grades.report,
        "columns": steps,
        "labs": columns(grades),
        "upright": len(steps) > UPRIGHT,
        "common": common,
        "times": classfigures.times(grades),
        "tiles": classfigures.tiles(grades),
        "spread": classfigures.spread(grades),
        "rows": [
            (learner, [_cell(learner, number, column, keys) for column in steps], _tags(learner))
            for number, learner in enumerate(grades.learners)
        ],
        "attention": list(classfigures.attention(grades)),
    }
    return environment().get_template("classpage.html.j2").render(context)


def to_feedback(learner: Learner, *, title: str = "Feedback") -> str:
    """Return a page for one learner: what practice shows, what the rules did, and nothing that is for staff."""
    return environment().get_template("feedback.html.j2").render(title=title, learner=learner, script_hash="")


@cache
def environment() -> Environment:
    """Return the templates of the class's page, with what only they use."""
    made = templating.environment()
    made.filters.update(
        shown=shown,
        seconds=classfigures.seconds,
        who=classfigures.who,
        tail=lambda text: tail(text, OUTPUT_LINES),
        part_of_class=part_of_class,
        ending=ending,
        percent=lambda value: percent(float(value)),
        versions=versions,
    )
    made.globals.update(NOT_YOURS=NOT_YOURS, css=templating.own("classpage.css"))
    return made


def _cell(learner: Learner, row: int, column: Column, keys: dict[tuple[str, str, str], str]) -> HeatMapCell:
    grade = learner.lab(column.lab)
    steps = grade.steps if grade else ()
    at = next((number for number, step in enumerate(steps) if step.report.step == column.step), None)
    if grade and trouble(grade.result):
        return HeatMapCell(
            Outcome.ERROR, SYMBOLS[Outcome.ERROR], "", "error", "", f"l{row}-{learner.labs.index(grade)}"
        )
    if grade is None or at is None:
        words = "not handed in" if column.lab in learner.missing else "not graded" if grade else "nothing"
        return HeatMapCell("none", "", "", words, "", f"l{row}")
    step = steps[at]
    codes = list(dict.fromkeys(found.code for found in step.report.findings))
    lab = learner.labs.index(grade)
    partial = step.report.outcome is Outcome.FAIL and step.points > 0
    return HeatMapCell(
        outcome="untouched" if step.report.untouched else step.report.outcome,
        symbol=symbol(step.report),
        keys="" if step.report.untouched else " ".join(keys[column.lab, column.step, code] for code in codes),
        words=standing(step.report)
        if step.report.untouched
        else f"{step.report.outcome}{': ' if codes else ''}{', '.join(map(plain_line, codes))}",
        points=f"{shown(step.points)}/{shown(step.max_points)}" if partial else "",
        anchor=f"l{row}-{lab}-{at}",
        sort=str(step.points) if step.report.outcome is not Outcome.ERROR else "-1",
    )


def _tags(learner: Learner) -> str:
    """Return what a learner can be filtered by."""
    tags = {"late" for grade in learner.labs if grade.result.late}
    tags |= {"missing"} if learner.missing else set()
    tags |= {"error" for grade in learner.labs if grade.result.outcome is Outcome.ERROR}
    every = bool(learner.labs) and all(grade.result.outcome is Outcome.PASS for grade in learner.labs)
    tags.add("all" if every and not learner.missing else "open")
    if any(step.comment for grade in learner.labs for step in grade.steps) or learner.comment:
        tags.add("comment")
    return " ".join(sorted(tags))
