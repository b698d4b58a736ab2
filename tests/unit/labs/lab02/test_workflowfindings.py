"""What is told of workflows before and after they run: files that GitHub refuses, and what did not arrive."""

from pathlib import Path

import pytest

import workflow as findings
from checker.check import CheckFailed
from checker.lab.workspace import Workspace
from checker.pipelines.github import lint
from checker.pipelines.github.actlog import JobRun, StepRun
from checker.pipelines.github.events import WorkflowEvent, push, push_tag
from checker.pipelines.github.runner import FOLDER, WorkflowOutcome, WorkflowRun
from checker.pipelines.github.workflowfile import parse
from checker.pipelines.github.workplace import _may_upload
from publication import NAMES_AN_ACCOUNT, Published, repository_of

RIGHT = """
name: Publish
on:
  push:
    branches: [main]
    tags: ["v*"]
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: docker/login-action@v3
        with:
          username: ${{ secrets.USER }}
          password: ${{ secrets.TOKEN }}
      - uses: docker/build-push-action@v6
        with:
          context: app
          push: true
          tags: tern/kettle:${{ github.ref_name }}
"""
RELEASE = push_tag("v17.3.44")


@pytest.fixture(autouse=True)
def quiet_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is needed here."""
    monkeypatch.setattr(lint, "_by_act", lambda path, text: iter(()))


def sound(place: Path, *texts: str) -> findings.Sound:
    folder = place / FOLDER
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"flow-{number}.yaml").write_text(text, encoding="utf-8")
    return findings.require_sound(Workspace(place))


def published(
    event: WorkflowEvent, *arrived: str, asked: tuple[str, ...] = (), runs: tuple[WorkflowRun, ...] = ()
) -> Published:
    run = WorkflowRun(path=f"{FOLDER}/flow-0.yaml", by="push", commit="0123456789abcdef", jobs=())
    tags = {"tern/kettle": arrived} if arrived else {}
    return Published(
        outcome=WorkflowOutcome(event=event, runs=runs or (run,)), arrived=tags, asked=asked or tuple(tags)
    )


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (RIGHT, "", "workflow-unreadable"),
        ("on:", "On:", "workflow-unreadable"),
        ("    steps", "\tsteps", "workflow-unreadable"),
        ("runs-on:", "run-on:", "workflow-invalid"),
        ('  push:\n    branches: [main]\n    tags: ["v*"]\n', "  release:\n", "workflow-not-on-push"),
        ("${{ secrets.TOKEN }}", "hunter2", "workflow-secret-in-file"),
        ("actions/checkout@v4", "actions/checkout", "workflow-action-without-version"),
    ],
)
def test_a_file_that_github_refuses_is_told(tmp_path: Path, before: str, after: str, code: str) -> None:
    assert before in RIGHT
    with pytest.raises(CheckFailed) as failed:
        sound(tmp_path, RIGHT.replace(before, after))
    assert failed.value.finding.code == code


@pytest.mark.parametrize("place", [".github/docker-publish.yml", ".github/workflows"])
def test_where_no_workflow_can_be_there_is_none(tmp_path: Path, place: str) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / place).write_text(RIGHT, encoding="utf-8")
    with pytest.raises(CheckFailed) as failed:
        findings.require_sound(Workspace(tmp_path))
    assert failed.value.finding.code == "workflow-missing"


def test_what_github_only_warns_of_is_kept_for_later(tmp_path: Path) -> None:
    found = sound(
        tmp_path, RIGHT.replace("push: true", "puhs: true"), "on: pull_request\njobs: {a: {uses: b}}\n"
    )

    assert [problem.code for problem in found.problems] == ["workflow-input-unknown"]
    assert (len(found.workflows), len(found.all)) == (1, 2)


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ("    branches: [main]\n", "", "workflow-without-the-branch"),
        ("branches: [main]", "branches: master", "workflow-without-the-branch"),
        ("branches: [main]", "branches-ignore: [m*]", "workflow-without-the-branch"),
        ('    tags: ["v*"]\n', "", "workflow-without-the-tags"),
        ('["v*"]', '["v1"]', "workflow-without-the-tags"),
        ('["v*"]', '["v*", "!v17*"]', "workflow-without-the-tags"),
    ],
)
def test_filters_that_leave_main_or_releases_out_are_told(
    tmp_path: Path, before: str, after: str, code: str
) -> None:
    assert before in RIGHT
    with pytest.raises(CheckFailed) as failed:
        findings.require_started(sound(tmp_path, RIGHT.replace(before, after)), push("main"), RELEASE)
    assert failed.value.finding.code == code


def test_only_what_a_filter_lets_through_is_tried_further(tmp_path: Path) -> None:
    found = sound(tmp_path, RIGHT.replace("[main]", "['m*', '!made']"))
    events = [push("made"), push("maintenance"), push("v1"), push_tag("1.0")]

    assert findings.starting(found, events) == [push("maintenance")]


@pytest.mark.parametrize(
    ("main", "release", "code"),
    [
        (published(push("main")), published(RELEASE), "workflow-does-not-push"),
        (published(push("main")), published(RELEASE, "v17.3.44"), "workflow-never-publishes-main"),
        (published(push("main"), "main"), published(RELEASE), "workflow-never-publishes-releases"),
        (
            published(push("main"), asked=("gull/kettle",)),
            published(RELEASE, asked=("gull/kettle",)),
            "workflow-names-another-image",
        ),
        (
            published(push("main"), "main", asked=("tern/kettle", "gull/kettle")),
            published(RELEASE, "v17.3.44"),
            "workflow-names-another-image",
        ),
    ],
)
def test_what_did_not_arrive_is_told_with_its_event(
    tmp_path: Path, main: Published, release: Published, code: str
) -> None:
    with pytest.raises(CheckFailed) as failed:
        findings.require_arrival(sound(tmp_path, RIGHT), main, release, "tern/kettle")
    finding = failed.value.finding
    assert finding.code == code
    assert "main" in finding.observed or "v17.3.44" in finding.observed


def test_a_run_that_failed_after_its_push_has_published(tmp_path: Path) -> None:
    step = StepRun(line=20, name="tell", conclusion="failure", log=("nobody there",))
    run = WorkflowRun(path="x", by="push", jobs=(JobRun(id="a", conclusion="failure", steps=(step,)),))
    main, release = published(push("main"), "main", runs=(run,)), published(RELEASE, "v17.3.44")

    findings.require_arrival(sound(tmp_path, RIGHT), main, release, "tern/kettle")


@pytest.mark.parametrize(
    "tags",
    [
        "v17.3.44",
        "17.3.44",
        "17.3",
        "v17",
        "17-3-44",
        "sha-0123456",
        "release-17.3.44-linux",
        "latest 17.3.44",
    ],
)
def test_a_tag_that_comes_from_the_release_will_do(tags: str) -> None:
    main, release = published(push("main"), "latest"), published(RELEASE, *tags.split())

    findings.require_tags_of_ref(main, release, "tern/kettle", "17.3.44")


@pytest.mark.parametrize(
    ("tags", "code"),
    [
        ("latest", "workflow-fixed-tag"),
        ("20261126101112", "workflow-tag-of-something-else"),
        ("3.44", "workflow-tag-of-something-else"),
    ],
)
def test_a_tag_that_comes_from_elsewhere_will_not(tags: str, code: str) -> None:
    main, release = published(push("main"), "latest"), published(RELEASE, tags)
    with pytest.raises(CheckFailed) as failed:
        findings.require_tags_of_ref(main, release, "tern/kettle", "17.3.44")
    assert failed.value.finding.code == code


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (push("try-out"), "workflow-publishes-every-branch"),
        (push_tag("1.2"), "workflow-publishes-other-tags"),
    ],
)
def test_what_is_not_to_be_published_is_told(event: WorkflowEvent, code: str) -> None:
    findings.require_nothing(published(event))
    with pytest.raises(CheckFailed) as failed:
        findings.require_nothing(published(event, "it"))
    assert failed.value.finding.code == code
    assert event.what in failed.value.finding.observed


def test_a_job_that_is_left_out_has_not_failed() -> None:
    run = WorkflowRun(path="x", by="push", jobs=())

    assert run.succeeded
    assert run.story("a push") == "In the run for a push the conditions left every job out."
    assert not WorkflowRun(path="x", by="push", jobs=(), errors=("it broke",)).succeeded


@pytest.mark.parametrize(
    ("top", "of_job", "may"),
    [
        ("", "", False),  # a new repository's token may only read
        ("permissions: {contents: read, security-events: write}", "", True),
        ("permissions: write-all", "", True),
        ("permissions: read-all", "", False),
        ("permissions: {}", "", False),
        ("permissions: {contents: read}", "permissions: {security-events: write}", True),
        ("permissions: write-all", "permissions: {contents: write}", False),
        ("", "permissions: write-all", True),
        ("permissions: {security-events: write}", "permissions: {}", False),
    ],
)
def test_only_a_token_with_the_right_may_upload(top: str, of_job: str, may: bool) -> None:
    workflow = parse(f"on: push\n{top}\njobs:\n  a:\n    runs-on: x\n    {of_job}\n    steps: [{{run: x}}]\n")
    assert _may_upload(workflow, workflow.jobs[0]) is may


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("tern/kettle:1", "tern/kettle"),
        ("docker.io/tern/kettle", "tern/kettle"),
        ("kettle:1", "library/kettle"),
        ("ghcr.io/tern/kettle:1", "ghcr.io/tern/kettle"),
        ("no name at all", "no name at all"),
    ],
)
def test_an_image_goes_where_its_name_says(name: str, repository: str) -> None:
    assert repository_of(name) == repository


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("DOCKERHUB_USERNAME", True),
        ("DOCKER_USER", True),
        ("HUB_ACCOUNT", True),
        ("DOCKERHUB_TOKEN", False),
        ("DOCKER_PASSWORD", False),
        ("HUB_PAT", False),
    ],
)
def test_a_secrets_name_says_what_it_holds(name: str, account: bool) -> None:
    assert bool(NAMES_AN_ACCOUNT.search(name)) is account
