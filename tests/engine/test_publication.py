"""Workflows that publish, really run: every right way passes, each wrong one is told by what was seen of it."""

from pathlib import Path

import pytest

import workflow as findings
from checker.base.results import Finding
from checker.check import CheckFailed
from checker.engine.connection import Engine
from checker.lab.workspace import Workspace
from checker.pipelines.github.events import push, push_tag
from checker.pipelines.github.runner import FOLDER
from checker.pipelines.pipelines import Pipelines
from checker.programs import tools
from checker.stack.trials import Trials
from publication import Publisher
from tests.pipelines import lay_out_app

pytestmark = pytest.mark.engine

RELEASE = "17.3.44"
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
          username: ${{ secrets.DOCKER_USER }}
          password: ${{ secrets.DOCKER_PASSWORD }}
      - id: meta
        uses: docker/metadata-action@v5
        with:
          images: ada/kettle
      - uses: docker/build-push-action@v6
        with:
          context: app
          push: true
          tags: ${{ steps.meta.outputs.tags }}
"""
FILTERS = '  push:\n    branches: [main]\n    tags: ["v*"]\n'
BY_HAND = """
on:
  push:
    branches: main
    tags: v[0-9]+.[0-9]+.[0-9]+
env:
  IMAGE: ada/kettle
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo "$TOKEN" | docker login --username ada --password-stdin
        env:
          TOKEN: ${{ secrets.TOKEN }}
      - run: echo "TAG=${GITHUB_REF_NAME#v}" >> "$GITHUB_ENV"
      - run: |
          docker build --tag "$IMAGE:$TAG" app
          docker push "$IMAGE:$TAG"
"""
IN_TWO_JOBS = """
on: push
jobs:
  name:
    runs-on: ubuntu-latest
    if: github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v')
    outputs:
      image: ${{ steps.it.outputs.image }}
    steps:
      - id: it
        run: echo "image=${{ github.repository }}:${{ github.ref_name }}" >> "$GITHUB_OUTPUT"
  publish:
    needs: name
    runs-on: ${{ matrix.on }}
    strategy:
      matrix:
        on: [ubuntu-latest]
        folder: [app]
    steps:
      - uses: docker/login-action@v3
        with: {username: "${{ vars.DOCKERHUB_USERNAME }}", password: "${{ secrets.DOCKERHUB_TOKEN }}"}
      - uses: docker/build-push-action@v6
        with:
          context: "{{defaultContext}}:${{ matrix.folder }}"
          outputs: type=registry
          tags: ${{ needs.name.outputs.image }}
      - run: curl --fail http://127.0.0.1:9/tell-somebody
"""
IN_TWO_FILES = (
    RIGHT.replace('    tags: ["v*"]\n', ""),
    RIGHT.replace("    branches: [main]\n", "").replace(
        "          context: app", "          context: ./app/"
    ),
)

CALLED = (
    RIGHT[: RIGHT.index("    runs-on")] + f"    uses: ./{FOLDER}/flow-1.yaml\n    secrets: inherit\n",
    RIGHT.replace(FILTERS, "  workflow_call:\n"),
)


def judged(engine: Engine, place: Path, *texts: str) -> Finding | None:
    """The finding for workflows of these texts; None if they publish what they should."""
    lay_out_app(place / "app", "Welcome\n")
    (place / FOLDER).mkdir(parents=True)
    for number, text in enumerate(texts):
        (place / FOLDER / f"flow-{number}.yaml").write_text(text, encoding="utf-8")
    workspace = Workspace(place)
    release = push_tag(f"v{RELEASE}")
    with Trials(engine, place) as trials:
        try:
            sound = findings.require_sound(workspace)
            findings.require_started(sound, push("main"), release)
            publisher = Publisher(Pipelines(engine, workspace), trials, "ada", "kettle")
            seen = [
                publisher.on(event, sound.workflows, sound.all.values()) for event in (push("main"), release)
            ]
            findings.require_arrival(sound, *seen, publisher.project)
            registry = publisher.registry
            for published in seen:
                findings.require_app(
                    published,
                    publisher.project,
                    lambda tag: any(
                        b"Welcome" in file.data
                        for image in registry.images(publisher.project, tag)
                        for file in image.files()
                    ),
                )
            findings.require_tags_of_ref(*seen, publisher.project, RELEASE)
            for event in findings.starting(sound, (push("maintenance"), push("v1/fix"), push_tag("1.2.3"))):
                findings.require_nothing(publisher.on(event, sound.workflows, sound.all.values()))
        except CheckFailed as failed:
            return failed.finding
    return None


@pytest.fixture(scope="module", autouse=True)
def act() -> None:
    tools.ensure(["act"], print, may_install=True)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param((RIGHT,), id="as in tutorials"),
        pytest.param((BY_HAND,), id="docker in scripts, filters as one text, a tag from GITHUB_ENV"),
        pytest.param((IN_TWO_JOBS,), id="a condition instead of filters, the name through needs, a matrix"),
        pytest.param(IN_TWO_FILES, id="a file for main and one for releases"),
        pytest.param(CALLED, id="a workflow that calls another"),
        pytest.param(
            (RIGHT, "on: pull_request\njobs: {a: {runs-on: x, steps: [{run: make}]}}\n"), id="one beside it"
        ),
        pytest.param(
            (RIGHT.replace(FILTERS, "  push: &it\n    branches: [main, 'r*', '!r*']\n    tags: ['v**']\n"),),
            id="patterns that take away again",
        ),
        pytest.param(
            (RIGHT.replace("push: true", "push: ${{ github.event_name == 'push' }}"),), id="an expression"
        ),
        pytest.param(
            (
                RIGHT.replace(
                    "          context: app", "          context: ${{ github.server_url }}/ada/kettle.git#${{ "
                    "github.ref }}:app"
                ).replace("      - uses: actions/checkout@v4\n", ""),
            ),
            id="a context of git",
        ),
        pytest.param(
            (
                RIGHT.replace("images: ada/kettle", "images: ada/${{ github.event.repository.name }}").replace(
                    "    steps:\n",
                    "    steps:\n      - uses: docker/setup-qemu-action@v3\n"
                    "      - uses: docker/setup-buildx-action@v3\n",
                    1,
                ),
            ),
            id="a builder",
        ),
        pytest.param(
            (RIGHT.replace("${{ steps.meta.outputs.tags }}", "ada/kettle:${{ github.sha }},ada/kettle:latest"),),
            id="tags of the commit",
        ),
    ],
)  # fmt: skip
def test_every_right_way_passes(engine: Engine, tmp_path: Path, texts: tuple[str, ...]) -> None:
    assert judged(engine, tmp_path, *texts) is None


@pytest.mark.parametrize(
    ("before", "after", "code", "says"),
    [
        (FILTERS, "  push: {}\n", "workflow-publishes-every-branch", "a push to the branch maintenance"),
        ("branches: [main]", "branches: [main, 'v*/*']", "workflow-publishes-every-branch", "v1/fix"),
        ('"v*"', '"*.*.*"', "workflow-publishes-other-tags", "On a push of the tag 1.2.3 arrived"),
        ("push: true", "push: ${{ github.event_name == 'release' }}", "workflow-does-not-push", "no step"),
        ("push: true", "puhs: true", "workflow-does-not-push", "did you mean push?"),
        (
            "push: true",
            "push: ${{ github.ref == 'refs/heads/main' }}",
            "workflow-never-publishes-releases",
            f"On a push of the tag v{RELEASE} nothing arrived",
        ),
        (
            "    runs-on",
            "    if: github.ref_type == 'tag'\n    runs-on",
            "workflow-never-publishes-main",
            "On a push to the branch main nothing arrived: the conditions left every job out.",
        ),
        (
            "      - uses: docker/build-push-action@v6",
            "      - if: false\n        uses: docker/build-push-action@v6",
            "workflow-does-not-push",
            "the condition of the step 'docker/build-push-action' in line 20 left it out.",
        ),
        ("ada/kettle", "gull/kettle", "workflow-names-another-image", "the run pushed gull/kettle"),
        ("ada/kettle", "kettle", "workflow-names-another-image", "the run pushed library/kettle"),
        ("ada/kettle", "ada/kettle-two", "workflow-names-another-image", "nothing to ada/kettle."),
        ("ada/kettle", "ghcr.io/ada/kettle", "workflow-names-another-image", "ghcr.io/ada/kettle"),
        (
            "images: ada/kettle",
            "images: |\n            ada/kettle\n            ada/pot",
            "workflow-names-another-image",
            "ada/pot beside ada/kettle.",
        ),
        ("username: ${{ secrets.DOCKER_USER }}", "registry: ghcr.io", "workflow-run-failed", "Username"),
        ("${{ secrets.DOCKER_PASSWORD }}", "hunter2", "workflow-secret-in-file", "password"),
        ("${{ secrets.DOCKER_PASSWORD }}", "${{ github.actor }}", "workflow-login-refused", "refused"),
        ("      - uses: actions/checkout@v4\n", "", "workflow-run-failed", "docker build"),
        ("context: app", "context: .", "workflow-run-failed", "docker build"),
        ("docker/login-action@v3", "actions/checkout@v4", "workflow-without-login", "came from nobody"),
        ("docker/login-action@v3", "someone/else@v1", "workflow-action-unknown", "no action someone/else"),
        ("id: meta", "id: other", "workflow-output-of-no-step", "The ids there are other."),
        ("${{ steps.meta.outputs.tags }}", "ada/kettle:latest", "workflow-fixed-tag", "arrived latest"),
        (
            "${{ steps.meta.outputs.tags }}",
            "ada/kettle:${{ env.TAG }}\n        env: {TAG: latest}",
            "workflow-fixed-tag",
            "arrived latest",
        ),
    ],
)
def test_every_wrong_one_is_told_by_what_was_seen(
    engine: Engine, tmp_path: Path, before: str, after: str, code: str, says: str
) -> None:
    assert before in RIGHT
    text = RIGHT.replace(before, after)
    if before == "docker/login-action@v3" and "checkout" in after:
        text = RIGHT.replace(
            RIGHT[RIGHT.index("      - uses: docker/login") : RIGHT.index("      - id: meta")], ""
        )
    finding = judged(engine, tmp_path, text)

    assert finding is not None
    assert finding.code == code, finding.observed
    assert says in finding.observed


def test_the_folder_that_is_built_counts(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "app" / "other").mkdir(parents=True)
    (tmp_path / "app" / "other" / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    finding = judged(engine, tmp_path, RIGHT.replace("context: app", "context: app/other"))

    assert finding is not None
    assert finding.code == "workflow-publishes-another-app"
