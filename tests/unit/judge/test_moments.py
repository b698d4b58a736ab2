"""A step passes when it was as asked right after its answer and after the last one; a finding says which it was not."""

import pytest

from checker.base.results import Finding, Outcome, StepReport
from checker.judge.moments import both

POINTS = 10


def seen(outcome: str, *codes: str) -> StepReport:
    findings = tuple(
        Finding(code=code, expected="This.", observed=f"{code} was seen.", action="Do.") for code in codes
    )
    points = POINTS if outcome == "pass" else 0
    return StepReport(
        step="push", title="Push", outcome=Outcome(outcome), points=points, max_points=POINTS, findings=findings,
        seconds=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "wanted"),
    [
        ("pass", "pass", "pass"),
        ("pass", "skipped", "skipped"),
        ("skipped", "pass", "skipped"),
        ("pass", "error", "error"),
        ("error", "pass", "error"),
        ("error", "skipped", "error"),
        ("pass", "fail", "fail"),
        ("fail", "pass", "fail"),
        ("fail", "error", "fail"),
        ("error", "fail", "fail"),
        ("skipped", "fail", "fail"),
    ],
)
def test_the_graver_of_two_outcomes_counts(first: str, last: str, wanted: str) -> None:
    codes = {"fail": ("no",)}

    verdict = both(seen(first, *codes.get(first, ())), seen(last, *codes.get(last, ())))

    assert str(verdict.outcome) == wanted
    assert verdict.points == (POINTS if wanted == "pass" else 0)
    assert verdict.seconds == 2.0


def test_a_finding_of_one_moment_says_which() -> None:
    [first] = both(seen("fail", "no"), seen("pass")).findings
    [last] = both(seen("pass"), seen("fail", "no")).findings

    assert first.observed.startswith("Right after this step's answer: no was seen.")
    assert "not any more: no was seen." in last.observed
    assert (first.code, last.code) == ("no", "no")


def test_a_finding_of_both_moments_is_told_once_and_as_it_is() -> None:
    [finding] = both(seen("fail", "no"), seen("fail", "no")).findings

    assert finding.observed == "no was seen."


def test_where_the_moments_give_two_reasons_the_one_that_practice_shows_counts() -> None:
    assert [one.code for one in both(seen("fail", "early"), seen("fail", "late")).findings] == ["early"]
