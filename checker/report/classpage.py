"""One page of a whole class: who, which step, which finding, and every learner's answers below.

A single file that loads nothing and runs nothing. Jinja escapes all that is put in, and `finalize` makes it
harmless to look at before, so that no place in the template can forget either. A content security policy in the
page says once more that there is no script.
"""

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from checker.grades import Grades, LabGrade, Learner, StepGrade, shown
from checker.model import Outcome
from checker.report.feedback import NOT_YOURS
from checker.report.gradebook import columns
from checker.report.plain import plain, plain_line, tail
from checker.report.wording import (
    SYMBOLS,
    ending,
    part_of_class,
    parts,
    percent,
    remarks,
    trouble,
    versions,
)

TEMPLATES = Path(__file__).with_name("templates")
OUTPUT_LINES = 40
UPRIGHT = 12
"""With more columns than these the steps' names stand upright."""

_CODE = re.compile(r"`([^`\n]+)`")


class Column(NamedTuple):
    """One step in the heat map. first: whether a lab begins here."""

    lab: str
    step: str
    title: str
    first: bool


class Common(NamedTuple):
    """A finding and how many have it at this step. key: its letter in the heat map."""

    key: str
    code: str
    lab: str
    step: str
    having: int
    percent: float
    expected: str


class Cell(NamedTuple):
    """One learner's step in the heat map. keys: letters of the findings; words: the same for a screen reader."""

    outcome: str
    symbol: str
    keys: str
    words: str
    points: str
    anchor: str


class Times(NamedTuple):
    """How long answers and checks of one step took over the class, in seconds."""

    lab: str
    step: str
    middle: float
    longest: float
    who: str
    runs: int
    percent: float
    stopped: int


def to_html(grades: Grades, *, title: str = "Class report") -> str:
    """Return the page. title: its heading."""
    steps = _columns(grades)
    common = _common(grades)
    keys = {(entry.lab, entry.step, entry.code): entry.key for entry in common}
    context: dict[str, Any] = {
        "title": title,
        "report": grades.report,
        "columns": steps,
        "labs": columns(grades),
        "upright": len(steps) > UPRIGHT,
        "common": common,
        "times": _times(grades),
        "tiles": _tiles(grades),
        "spread": _spread(grades),
        "rows": [
            (learner, [_cell(learner, number, column, keys) for column in steps])
            for number, learner in enumerate(grades.learners)
        ],
        "attention": list(_attention(grades)),
    }
    return environment().get_template("classpage.html.j2").render(context)


def to_feedback(learner: Learner, *, title: str = "Feedback") -> str:
    """Return a page for one learner: what practice shows, what the rules did, and nothing that is for staff."""
    return environment().get_template("feedback.html.j2").render(title=title, learner=learner)


@cache
def environment() -> Environment:
    """Templates in which everything is escaped, and nothing that is missing goes unnoticed."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_harmless,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        line=plain_line,
        prose=_prose,
        shown=shown,
        seconds=_seconds,
        who=_who,
        tail=lambda text: tail(text, OUTPUT_LINES),
        part_of_class=part_of_class,
        parts=parts,
        remarks=remarks,
        ending=ending,
        percent=lambda value: percent(float(value)),
        trouble=trouble,
        versions=versions,
    )
    made.globals.update(Outcome=Outcome, SYMBOLS=SYMBOLS, NOT_YOURS=NOT_YOURS)
    made.globals["css"] = Markup((TEMPLATES / "classpage.css").read_text(encoding="utf-8"))  # noqa: S704
    return made


def _harmless(value: object) -> object:
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _prose(text: str) -> Markup:
    """Foreign text in which backticks set off code. Escaped first: nothing between them can be markup."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(plain(text).strip()))))  # noqa: S704


def _who(learner: Learner) -> str:
    return plain_line(learner.person.name or learner.person.identifier) or "?"


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def _columns(grades: Grades) -> list[Column]:
    titles = {
        (grade.result.lab, step.report.step): step.report.title
        for grade in grades.labs
        for step in grade.steps
    }
    return [
        Column(lab.lab, step, titles[lab.lab, step], number == 0)
        for lab in columns(grades)
        for number, step in enumerate(lab.steps)
    ]


def _each(grades: Grades) -> Iterable[tuple[Learner, LabGrade, StepGrade]]:
    for learner in grades.learners:
        for grade in learner.labs:
            for step in grade.steps:
                yield learner, grade, step


def _common(grades: Grades) -> list[Common]:
    """Findings by how many learners have them, most first; each has a letter."""
    counts: dict[tuple[str, str, str], int] = {}
    expected: dict[tuple[str, str, str], str] = {}
    for _, grade, step in _each(grades):
        for found in {found.code: found for found in reversed(step.report.findings)}.values():
            place = (grade.result.lab, step.report.step, found.code)
            counts[place] = counts.get(place, 0) + 1
            expected.setdefault(place, found.expected)
    order = sorted(counts, key=lambda place: (-counts[place], place))
    everybody = max(len(grades.learners), 1)
    return [
        Common(
            letters(number), code, lab, step, counts[place], 100 * counts[place] / everybody, expected[place]
        )
        for number, place in enumerate(order)
        for lab, step, code in [place]
    ]


def letters(number: int) -> str:
    """`A` for 0, `Z` for 25, `AA` for 26, like the columns of a spreadsheet."""
    name = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _cell(learner: Learner, row: int, column: Column, keys: dict[tuple[str, str, str], str]) -> Cell:
    grade = learner.lab(column.lab)
    steps = grade.steps if grade else ()
    at = next((number for number, step in enumerate(steps) if step.report.step == column.step), None)
    if grade and trouble(grade.result):
        return Cell(
            Outcome.ERROR, SYMBOLS[Outcome.ERROR], "", "error", "", f"l{row}-{learner.labs.index(grade)}"
        )
    if grade is None or at is None:
        words = "not handed in" if column.lab in learner.missing else "not graded" if grade else "nothing"
        return Cell("none", "", "", words, "", f"l{row}")
    step = steps[at]
    codes = list(dict.fromkeys(found.code for found in step.report.findings))
    lab = learner.labs.index(grade)
    partial = step.report.outcome is Outcome.FAIL and step.points > 0
    return Cell(
        outcome=step.report.outcome,
        symbol=SYMBOLS[step.report.outcome],
        keys=" ".join(keys[column.lab, column.step, code] for code in codes),
        words=f"{step.report.outcome}{': ' if codes else ''}{', '.join(map(plain_line, codes))}",
        points=f"{shown(step.points)}/{shown(step.max_points)}" if partial else "",
        anchor=f"l{row}-{lab}-{at}",
    )


def _times(grades: Grades) -> list[Times]:
    taken: dict[tuple[str, str], list[tuple[float, str]]] = {}
    stopped: dict[tuple[str, str], int] = {}
    for learner, grade, step in _each(grades):
        if step.report.answer is None and not step.report.seconds:
            continue
        place = (grade.result.lab, step.report.step)
        run = step.report.answer
        seconds = step.report.seconds + (run.seconds if run else 0.0)
        taken.setdefault(place, []).append((seconds, _who(learner)))
        stopped[place] = stopped.get(place, 0) + bool(run and run.timed_out)
    order = [(column.lab, column.step) for column in _columns(grades)]
    middles = {place: median(seconds for seconds, _ in runs) for place, runs in taken.items()}
    most = max(middles.values(), default=0.0) or 1.0
    return [
        Times(
            lab=place[0],
            step=place[1],
            middle=middles[place],
            longest=max(taken[place])[0],
            who=max(taken[place])[1],
            runs=len(taken[place]),
            percent=100 * middles[place] / most,
            stopped=stopped[place],
        )
        for place in order
        if place in taken
    ]


def _tiles(grades: Grades) -> list[tuple[str, str]]:
    """What there is to know first: (number, what it counts)."""
    counted = [learner for learner in grades.learners if learner.max_points]
    percents = [learner.percent for learner in counted]
    perfect = sum(
        bool(learner.labs)
        and not learner.missing
        and all(grade.result.outcome is Outcome.PASS for grade in learner.labs)
        for learner in grades.learners
    )
    wrong = sum(grade.result.outcome is Outcome.ERROR for grade in grades.labs)
    late = sum(bool(grade.result.late) for grade in grades.labs)
    return [
        (str(len(grades.learners)), "learner" if len(grades.learners) == 1 else "learners"),
        (str(perfect), "passed every step"),
        (percent(float(median(percents))) if percents else "–", "median"),
        (str(wrong), "with an error of the machine"),
        (str(sum(bool(learner.missing) for learner in grades.learners)), "with something missing"),
        (str(late), "handed in late"),
    ]


def _spread(grades: Grades) -> list[tuple[str, int, float]]:
    """How many learners reached which tenth: (label, count, percent of the fullest)."""
    counts = [0] * 10
    for learner in grades.learners:
        if learner.max_points:
            counts[min(int(learner.percent // 10), 9)] += 1
    most = max(counts) or 1
    names = [f"{tenth * 10}–{tenth * 10 + 9 if tenth < 9 else '100'} %" for tenth in range(10)]
    return [(name, count, 100 * count / most) for name, count in zip(names, counts, strict=True)]


def _attention(grades: Grades) -> Iterable[tuple[str, str, str]]:
    """What a person has to look at: (what, who or where, anchor)."""
    for row, learner in enumerate(grades.learners):
        for number, grade in enumerate(learner.labs):
            anchor = f"l{row}-{number}"
            if grade.result.outcome is Outcome.ERROR:
                at_fault = [step.report.step for step in grade.steps if step.report.outcome is Outcome.ERROR]
                why = trouble(grade.result) or f"In error: {', '.join(map(plain_line, at_fault))}."
                yield why, f"{_who(learner)}, {plain_line(grade.result.lab)}", anchor
            for warning in grade.result.warnings:
                yield warning, f"{_who(learner)}, {plain_line(grade.result.lab)}", anchor
        if learner.missing:
            yield f"Not handed in: {', '.join(map(plain_line, learner.missing))}.", _who(learner), f"l{row}"
    for path in grades.report.unmatched:
        yield "Nobody on the roster is the author of this.", plain_line(path), ""
    for alike in grades.report.alike:
        where = ", ".join(map(plain_line, alike.paths))
        yield (
            f"Answers to {plain_line(alike.step)} that are {alike.percent:.0f} % the same: worth comparing, "
            "and no verdict.",
            where,
            "",
        )
