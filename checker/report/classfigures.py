"""What a class's page tells in figures: common findings, times, the spread of points, what a person has to see."""

from collections.abc import Iterable
from statistics import median
from typing import NamedTuple

from checker.base.plain import plain_line
from checker.base.results import Outcome
from checker.report.gradebook import columns
from checker.report.graded import Grades, LabGrade, Learner, StepGrade
from checker.report.wording import (
    percent,
    trouble,
)


class Column(NamedTuple):
    """One step in the heat map. first: whether a lab begins here."""

    lab: str
    step: str
    title: str
    first: bool


def columns_of(grades: Grades) -> list[Column]:
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


class Common(NamedTuple):
    """A finding and how many have it at this step. key: its letter in the heat map."""

    key: str
    code: str
    lab: str
    step: str
    having: int
    percent: float
    expected: str


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


def who(learner: Learner) -> str:
    return plain_line(learner.person.name or learner.person.identifier) or "?"


def seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def common_findings(grades: Grades) -> list[Common]:
    """Findings by how many learners have them, most first; each has a letter."""
    counts: dict[tuple[str, str, str], int] = {}
    expected: dict[tuple[str, str, str], str] = {}
    for _, grade, step in _each(grades):
        if step.report.untouched:  # nobody's mistake yet
            continue
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


def times(grades: Grades) -> list[Times]:
    taken: dict[tuple[str, str], list[tuple[float, str]]] = {}
    stopped: dict[tuple[str, str], int] = {}
    for learner, grade, step in _each(grades):
        if step.report.answer is None and not step.report.seconds:
            continue
        place = (grade.result.lab, step.report.step)
        run = step.report.answer
        seconds = step.report.seconds + (run.seconds if run else 0.0)
        taken.setdefault(place, []).append((seconds, who(learner)))
        stopped[place] = stopped.get(place, 0) + bool(run and run.timed_out)
    order = [(column.lab, column.step) for column in columns_of(grades)]
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


def tiles(grades: Grades) -> list[tuple[str, str]]:
    """Return what there is to know first: (number, what it counts)."""
    counted = [learner for learner in grades.learners if learner.max_points and learner.labs]
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


def spread(grades: Grades) -> list[tuple[str, int, float]]:
    """Return how many learners reached which tenth: (label, count, percent of the fullest)."""
    counts = [0] * 10
    for learner in grades.learners:
        if learner.max_points and learner.labs:  # who handed in nothing says nothing about the work
            counts[min(int(learner.percent // 10), 9)] += 1
    most = max(counts) or 1
    names = [f"{tenth * 10}–{tenth * 10 + 9 if tenth < 9 else '100'} %" for tenth in range(10)]
    return [(name, count, 100 * count / most) for name, count in zip(names, counts, strict=True)]


def attention(grades: Grades) -> Iterable[tuple[str, str, str]]:
    """Yield what a person has to look at: (what, who or where, anchor)."""
    for row, learner in enumerate(grades.learners):
        for number, grade in enumerate(learner.labs):
            anchor = f"l{row}-{number}"
            if grade.result.outcome is Outcome.ERROR:
                at_fault = [step.report.step for step in grade.steps if step.report.outcome is Outcome.ERROR]
                why = trouble(grade.result) or f"In error: {', '.join(map(plain_line, at_fault))}."
                yield why, f"{who(learner)}, {plain_line(grade.result.lab)}", anchor
            for warning in grade.result.warnings:
                yield warning, f"{who(learner)}, {plain_line(grade.result.lab)}", anchor
        if learner.missing:
            yield f"Not handed in: {', '.join(map(plain_line, learner.missing))}.", who(learner), f"l{row}"
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
