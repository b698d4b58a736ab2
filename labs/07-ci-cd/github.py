"""Checks of the steps publish, scan and harden, as far as they are about GitHub workflows.

For checks.py: `from github import *` brings the tests and their fixture (`__all__`). Needed of lab.toml: the
values ACCOUNT, PROJECT and GREETING; the steps publish (.github/workflows/docker-publish.yml), scan
(.github/workflows/security-scan.yml) and harden; the tools act and trivy. The starter has app/Dockerfile; its
image holds app/site/index.html with the greeting, and app/packages where Trivy looks for libraries.

To be told to learners: the repository on GitHub is ACCOUNT/PROJECT, and so is the image on Docker Hub; its
secrets are DOCKERHUB_USERNAME and DOCKERHUB_TOKEN, and no others. The events are a push to main, a push of a
release's tag (v and three numbers), a push to a feature branch and a pull request from a fork.

What counts is what a run left in the registry, never what it printed.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack

import pytest

from checker.check import fail, step
from checker.lab.workspace import Workspace
from checker.pipelines.github import audit
from checker.pipelines.github.lint import problems
from checker.pipelines.github.workflowfile import parse
from checker.pipelines.pipelines import Pipelines
from checker.pipelines.problem import FileProblem
from checker.stack.trials import Trials
from githubasks import (
    SECRET_IN_FILE,
    refuse,
    reports,
    require_image,
    require_reports,
    require_run,
    require_secrets,
    require_sound,
    rules,
    skip_unless_sound,
)
from githubruns import PLANTED, PUBLISH, SCAN, GitHub, listed, shown

__all__ = [
    "github",
    "test_a_pull_request_from_a_fork_publishes_nothing_and_passes",
    "test_it_publishes_main_and_releases_and_no_other_branch",
    "test_nothing_in_the_workflows_is_unsafe",
    "test_the_scan_of_pushes_and_pull_requests_is_uploaded",
    "test_the_workflow_that_publishes_is_one",
    "test_the_workflow_that_scans_is_one",
]


@pytest.fixture(scope="session")
def github(pipelines: Pipelines, trials: Trials, values: Mapping[str, str]) -> Iterator[GitHub]:
    with ExitStack() as closing:
        yield GitHub(pipelines, trials, values, closing)


# ----------------------------------------------------------------------------------------- 1 publish
# Must catch: no file, no YAML, keys and inputs that nobody knows, expressions that cannot be read, a secret
# in the file, a secret that the repository does not have.
# Must not fail: any version of the actions, docker commands instead of actions, several jobs.
@step("publish")
def test_the_workflow_that_publishes_is_one(github: GitHub) -> None:
    require_sound(github, PUBLISH)
    require_secrets(github, PUBLISH)


# Must catch: filters or conditions that leave main or releases out, or let other branches in; a build not pushed,
# or goes elsewhere; an image of other files; a release that has no tag of its own; steps in the wrong order.
# Must not fail: more tags, tags with or without the v, pull requests that are built as well, `docker push`.
@step("publish")
def test_it_publishes_main_and_releases_and_no_other_branch(github: GitHub) -> None:
    skip_unless_sound(github, PUBLISH)
    main = github.main(PUBLISH)
    require_run(main, "publish-not-started", "branches below push, with main in its list")
    require_image(github, main)
    release = github.release(PUBLISH)
    require_run(release, "publish-not-started", "tags below push, with a quoted pattern such as 'v*'")
    require_image(github, release)
    tags = release.pushed.get(release.project, {})
    if not any(github.version in tag for tag in tags):
        fail(
            "release-without-its-version",
            expected=f"The git tag v{github.version} gives the image a tag with {github.version} in it.",
            observed=f"It pushed {listed(tags)}.",
            action="Make the tag out of the git tag: docker/metadata-action with type=semver does, and so "
            "does ${{ github.ref_name }}.",
        )
    if not set(main.pushed.get(main.project, {})) - set(tags):
        fail(
            "main-and-release-the-same",
            expected="main and a release have different tags, so that main never overwrites a release.",
            observed=f"Both pushed {listed(tags)}.",
            action="Make the tag out of the branch or tag that was pushed.",
        )
    for other in github.others(PUBLISH):
        if pushed := other.pushed:
            fail(
                "branch-published",
                expected="A push to a branch other than main publishes nothing.",
                observed=f"On {other.what} it pushed {shown(pushed)}.",
                action="Name the branches below push: without a list every one counts.",
            )


# Must catch: a run for a fork's pull request that fails since it has no secrets, or that pushes with them.
# Must not fail: a workflow that does not run for pull requests at all.
@step("publish")
def test_a_pull_request_from_a_fork_publishes_nothing_and_passes(github: GitHub) -> None:
    skip_unless_sound(github, PUBLISH)
    fork = github.fork(PUBLISH)
    if pushed := fork.pushed:
        fail(
            "fork-published",
            expected="A pull request from a fork publishes nothing.",
            observed=f"It pushed {shown(pushed)}.",
            action="Build it without pushing: push: ${{ github.event_name == 'push' }}. And never let the "
            "code of a fork run on pull_request_target.",
        )
    if fork.run and not fork.run.succeeded:
        fail(
            "fork-fails",
            expected="The run for a pull request from a fork passes: without secrets it logs in nowhere.",
            observed=fork.story,
            action="Give the steps that need secrets the condition if: github.event_name != 'pull_request', "
            "or leave pull_request out.",
        )


# -------------------------------------------------------------------------------------------- 2 scan
# Must catch, as above: what is no workflow.
@step("scan")
def test_the_workflow_that_scans_is_one(github: GitHub) -> None:
    require_sound(github, SCAN)
    require_secrets(github, SCAN)


# Must catch: no run for pushes to main or for pull requests; no SARIF, SARIF that is none, SARIF of another
# image than the one that this run built; a token that may not upload; a severity or an exception that leaves
# a HIGH or a CRITICAL finding out; a gate that ends the job before the report is uploaded; a report written by
# hand; a scan that pushes.
# Must not fail: a scan in the same job as the build or after it, with a gate or without, a run that fails
# because of the finding once the report is uploaded, and more reports, of whatever else.
@step("scan")
def test_the_scan_of_pushes_and_pull_requests_is_uploaded(github: GitHub) -> None:
    skip_unless_sound(github, SCAN)
    for happened, hint in (
        (github.main(SCAN), "push below on, with main among its branches"),
        (github.fork(SCAN), "pull_request below on"),
    ):
        run = require_run(happened, "scan-not-started", hint)
        if pushed := happened.pushed:
            fork = run.by.startswith("pull_request")
            fail(
                "fork-published" if fork else "scan-publishes",
                expected=f"The scan publishes nothing, and so it is for {happened.what}.",
                observed=f"It pushed {shown(pushed)}.",
                action="Scan what was built where it lies, and push nothing.",
            )
        require_reports(happened, run)
    require_findings(github)


def require_findings(github: GitHub) -> None:
    """That the report has what is in a vulnerable image, also where that fails the run."""
    happened = github.fork(SCAN, planted=True)
    run = happened.run
    if run is None:
        fail(
            "scan-not-started",
            expected="A pull request starts the scan.",
            observed=happened.why_not,
            action="It needs pull_request below on.",
        )
    found = [rule for report in reports(run) for rule in rules(report)]
    missing = [name for name in PLANTED if name not in found]
    if not missing:
        return
    severity, package, version = PLANTED[missing[0]]
    expected = f"With {package} {version} in the image the report has {missing[0]}, which is {severity}."
    if not run.uploads:
        fail(
            "report-lost-at-the-gate",
            expected=expected,
            observed=f"Nothing was uploaded. {happened.story}",
            action="A scan that fails ends the job: give the step that uploads if: always().",
        )
    fail(
        "scan-finds-too-little",
        expected=expected,
        observed=f"It has {listed(found) if found else 'no finding at all'}.",
        action="Scan the image that this run built, with the severities HIGH and CRITICAL at least.",
    )


# ------------------------------------------------------------------------------------------ 6 harden
# Must catch: a token without limits, a branch of an action, strangers' text in a script, a fork's code beside
# the secrets, a password as argument or in the file, a secret that any run printed.
# Must not fail: versions instead of commits, permissions of each job instead of the file's, secrets in env.
@step("harden")
def test_nothing_in_the_workflows_is_unsafe(github: GitHub, workspace: Workspace) -> None:
    texts = github.texts()
    for path in (PUBLISH, SCAN):
        require_sound(github, path)
    found: list[FileProblem] = []
    for path, text in texts.items():
        if not problems(path, text):
            found += [
                concern
                for concern in audit.concerns(path, parse(text), {"the token": github.token}, workspace.read)
                if concern.code != SECRET_IN_FILE or path not in (PUBLISH, SCAN)  # those steps tell it
            ]
    if found:
        refuse(sorted(found, key=lambda concern: (concern.code == "workflow-without-permissions", concern)))
    for path in (PUBLISH, SCAN):
        github.main(path)
    runs = [run for happened in github.everything() for run in happened.runs]
    if printed := [concern for run in runs for concern in run.concerns if concern.code == audit.IN_LOG]:
        refuse(printed)
