"""What act says while it runs a workflow, as jobs and steps."""

import json
from typing import Any

import pytest

from checker.pipelines.github.actlog import LOG_LINES, ActLog, JobRun

STEPS = {"build": [("0", 5, "checkout"), ("meta", 6, "Tags"), ("2", 9, "make")]}


def said(**about: Any) -> str:
    return json.dumps({"jobID": "build", **about})


def step(key: str, result: str, **more: Any) -> str:
    return said(stepID=[key], stepResult=result, stage="Main", **more)


def read(*lines: str) -> tuple[ActLog, tuple[JobRun, ...]]:
    log = ActLog()
    for line in lines:
        log.add(line)
    return log, log.jobs(STEPS)


def test_a_job_has_its_steps_in_the_files_order_with_their_logs() -> None:
    log, (job,) = read(
        said(msg="⭐ Run Main make", stepID=["2"]),
        said(msg="made\n", stepID=["2"], raw_output=True),
        step("0", "success"),
        step("2", "failure"),
        said(jobResult="failure"),
    )
    assert [(run.line, run.name, run.conclusion) for run in job.steps] == [
        (5, "checkout", "success"),
        (6, "Tags", "skipped"),
        (9, "make", "failure"),
    ]
    assert (job.conclusion, job.steps[2].log, log.output) == ("failure", ("made",), ["made"])
    assert job.failed is job.steps[2]


@pytest.mark.parametrize(
    ("lines", "conclusion"),
    [
        ([said(jobResult="success")], "success"),
        ([said(jobResult="failure")], "failure"),
        ([said(jobResult="failed")], "failure"),
        ([said(jobResult="skipped")], "skipped"),
        ([said(msg="begun")], "cancelled"),
    ],
)
def test_a_job_ends_as_act_says_or_was_cancelled(lines: list[str], conclusion: str) -> None:
    _, (job,) = read(*lines)
    assert job.conclusion == conclusion
    assert job.failed is None


def test_a_step_that_had_begun_when_the_job_was_ended_is_cancelled_and_a_later_one_skipped() -> None:
    _, (job,) = read(step("0", "success"), said(msg="waiting", stepID=["meta"], raw_output=True))
    assert [run.conclusion for run in job.steps] == ["success", "cancelled", "skipped"]


@pytest.mark.parametrize(
    "line",
    [
        said(stepID=["2"], stepResult="failure", stage="Post"),
        said(stepID=["2"], stepResult="failure", stage="Pre"),
        said(stepID=["2", "inner"], stepResult="failure", stage="Main"),
    ],
)
def test_what_comes_before_after_or_inside_a_step_does_not_decide_about_it(line: str) -> None:
    _, (job,) = read(step("2", "success"), line, said(jobResult="success"))
    assert job.steps[2].conclusion == "success"


def test_runs_of_a_matrix_are_jobs_of_their_own() -> None:
    _, runs = read(
        said(matrix={"node": 20}, jobResult="success"),
        said(matrix={"node": 22}, msg="x", stepID=["0"], raw_output=True),
        said(matrix={"node": 22}, jobResult="failure"),
    )
    assert [(run.matrix, run.conclusion) for run in runs] == [
        ({"node": "20"}, "success"),
        ({"node": "22"}, "failure"),
    ]
    assert runs[0].steps[0].log == ()


def test_complaints_of_act_are_kept_apart_from_what_steps_print() -> None:
    log, (job,) = read(
        "Error: workflow is not valid",
        "",
        json.dumps({"level": "error", "msg": "no such event"}),
        json.dumps({"level": "info", "msg": "fine"}),
        said(level="error", msg="job broke"),
        said(level="error", msg="step broke", stepID=["0"]),
        said(msg="Error: mine", stepID=["0"], raw_output=True),
        "[1]",
    )
    assert log.errors == ["workflow is not valid", "no such event", "job broke"]
    assert job.steps[0].log == ("step broke", "Error: mine")


def test_a_step_that_prints_without_end_keeps_its_first_lines() -> None:
    _, (job,) = read(*(said(msg=f"{n}", stepID=["0"], raw_output=True) for n in range(LOG_LINES + 50)))
    assert (len(job.steps[0].log), job.steps[0].log[-1]) == (LOG_LINES, str(LOG_LINES - 1))
