"""The forms of Gradescope, GitHub Classroom and GitLab: their fields, their sums, and nothing for strangers."""

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from checker.base.results import LabReport, Outcome, Report
from checker.report.classroom import to_classroom
from checker.report.codequality import to_codequality
from checker.report.graded import Learner
from checker.report.grades import grade
from checker.report.gradescope import to_gradescope
from checker.report.gradingrules import parse

LATE = "[late]\npercent_per_day = 10\n"


def learner(report: Report, rules: str = "") -> Learner:
    return grade(report, parse(rules)).learners[0]


def strings(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for item in value.values() for text in strings(item)]
        case list():
            return [text for item in value for text in strings(item)]
        case _:
            return []


@pytest.fixture
def late_report(sample: LabReport, sample_report: Report) -> Report:
    late = msgspec.structs.replace(sample, submitted_at="2026-01-31T12:00:00Z", late=True)
    return msgspec.structs.replace(sample_report, results=(late,), due="2026-01-30T12:00:00Z")


def test_golden(
    sample_report: Report, class_report: Report, golden: Callable[[str, str | bytes], None]
) -> None:
    golden("sample.gradescope.json", to_gradescope(learner(sample_report)))
    golden("sample.classroom.json", to_classroom(learner(sample_report)))
    golden("class.codequality.json", to_codequality(class_report))


def test_gradescope_sums_up_what_its_tests_say(sample_report: Report) -> None:
    form = json.loads(to_gradescope(learner(sample_report)))
    scored = [test for test in form["tests"] if "score" in test]

    assert form["score"] == sum(test["score"] for test in scored) == 20
    assert [test.get("status") for test in scored] == ["passed", "passed", "failed", "failed", None]
    assert {test["output_format"] for test in form["tests"]} == {"text"}


def test_gradescope_shows_staff_alone_what_is_the_machines(
    sample_report: Report, class_report: Report
) -> None:
    for one in grade(class_report).learners:
        form = json.loads(to_gradescope(one))
        shown = [test for test in form["tests"] if test["visibility"] == "visible"]
        text = "\n".join([*strings(shown), form["output"]])
        for secret in ("stopped answering", "conftest", "Docker 20.10", "submissions/"):
            assert secret not in text
    hidden = [
        test["output"]
        for test in json.loads(to_gradescope(learner(sample_report)))["tests"]
        if test["visibility"] == "hidden"
    ]
    assert "The registry stopped answering at 127.0.0.1:5000." in hidden[0]
    assert "conftest.py" in hidden[1]


def test_classroom_sums_up_what_its_tests_say(late_report: Report) -> None:
    form = json.loads(to_classroom(learner(late_report, LATE)))

    assert form["version"] == 1
    assert form["status"] == "error"
    assert form["max_score"] == 50
    assert sum(test["score"] for test in form["tests"]) == 18
    assert form["tests"][-1]["name"] == "Names and tags: late"
    assert form["tests"][-1]["score"] == -2


def test_classroom_has_a_score_for_every_test(class_report: Report) -> None:
    for one in grade(class_report).learners:
        form = json.loads(to_classroom(one))
        assert all(isinstance(test["score"], float) for test in form["tests"])
        assert form["tests"]


def test_a_perfect_learner_passes(class_report: Report) -> None:
    ada = next(one for one in grade(class_report).learners if one.person.identifier == "ada")

    assert json.loads(to_classroom(ada))["status"] == "pass"
    assert to_codequality(msgspec.structs.replace(class_report, results=class_report.results[1:2])) == b"[]\n"


def test_code_quality_names_answer_and_finding_and_never_one_print_twice(class_report: Report) -> None:
    twice = msgspec.structs.replace(class_report, results=class_report.results * 2)
    issues = json.loads(to_codequality(twice, answers={"01-names-and-tags": {"release": "steps/release.sh"}}))

    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == 8
    first = issues[0]
    assert first["check_name"] == "tags-differ"
    assert first["severity"] == "major"
    assert first["location"] == {
        "path": "submissions/zoë/01-names-and-tags/steps/release.sh",
        "lines": {"begin": 1},
    }


def test_code_quality_says_the_same_of_the_same_finding_next_time(class_report: Report) -> None:
    later = msgspec.structs.replace(class_report, generated_at="2027-01-31T09:30:00Z")

    assert to_codequality(class_report) == to_codequality(later)


@pytest.mark.parametrize("form", ["gradescope", "classroom", "codequality"])
def test_hostile_text_is_harmless_in_every_form(hostile_report: Report, form: str) -> None:
    made = {
        "gradescope": lambda: to_gradescope(learner(hostile_report)),
        "classroom": lambda: to_classroom(learner(hostile_report)),
        "codequality": lambda: to_codequality(hostile_report),
    }[form]()

    assert json.loads(made)
    for text in [*strings(json.loads(made)), made.decode()]:
        assert not set(text) & set("\x00\x07\x1b\x7f\x9b\u202e\ufffe")


def test_partial_credit_is_explained_to_the_learner(sample_report: Report) -> None:
    rules = (
        '[[labs.01.steps.release.partial]]\nfinding = "tags-differ"\ncosts_percent = 40\n'
        'reason = "Three of four tags are right."'
    )
    form = json.loads(to_gradescope(learner(sample_report, rules)))

    release = form["tests"][2]
    assert release["score"] == 9
    assert "0 becomes 9 of 15: tags-differ costs 40 %. Three of four tags are right." in release["output"]


def test_no_outcome_is_forgotten() -> None:
    from checker.report import classroom, codequality, gradescope

    assert set(classroom.STATUS) == set(Outcome)
    assert set(gradescope.STATUS) == set(Outcome) - {Outcome.ERROR}
    assert set(codequality.SEVERITY) == set(Outcome) - {Outcome.PASS}
