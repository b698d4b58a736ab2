"""Checks of the GitLab steps of lab 07: the pipeline is run for several pushes, and what counts is what lies in
the registry and what is deployed after each.

What is asked stands in `gitlabasks` and `gitlabdeploys`, the pushes in `gitlabpushes`.
"""

from collections.abc import Iterator, Mapping

import pytest

from checker.check import fail, step
from checker.lab.workspace import Workspace
from checker.pipelines.gitlab import advice, pipelineschema
from checker.pipelines.gitlab.pipelinefile import BadPipeline, PipelineFile
from checker.pipelines.gitlab.runner import FILE, GitLab
from checker.pipelines.pipelines import Pipelines
from checker.stack.trials import Trials
from gitlabasks import (
    require_branch_checked,
    require_branch_not_pushed,
    require_findings_stop,
    require_main_pushed,
    require_others_not_pushed,
    require_test_stops,
)
from gitlabdeploys import require_deployed, require_manifest
from gitlabpushes import Forge

__all__ = [
    "forge",
    "gitlab",
    "pipeline_file",
    "test_a_failing_test_stops_the_push",
    "test_a_finding_stops_the_push",
    "test_main_is_pushed_and_branches_are_not",
    "test_the_gitlab_pipeline_gives_nothing_away",
    "test_what_was_pushed_is_deployed",
]

Values = Mapping[str, str]


@pytest.fixture(scope="session")
def pipeline_file(workspace: Workspace) -> PipelineFile:
    """The learner's file, if GitLab would take it as far as its schema tells."""
    expected = f"{FILE} is a pipeline that GitLab can read."
    text = workspace.read(FILE)
    if text is None or not any(line.strip() and line.strip()[0] != "#" for line in text.splitlines()):
        fail(
            "pipeline-missing",
            expected=expected,
            observed="There is no such file." if text is None else "Nothing but comments stands in it.",
            action="Write its stages and one job for each.",
        )
    try:
        file = PipelineFile(text)
    except BadPipeline as error:
        fail(
            "pipeline-unreadable",
            expected=expected,
            observed=f"Line {error.line}, column {error.column}: {error.problem}.",
            action="Look at that line: two spaces for each level, no tabs, a colon and a blank after each key.",
        )
    if problems := pipelineschema.problems(file):
        shown = " ".join(f"Line {problem.line}: {problem.observed}" for problem in problems[:3])
        fail(
            "pipeline-not-by-the-schema",
            expected=expected,
            observed=shown,
            action="Compare the key with GitLab's reference; what does not exist there, GitLab refuses.",
        )
    return file


@pytest.fixture(scope="session")
def gitlab(pipelines: Pipelines) -> GitLab:
    return GitLab(pipelines.engine, pipelines.workspace)


@pytest.fixture(scope="session")
def forge(gitlab: GitLab, trials: Trials, values: Values, pipeline_file: PipelineFile) -> Iterator[Forge]:
    made = Forge(gitlab, trials, values, pipeline_file)
    yield made
    made.close()


# ---------------------------------------------------------------------------------------- 3 pipeline
# Must catch: a file that GitLab refuses; jobs that fail; nothing pushed on main, or something else, or elsewhere;
# anything pushed or deployed on a branch, for a tag or a merge request; a branch that is not built, tested, scanned.
# Must not fail: any names of stages and jobs, other jobs for branches than for main, only or rules, any tags,
# templates, a deployment that fails (that is the step deploy's).
@step("pipeline")
def test_main_is_pushed_and_branches_are_not(forge: Forge, values: Values) -> None:
    require_main_pushed(forge, values)
    require_branch_not_pushed(forge)
    require_branch_checked(forge)
    require_others_not_pushed(forge)


# -------------------------------------------------------------------------------------------- 4 gate
# Must catch: a test or scan that is left out, allowed to fail, or passes by itself; a push that does not wait; one
# severity of two; a scan that did not take place and is taken for one without findings.
# Must not fail: any scanner's exit code, reports that are read by another program, gates in one job or in several, a
# push in the job that tests and scans, a gate that stops more.
@step("gate")
def test_a_failing_test_stops_the_push(forge: Forge) -> None:
    require_test_stops(forge)


@step("gate")
def test_a_finding_stops_the_push(forge: Forge) -> None:
    require_findings_stop(forge)


# ------------------------------------------------------------------------------------------ 5 deploy
# Must catch: a manifest that no cluster takes; an image that is not set, not there, not the app, or may become another
# one; other names than the task's; a deployment that does not wait for the push.
# Must not fail: digest or tag, `set image`, `patch` or `apply`, any other objects in the manifest.
@step("deploy")
def test_what_was_pushed_is_deployed(forge: Forge, workspace: Workspace, values: Values) -> None:
    require_manifest(forge, workspace)
    require_deployed(forge, values)


# ------------------------------------------------------------------------------------------ 6 harden
# Must catch: a password on a command line, a secret in the file or in the log, images of jobs without a version.
# Must not fail: variables of the project's settings, whatever they are called.
@step("harden")
def test_the_gitlab_pipeline_gives_nothing_away(forge: Forge, workspace: Workspace) -> None:
    for found in advice.advice(forge.file, workspace.read):
        fail(found.code, expected=found.expected, observed=found.observed, action=found.action)
    if leaking := forge.leaking():
        fail(
            "pipeline-secret-in-the-log",
            expected="No job prints a secret.",
            observed=f"The log of a push to {leaking.outcome.ref.name} has the registry's password in it.",
            action="Do not echo it, and leave `set -x` and `env` out. What was printed once has to be replaced.",
        )
