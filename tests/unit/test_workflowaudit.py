"""What is unsafe in a workflow, and what only looks so."""

import pytest

from checker.looks.workflowaudit import concerns, mutable, secrets_named
from checker.looks.workflowfile import parse

TOP = "on: {on}\npermissions:\n  contents: read\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n"


def told(step: str, on: str = "push", **needles: str) -> list[tuple[str, int]]:
    """Code and line of everything unsafe in a workflow with this step, which begins in line 8."""
    text = TOP.format(on=on) + "".join(f"      {line}\n" for line in step.splitlines())
    return [(concern.code, concern.line) for concern in concerns("it.yml", parse(text), needles)]


@pytest.mark.parametrize(
    "expression",
    [
        "github.event.pull_request.title",
        "github.event.pull_request.body",
        "github.event.pull_request.head.ref",
        "github.event.pull_request.head.label",
        "github.event.issue.title",
        "github.event.comment.body",
        "github.event.review.body",
        "github.event.head_commit.message",
        "github.event.commits[0].message",
        "github.event.commits.*.author.name",
        "github.event.pages[0].page_name",
        "github.event.workflow_run.head_branch",
        "github.head_ref",
        "format('{0}', github.event.issue.body)",
    ],
)
def test_text_of_strangers_in_a_script_is_unsafe(expression: str) -> None:
    assert told(f'- run: echo "${{{{ {expression} }}}}"') == [("workflow-untrusted-expression", 8)]


@pytest.mark.parametrize(
    "expression",
    [
        "github.ref_name",
        "github.sha",
        "github.event.number",
        "github.event.pull_request.number",
        "github.event.pull_request.head.sha",
        "github.event.repository.name",
        "env.TITLE",
        "steps.meta.outputs.tags",
        "matrix.python",
    ],
)
def test_what_only_we_can_fill_is_safe_in_a_script(expression: str) -> None:
    assert told(f'- run: echo "${{{{ {expression} }}}}"') == []


def test_text_of_strangers_is_safe_in_env_and_in_a_condition() -> None:
    step = (
        "- run: echo \"$TITLE\"\n  if: contains(github.event.pull_request.title, 'x')\n  env:\n"
        "    TITLE: ${{ github.event.pull_request.title }}"
    )
    assert told(step) == []


def test_the_line_is_that_of_the_script_where_it_stands() -> None:
    step = "- name: x\n  run: |\n    make\n    echo ${{ github.event.issue.title }}\n    make install"
    assert told(step) == [("workflow-untrusted-expression", 11)]


@pytest.mark.parametrize(
    "ref", ["master", "main", "HEAD", "latest", "release/v1", "v1-beta-branch/x", "dev", "abc123"]
)
def test_a_branch_of_an_action_can_be_moved(ref: str) -> None:
    assert mutable(ref)
    assert told(f"- uses: aquasecurity/trivy-action@{ref}") == [("workflow-action-mutable", 8)]


@pytest.mark.parametrize("ref", ["v4", "v4.2.2", "0.32.0", "1", "v2.0.0-rc.1", "a" * 40])
def test_a_version_or_a_commit_is_no_branch(ref: str) -> None:
    assert told(f"- uses: actions/checkout@{ref}") == []


def test_an_action_of_the_repository_itself_needs_no_version() -> None:
    assert told("- uses: ./.github/actions/build") == []


@pytest.mark.parametrize(
    "step",
    [
        "- uses: actions/checkout@v4\n  with:\n    ref: ${{ github.event.pull_request.head.sha }}",
        "- uses: actions/checkout@v4\n  with:\n    ref: refs/pull/${{ github.event.number }}/merge",
        "- run: gh pr checkout 7",
    ],
)
def test_a_strangers_code_beside_the_secrets_is_unsafe(step: str) -> None:
    (found,) = told(step, on="pull_request_target")
    assert found[0] == "workflow-pull-request-target"
    assert told(step, on="pull_request") == []


def test_pull_request_target_without_the_strangers_code_is_safe() -> None:
    assert told("- uses: actions/checkout@v4", on="pull_request_target") == []


@pytest.mark.parametrize(
    "step",
    [
        "- uses: docker/login-action@v3\n  with:\n    username: ada\n    password: lovelace",
        "- run: docker login -u ada -p lovelace",
        "- run: docker login --username=ada --password=lovelace",
        "- run: make\n  env:\n    API_TOKEN: lovelace",
        f"- run: echo dckr_pat_{'a' * 27} > token",
        f"- run: make TOKEN=ghp_{'a' * 36}",
        "- run: curl --user ada:countess x",
    ],
)
def test_a_secret_in_the_file_is_told_with_its_step(step: str) -> None:
    assert ("workflow-secret-in-file", 8) in told(step, password="countess")


@pytest.mark.parametrize(
    "step",
    [
        "- uses: docker/login-action@v3\n  with:\n    password: ${{ secrets.DOCKERHUB_TOKEN }}",
        '- run: printf %s "$TOKEN" | docker login --username ada --password-stdin\n  env:\n'
        "    TOKEN: ${{ secrets.DOCKERHUB_TOKEN }}",
        '- run: echo "${{ secrets.DOCKERHUB_TOKEN }}" | docker login -u ada --password-stdin',
        "- run: make\n  env:\n    PASSWORD: ''",
    ],
)
def test_the_name_of_a_secret_is_no_secret(step: str) -> None:
    assert told(step) == []


def test_a_password_as_an_argument_is_seen_by_every_process() -> None:
    step = "- run: docker login -u ada -p ${{ secrets.DOCKERHUB_TOKEN }}"
    assert told(step) == [("workflow-secret-as-argument", 8)]


def test_a_secret_that_is_printed_stands_in_the_log() -> None:
    assert told("- run: echo ${{ secrets.DOCKERHUB_TOKEN }}") == [("workflow-secret-in-log", 8)]
    assert told("- run: echo ${{ secrets.DOCKERHUB_TOKEN }} > token") == []


@pytest.mark.parametrize(
    ("top", "job", "codes"),
    [
        ("", "", ["workflow-without-permissions"]),
        ("permissions: {}\n", "", []),
        ("permissions: read-all\n", "", []),
        ("permissions: write-all\n", "", ["workflow-permissions-wide"]),
        ("permissions:\n  contents: read\n", "", []),
        ("", "    permissions:\n      contents: read\n", []),
        ("permissions: write-all\n", "    permissions:\n      contents: read\n", []),
        ("permissions: read-all\n", "    permissions: write-all\n", ["workflow-permissions-wide"]),
    ],
)
def test_the_job_token_should_be_told_what_it_may(top: str, job: str, codes: list[str]) -> None:
    text = f"on: push\n{top}jobs:\n  one:\n    runs-on: x\n{job}    steps:\n      - run: make\n"
    assert [concern.code for concern in concerns("it.yml", parse(text))] == codes


def test_the_secrets_that_are_named_are_known_with_their_lines() -> None:
    text = (
        "on: push\nenv:\n  A: ${{ secrets.OF_ALL }}\njobs:\n  one:\n    runs-on: x\n    steps:\n"
        "      - run: make ${{ secrets.IN_A_SCRIPT }}\n      - uses: a/b@v1\n        with:\n"
        "          token: ${{ secrets['IN_WITH'] }}\n"
    )
    assert secrets_named(parse(text)) == {"IN_A_SCRIPT": 8, "OF_ALL": 8, "IN_WITH": 9}
