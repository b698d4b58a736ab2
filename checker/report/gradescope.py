"""Gradescope's `results.json`: what an autograder there leaves behind for one submission.

Form: https://gradescope-autograders.readthedocs.io/en/latest/specs/ . Every text says it is plain text, which
Gradescope escapes; what is for staff alone is `hidden`.
"""

import json
from typing import Any

from checker.base.plain import plain, plain_line, unsafe_as_json
from checker.base.results import Outcome
from checker.report.feedback import summary, told
from checker.report.graded import LabGrade, Learner, StepGrade
from checker.report.grades import shown
from checker.report.wording import described, trouble

STATUS = {Outcome.PASS: "passed", Outcome.FAIL: "failed", Outcome.SKIPPED: "failed"}


def to_gradescope(learner: Learner) -> bytes:
    """Return one learner's results. The score is the sum, so an assignment there has the labs' points."""
    several = len(learner.labs) > 1
    tests = [
        test
        for grade in learner.labs
        for step in grade.steps
        for test in _tests(grade, step, several=several)
    ]
    tests += [note for grade in learner.labs for note in _for_staff(grade)]
    said = [text for grade in learner.labs if (text := summary(grade))]
    form = {
        "score": float(learner.points),
        "execution_time": round(sum(grade.result.seconds for grade in learner.labs)),
        "output": "\n\n".join([f"{shown(learner.points)} of {shown(learner.max_points)} points.", *said]),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
    }
    return (unsafe_as_json(json.dumps(form, indent=2, ensure_ascii=False, allow_nan=False)) + "\n").encode()


def _tests(grade: LabGrade, step: StepGrade, *, several: bool) -> list[dict[str, Any]]:
    name = plain_line(step.report.title or step.report.step)
    test = {
        "name": f"{plain_line(grade.result.title)}: {name}" if several else name,
        "name_format": "text",
        "score": float(step.points),
        "max_score": 0.0 if step.extra_credit else float(step.max_points),
        "output": told(step),
        "output_format": "text",
        "tags": [plain_line(found.code) for found in step.report.findings],
        "visibility": "visible",
    }
    if status := STATUS.get(step.report.outcome):
        test["status"] = status
    if step.report.outcome is not Outcome.ERROR:
        return [test]
    hidden = {"name": f"{name} (staff)", "output": described(step.report), "output_format": "text"}
    return [test, {**hidden, "name_format": "text", "visibility": "hidden"}]


def _for_staff(grade: LabGrade) -> list[dict[str, Any]]:
    notes = [plain(warning).strip() for warning in grade.result.warnings]
    if why := trouble(grade.result):
        notes.insert(0, why)
    return [
        {
            "name": f"{plain_line(grade.result.title)} (staff)",
            "name_format": "text",
            "output": note,
            "output_format": "text",
            "visibility": "hidden",
        }
        for note in notes
    ]
