"""What is wrong with a workflow before it runs: keys, expressions, actions and their inputs."""

import pytest

from checker.pipelines.github import lint
from checker.pipelines.github.lint import problems
from checker.pipelines.github.standins import TABLE
from checker.programs import tools

SOUND = """\
name: Publish
on:
  push:
    branches: [main]
    tags: ['v*']
permissions:
  contents: read
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v3
      - name: Log in
        if: github.event_name != 'pull_request'
        uses: docker/login-action@v2
        with:
          username: ${{ secrets.DOCKERHUB_USERNAME }}
          password: ${{ secrets.DOCKERHUB_TOKEN }}
      - id: meta
        uses: docker/metadata-action@v4
        with:
          images: ada/shop
      - uses: docker/build-push-action@v4
        with:
          context: .
          push: true
          tags: ${{ steps.meta.outputs.tags }}
"""


@pytest.fixture(autouse=True)
def quiet_act(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is needed here, except where a test asks for it."""
    monkeypatch.setattr(lint, "_by_act", lambda path, text: iter(()))


def test_a_sound_workflow_has_nothing_wrong() -> None:
    assert problems("it.yml", SOUND) == []


@pytest.mark.parametrize(
    "on",
    [
        "{push: {branches: main, tags: 'v*'}}",
        "{push: {branches-ignore: old, paths: 'app/**'}}",
        "{push: {}}",
        "{push: null}",
        "[push, pull_request]",
        "{pull_request: {types: opened, branches: main}}",
        "{workflow_run: {workflows: Test, types: completed}}",
        "{release: {types: published}}",
        "&on {push: {branches: &names [main], tags: ['v*', '!v0*']}, pull_request: {branches: *names}}",
    ],
)
def test_on_may_be_written_in_every_form_that_github_takes(on: str) -> None:
    assert (
        problems("it.yml", SOUND.replace(SOUND[SOUND.index("on:") : SOUND.index("jobs:")], f"on: {on}\n"))
        == []
    )


@pytest.mark.parametrize(
    "on",
    [
        "{push: {branches: {main: true}}}",
        "{push: {branches: []}}",
        "{push: {branches: ''}}",
        "{push: {branches: main, branches-ignore: old}}",
        "{push: {branches: [[main]]}}",
    ],
)
def test_other_forms_of_on_are_told(on: str) -> None:
    text = SOUND.replace(SOUND[SOUND.index("on:") : SOUND.index("jobs:")], f"on: {on}\n")
    assert [problem.code for problem in problems("it.yml", text)][:1] == ["workflow-invalid"]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "code", "says"),
    [
        ("branches: [main]", "brances: [main]", 4, "workflow-invalid", "did you mean branches?"),
        ("runs-on:", "run-on:", 10, "workflow-invalid", "did you mean runs-on?"),
        ("steps:", "step:", 11, "workflow-invalid", "did you mean steps?"),
        ("if:", "iff:", 14, "workflow-invalid", "did you mean if?"),
        ("id: meta", "id: [meta]", 19, "workflow-invalid", "should stand a text"),
        ("contents: read", "contents: all", 7, "workflow-invalid", "it can be read, write, none"),
        ("  push:\n    branches: [main]\n    tags: ['v*']\n", "  pusch:\n", 3, "workflow-invalid", "pusch"),
        ("jobs:", "job:", 8, "workflow-invalid", "did you mean jobs?"),
        ("context: .", "contexts: .", 25, "workflow-input-unknown", "did you mean context?"),
        ("tags: ${{", "tag: ${{", 27, "workflow-input-unknown", "did you mean tags?"),
        ("username: ", "user: ", 17, "workflow-input-unknown", "no input user"),
        (
            "docker/login-action@v2",
            "docker/loginaction@v2",
            15,
            "workflow-action-unknown",
            "docker/login-action",
        ),
        ("docker/login-action@v2", "some/other@v2", 15, "workflow-action-unknown", "no action some/other."),
        ("actions/checkout@v3", "actions/checkout", 12, "workflow-action-without-version", "no version"),
        ("    runs-on:", "    container: node:20\n    runs-on:", 10, "workflow-not-offered", "container"),
        ("name: Publish", "name: [", 3, "workflow-unreadable", "."),
        ("on:\n", "\ton:\n", 2, "workflow-unreadable", "."),
    ],
)
def test_what_is_wrong_is_told_with_its_line(right: str, wrong: str, line: int, code: str, says: str) -> None:
    assert right in SOUND
    first = problems("it.yml", SOUND.replace(right, wrong, 1))[0]
    assert (first.line, first.code) == (line, code), first
    assert says in first.observed


@pytest.mark.skipif(bool(tools.missing(["act"])), reason="act is not fetched yet")
@pytest.mark.parametrize(
    ("right", "wrong", "line", "says"),
    [
        ("github.event_name", "githb.event_name", 14, "githb"),
        ("${{ steps.meta.outputs.tags }}", "${{ steps.meta.outputs.tags | x }}", 27, "Failed to parse"),
        ("${{ secrets.DOCKERHUB_TOKEN }}", "${{ secrts.DOCKERHUB_TOKEN }}", 18, "secrts"),
    ],
)
def test_an_expression_that_cannot_be_read_is_told_with_its_line(
    monkeypatch: pytest.MonkeyPatch, right: str, wrong: str, line: int, says: str
) -> None:
    monkeypatch.undo()
    (only,) = problems("it.yml", SOUND.replace(right, wrong, 1))
    assert only.line == line
    assert says in only.observed


DOCUMENTED = {
    "actions/checkout": "repository ref token path fetch-depth submodules lfs clean persist-credentials",
    "docker/login-action": "registry username password ecr logout",
    "docker/setup-qemu-action": "image platforms",
    "docker/setup-buildx-action": "version driver driver-opts buildkitd-flags install use endpoint",
    "docker/metadata-action": "images tags flavor labels sep-tags sep-labels bake-target context",
    "docker/build-push-action": "context file push load tags labels build-args platforms cache-from cache-to "
    "target pull no-cache outputs provenance sbom secrets ssh network",
    "aquasecurity/trivy-action": "scan-type image-ref scan-ref format output exit-code severity template "
    "input ignore-unfixed vuln-type skip-dirs timeout trivyignores scanners limit-severities-for-sarif",
    "github/codeql-action/upload-sarif": "sarif_file category token ref sha checkout_path",
}


@pytest.mark.parametrize(("action", "inputs"), DOCUMENTED.items())
def test_stand_ins_take_the_documented_inputs_and_no_others(action: str, inputs: str) -> None:
    assert [name for name in inputs.split() if not TABLE[action].takes(name)] == []
    assert TABLE[action].takes(inputs.split()[0].upper())
    assert not TABLE[action].takes("no-such-input")


@pytest.mark.parametrize("ref", ["v2", "v5", "master", "8f4b7f84864484a7bf31766abe9204da3cbe65b3"])
def test_a_stand_in_answers_to_every_ref(ref: str) -> None:
    assert problems("it.yml", SOUND.replace("actions/checkout@v3", f"actions/checkout@{ref}")) == []
