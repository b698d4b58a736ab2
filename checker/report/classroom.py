"""GitHub Classroom's autograding form: what `autograding-grading-reporter` reads, for one learner's repository.

The reporter takes it as base64 from the variable `<RUNNER>_RESULTS`, adds up the scores and fails the job if
`status` is no pass. Tests without a score would make its sum NaN, so every test has one.
"""

import json
from typing import Any

from checker.base.plain import plain_line, unsafe_as_json
from checker.base.results import Outcome
from checker.report.feedback import NOT_YOURS, told
from checker.report.graded import LabGrade, Learner, StepGrade

STATUS = {Outcome.PASS: "pass", Outcome.FAIL: "fail", Outcome.SKIPPED: "fail", Outcome.ERROR: "error"}


def to_classroom(learner: Learner) -> bytes:
    """Return the form as JSON. Extra credit adds to the score and not to `max_score`."""
    several = len(learner.labs) > 1
    tests = [test for grade in learner.labs for test in _tests(grade, several=several)]
    tests += [
        _test(f"{plain_line(lab)}: not handed in", "fail", 0.0, "Nothing of this lab was there.")
        for lab in learner.missing
    ]
    statuses = {test["status"] for test in tests}
    form = {
        "version": 1,
        "status": next((status for status in ("error", "fail") if status in statuses), "pass"),
        "max_score": float(learner.max_points),
        "tests": tests,
    }
    return (unsafe_as_json(json.dumps(form, indent=2, ensure_ascii=False, allow_nan=False)) + "\n").encode()


def _tests(grade: LabGrade, *, several: bool) -> list[dict[str, Any]]:
    title = plain_line(grade.result.title)
    if not grade.steps:
        return [_test(title, "error", 0.0, NOT_YOURS)]
    tests = [_step(step, f"{title}: " if several else "") for step in grade.steps]
    if lost := grade.points - sum(step.points for step in grade.steps):
        # The reporter adds scores up and knows of no sum: what a late policy takes is a test of its own.
        tests.append(_test(f"{title}: late", "pass", float(lost), "\n".join(map(plain_line, grade.changes))))
    return tests


def _step(step: StepGrade, prefix: str) -> dict[str, Any]:
    name = f"{prefix}{plain_line(step.report.title or step.report.step)}"
    seconds = step.report.seconds + (step.report.answer.seconds if step.report.answer else 0.0)
    return _test(name, STATUS[step.report.outcome], float(step.points), told(step), seconds)


def _test(name: str, status: str, score: float, message: str, seconds: float = 0.0) -> dict[str, Any]:
    return {
        "name": name,
        "status": status,
        "score": score,
        "message": message or None,
        "test_code": "",
        "filename": "",
        "line_no": 0,
        "execution_time": f"{seconds:.3f}s",
    }
