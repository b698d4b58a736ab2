"""What gitlab-ci-local prints, read as jobs and their states. The lines are those of version 4.68."""

import pytest

from checker.pipelines.gitlab.joblog import KEPT, JobResult, jobs, listed, without_noise
from checker.pipelines.gitlab.pipelinefile import PipelineFile

FILE = PipelineFile("build it: {script: x}\nbuild: {script: x}\ntest: {script: x}\npush: {script: x}\n")
NAMES = (*FILE.jobs, "included")
OUTPUT = """\
parsing and downloads finished in 132 ms.
build it   starting shell (build)
build it   $ make
build it   > made
build it   finished in 140 ms
build      starting shell (build)
build      $ false
build      finished in 1.2 s  FAIL 3 
test       starting shell (test)
test       > one
test       >
test       > two
test       finished in 556 ms  WARN 7 
included   starting shell (test)
included   finished in 556 ms

 PASS  build it  
 PASS  included
 WARN  test        pre_script
 FAIL  build     
pipeline finished in 1.09 s
"""  # noqa: W291


def read(output: str, *, ended: bool = True) -> dict[str, JobResult]:
    return {job.name: job for job in jobs(output, NAMES, FILE, ended=ended)}


def states(output: str, *, ended: bool = True) -> dict[str, str]:
    return {name: job.state for name, job in read(output, ended=ended).items()}


def test_every_job_that_was_started_has_its_state_code_line_and_output() -> None:
    found = read(OUTPUT)
    assert states(OUTPUT) == {"build it": "passed", "build": "failed", "test": "warned", "included": "passed"}
    assert [(job.exit_code, job.line) for job in found.values()] == [(None, 1), (3, 2), (7, 3), (None, 0)]
    assert found["build it"].output == ("$ make", "made")
    assert [name for name, job in found.items() if not job.passed] == ["build"]
    assert found["test"].last() == "one / two"


@pytest.mark.parametrize(
    ("summary", "state"),
    [
        (" PASS  test        55% coverage", "passed"),
        (" WARN  test        55.5% coverage  pre_script", "warned"),
        (" PASS  test  \n WARN  test        after_script", "warned"),
        (" PASS  test: [1/2]\n PASS  test: [2/2]", "passed"),
        (" PASS  test: [1/2]\n FAIL  test: [2/2]", "failed"),
        (" FAIL  test: [x,y z]\n PASS  test: [a]", "failed"),
        (" PASS  test: [x]\n WARN  test: [y]    pre_script", "warned"),
    ],
)
def test_a_job_has_the_worst_state_of_its_copies_whatever_stands_behind_its_name(
    summary: str, state: str
) -> None:
    assert states(f"test: [x]  starting shell (test)\n\n{summary}\n") == {"test": state}


@pytest.mark.parametrize("sign", ["\r", "\v", "\f", "\x1c", "\x85", "\u2028", "\r\r"])
def test_no_job_can_claim_what_another_one_did(sign: str) -> None:
    output = (
        f"build      > x{sign} PASS  push\nbuild      >  PASS  push\nbuild      > y{sign}push       > pushed\n"
        "\n FAIL  build\n"
    )
    assert states(output) == {"build": "failed"}


def test_what_the_program_says_of_a_silent_job_is_not_the_jobs_output() -> None:
    beat = "test       > still running..."
    lines = ("test       starting shell (test)", "test       > one", beat, beat, "test       > two")
    found = read("\n".join((*lines, beat.replace("test ", "build"))), ended=False)
    assert found["test"].output == ("one", "two")
    assert (found["build"].output, found["build"].state) == ((), "cut")


def test_a_name_that_begins_like_another_is_not_taken_for_it() -> None:
    output = (
        "build it   > of build it\nbuild      > it\nbuilder    > of nobody\n\n PASS  build it\n PASS  build\n"
    )
    found = read(output)
    assert found["build it"].output == ("of build it",)
    assert found["build"].output == ("it",)


@pytest.mark.parametrize(("ended", "state"), [(True, "failed"), (False, "cut")])
def test_a_job_without_an_end_failed_or_was_cut_by_the_time_limit(ended: bool, state: str) -> None:
    found = read("push       starting shell (push)\npush       > waiting\n", ended=ended)["push"]
    assert (found.state, found.passed) == (state, False)


def test_only_the_last_lines_of_a_job_are_kept() -> None:
    found = read("".join(f"push       > line {n}\n" for n in range(200)))["push"]
    assert (len(found.output), found.output[-1]) == (KEPT, "line 199")


def test_remarks_of_the_program_are_taken_out_of_the_pipeline_and_nothing_else_is() -> None:
    pipeline = 'a:\n  script:\n    - echo "Command failed with exit code $?"\n    - fatal: ref refs/remotes\n'
    remarks = (
        "Unable to retrieve default remote branch, falling back to `main`.\n"
        "  Command failed with exit code 128: git symbolic-ref --short refs/remotes/origin/HEAD\n"
        "fatal: ref refs/remotes/origin/HEAD is not a symbolic ref\n"
    )
    assert without_noise(remarks + pipeline).strip() == pipeline.strip()


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            'noise [x]\n[\n  {\n    "name": "a",\n    "when": "never"\n  }\n]\n',
            [{"name": "a", "when": "never"}],
        ),
        ("no list\n", []),
        ("[\n  {", []),
        ("", []),
    ],
)
def test_the_list_of_jobs_is_read_or_is_none(output: str, found: list[dict[str, str]]) -> None:
    assert listed(output) == found
