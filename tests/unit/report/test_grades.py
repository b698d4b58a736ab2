"""Points under an instructor's rules: every change has a reason, and none changes the report."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.base.results import Finding, LabReport, Missing, Outcome, Person, Report, StepReport, Versions
from checker.report import jsonform
from checker.report.grades import grade, person_of, shown
from checker.report.gradingrules import parse

DUE = "2026-03-01T12:00:00Z"


def found(code: str) -> Finding:
    return Finding(code=code, expected="", observed="", action="")


def step(name: str, points: int, maximum: int, *codes: str, outcome: Outcome | None = None) -> StepReport:
    return StepReport(
        step=name,
        title=name,
        outcome=outcome or (Outcome.FAIL if codes else Outcome.PASS),
        points=points,
        max_points=maximum,
        findings=tuple(found(code) for code in codes),
    )


def result(*steps: StepReport, who: str = "ada", at: str = "", lab: str = "01-names") -> LabReport:
    return LabReport(
        lab=lab,
        title="Names",
        path=f"in/{who}/{lab}",
        steps=steps,
        versions=Versions(),
        person=Person(identifier=who),
        submitted_at=at,
    )


def report(*results: LabReport, missing: tuple[Missing, ...] = ()) -> Report:
    return Report(mode="replay", generated_at=DUE, results=results, due=DUE, missing=missing)


def test_without_rules_every_point_counts_as_it_is(class_report: Report) -> None:
    graded = grade(class_report)

    assert [(lab.points, lab.max_points) for lab in graded.labs] == [(20, 50), (20, 20), (0, 0)]
    assert not any(lab.explained for lab in graded.labs)


def test_weights_of_step_and_lab_multiply() -> None:
    rules = parse("[labs.01]\nweight = 2\n[labs.01.steps.a]\nweight = 1.5")

    lab = grade(report(result(step("a", 10, 10), step("b", 0, 5, "wrong"))), rules).labs[0]

    assert (lab.points, lab.max_points, lab.percent) == (30, 40, 75)
    assert lab.explained == (
        "a: 10 of 10 becomes 30 of 30: it counts 3 times.",
        "b: 0 of 5 becomes 0 of 10: it counts 2 times.",
    )


PARTIAL = """\
[[labs.01.steps.a.partial]]
finding = "tags-differ"
costs_percent = 40
reason = "Most tags are right."
[[labs.01.steps.a.partial]]
finding = "too-large"
costs_percent = 25.5
reason = "It works, but is large."
"""


@pytest.mark.parametrize(
    ("codes", "points"),
    [
        (["tags-differ"], "6"),
        (["tags-differ", "too-large"], "3.45"),
        (["tags-differ", "tags-differ"], "6"),
        (["tags-differ", "not-pushed"], "0"),
    ],
)
def test_partial_credit_is_what_the_findings_leave(codes: list[str], points: str) -> None:
    lab = grade(report(result(step("a", 0, 10, *codes))), parse(PARTIAL)).labs[0]

    assert shown(lab.points) == points
    assert bool(lab.explained) == (points != "0")


def test_partial_credit_says_why() -> None:
    lab = grade(report(result(step("a", 0, 10, "tags-differ"))), parse(PARTIAL)).labs[0]

    assert lab.explained == ("a: 0 becomes 6 of 10: tags-differ costs 40 %. Most tags are right.",)


def test_skipped_and_error_never_earn_partial_credit() -> None:
    steps = (
        step("a", 0, 10, "tags-differ", outcome=Outcome.SKIPPED),
        step("a", 0, 0, "tags-differ", outcome=Outcome.ERROR),
    )

    assert grade(report(result(*steps)), parse(PARTIAL)).labs[0].points == 0


LATE = "[late]\ngrace_minutes = 30\npercent_per_day = 20\nkeep_percent = 50"


@pytest.mark.parametrize(
    ("at", "points", "why"),
    [
        ("2026-03-01T12:00:00Z", "10", None),
        ("2026-03-01T12:30:00Z", "10", "It was late, but within the 30 minutes of grace."),
        ("2026-03-01T12:30:01Z", "8", "10 becomes 8: it was late by 1 day begun, which leaves 80 %."),
        ("2026-03-02T12:00:01Z", "6", "10 becomes 6: it was late by 2 days begun, which leaves 60 %."),
        ("2026-04-01T12:00:00Z", "5", "10 becomes 5: it was late by 31 days begun, which leaves 50 %."),
        ("", "10", None),
    ],
)
def test_late_costs_by_the_day_begun_after_the_grace(at: str, points: str, why: str | None) -> None:
    lab = grade(report(result(step("a", 10, 10), at=at)), parse(LATE)).labs[0]

    assert shown(lab.points) == points
    assert lab.changes == ((why,) if why else ())


def test_extra_credit_adds_points_and_is_needed_by_nobody() -> None:
    rules = parse("[labs.01.steps.b]\nextra_credit = true")
    with_it = grade(report(result(step("a", 10, 10), step("b", 5, 5))), rules).labs[0]
    without = grade(report(result(step("a", 10, 10), step("b", 0, 5, "x"))), rules).labs[0]

    assert (with_it.points, with_it.max_points, with_it.percent) == (15, 10, 150)
    assert (without.points, without.max_points, without.percent) == (10, 10, 100)


def test_a_cap_limits_the_percentage_and_not_the_points() -> None:
    rules = parse("cap_percent = 110\n[labs.01.steps.b]\nextra_credit = true")
    graded = grade(report(result(step("a", 10, 10), step("b", 5, 5))), rules)

    assert (graded.labs[0].points, graded.labs[0].percent) == (15, 110)
    assert graded.learners[0].percent == 110


def test_what_is_missing_counts_with_no_points() -> None:
    bo = Person(identifier="bo", name="Bo")
    missing = (Missing(person=bo, labs=("01-names",)),)
    graded = grade(report(result(step("a", 10, 10)), missing=missing))

    assert [(one.person.identifier, one.points, one.max_points) for one in graded.learners] == [
        ("ada", 10, 10),
        ("bo", 0, 10),
    ]


def test_labs_of_one_person_are_added_and_a_second_try_is_a_row_of_its_own() -> None:
    graded = grade(
        report(
            result(step("a", 10, 10)),
            result(step("a", 0, 10, "x"), lab="02-hub"),
            result(step("a", 0, 10, "x")),
        )
    )

    assert [(one.points, one.max_points, len(one.labs)) for one in graded.learners] == [
        (10, 20, 2),
        (0, 10, 1),
    ]


@pytest.mark.parametrize(
    ("path", "who"),
    [
        ("submissions/zoë/01-names", "zoë"),
        ("zoë", "zoë"),
        ("./01-names", "01-names"),
        ("a\\b\\01-names", "b"),
        ("/", "/"),
        ("", "?"),
    ],
)
def test_where_nothing_says_whose_it_is_the_folder_does(path: str, who: str) -> None:
    bare = LabReport(lab="01-names", title="", path=path, steps=(), versions=Versions())

    assert person_of(bare).identifier == who


def test_a_percentage_is_cut_and_never_rounded_up() -> None:
    lab = grade(report(result(step("a", 99_999, 100_000)))).labs[0]

    assert shown(lab.percent) == "99.99"


@given(
    points=st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=6),
    weight=st.decimals("0", "10", places=2),
    cost=st.decimals("0", "100", places=1),
    hours=st.integers(-50, 500),
)
def test_rules_never_change_the_report_and_what_is_shown_adds_up(
    points: list[tuple[int, bool]], weight: Decimal, cost: Decimal, hours: int
) -> None:
    from datetime import datetime, timedelta

    at = (datetime.fromisoformat(DUE) + timedelta(hours=hours)).isoformat()
    steps = [step(f"s{n}", p if ok else 0, p, *([] if ok else ["x"])) for n, (p, ok) in enumerate(points)]
    raw = report(result(*steps, at=at))
    before = jsonform.to_json(raw)
    rules = parse(
        f"[late]\npercent_per_day = {cost}\n[labs.01]\nweight = {weight}\n"
        f'[[labs.01.steps.s0.partial]]\nfinding = "x"\ncosts_percent = {cost}\nreason = "r"'
    )

    lab = grade(raw, rules).labs[0]

    assert jsonform.to_json(raw) == before
    assert lab.max_points == sum(one.max_points for one in lab.steps)
    assert 0 <= lab.points <= lab.max_points
    if hours <= 0:
        assert lab.points == sum(one.points for one in lab.steps)
    for one in lab.steps:
        assert one.changes or one.points == one.report.points
    assert lab.changes or lab.points == sum(one.points for one in lab.steps)
