"""What a workflow that publishes must have: right ways to write it pass, each wrong one is told as itself."""

from pathlib import Path

import pytest

from checker.check import CheckFailed
from checker.findings import workflow as findings
from checker.workspace import Workspace

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
      - id: meta
        uses: docker/metadata-action@v5
        with:
          images: tern/kettle
      - uses: docker/build-push-action@v6
        with:
          context: app
          push: true
          tags: ${{ steps.meta.outputs.tags }}
"""
BY_HAND = """
on:
  push:
    branches: [main]
    tags: ["v[0-9]+.[0-9]+.[0-9]+"]
env:
  IMAGE: tern/kettle
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: echo "$TOKEN" | docker login --username tern --password-stdin
        env:
          TOKEN: ${{ secrets.TOKEN }}
      - run: |
          docker build --tag "$IMAGE:$GITHUB_REF_NAME" app
          docker push "$IMAGE:$GITHUB_REF_NAME"
"""
IN_ONE_SCRIPT = """
on:
  push:
    branches: [main]
    tags: ["v*"]
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          echo "${{ secrets.TOKEN }}" | docker login --username tern --password-stdin
          docker buildx build \\
            --push \\
            --tag "tern/kettle:$GITHUB_REF_NAME" \\
            app
"""


def judged(place: Path, *texts: str) -> str:
    """The code of the finding for workflows of these texts; empty if there is none."""
    folder = place / findings.FOLDER
    folder.mkdir(parents=True)
    for number, text in enumerate(texts):
        (folder / f"flow-{number}.yaml").write_text(text, encoding="utf-8")
    try:
        found = findings.require_workflows(Workspace(place))
        published = findings.require_published(found)
        findings.require_refs(published, "main", ("v1.2.3",), ("try-out", "fix/it"))
        findings.require_login(published)
        findings.require_source(published)
        findings.require_image(published, "tern", "kettle")
        findings.require_tags_of_ref(published)
        findings.require_versions(found)
    except CheckFailed as failed:
        return failed.finding.code
    return ""


@pytest.mark.parametrize(
    "text",
    [
        RIGHT,
        BY_HAND,
        RIGHT.replace("on:", "'on':", 1),
        RIGHT.replace("images: tern/kettle", "images: ${{ secrets.USER }}/kettle"),
        RIGHT.replace("images: tern/kettle", "images: |\n            name=docker.io/tern/kettle\n"),
        RIGHT.replace("jobs:", "env: {NAME: kettle}\njobs:").replace("tern/kettle", "tern/${{ env.NAME }}"),
        RIGHT.replace("${{ steps.meta.outputs.tags }}", "tern/kettle:${{ github.ref_name }}"),
        RIGHT.replace("${{ steps.meta.outputs.tags }}", "tern/kettle:${{ github.sha }},tern/kettle:latest"),
        RIGHT.replace("push: true", "push: ${{ github.event_name == 'push' }}"),
        RIGHT.replace("          push: true\n", "          outputs: type=registry\n"),
        RIGHT.replace("          context: app\n", "").replace("      - uses: actions/checkout@v4\n", ""),
        RIGHT.replace("          username", "          registry: docker.io\n          username"),
        RIGHT.replace("branches: [main]", "branches: ['main', 'release/**', '!release/old']"),
        RIGHT.replace("  push:\n", "  pull_request:\n  workflow_dispatch:\n  push:\n", 1),
        RIGHT.replace("actions/checkout@v4", f"actions/checkout@{'0' * 40}"),
        RIGHT.replace("jobs:\n", "jobs:\n  test:\n    runs-on: x\n    steps: [{run: make test}]\n"),
        RIGHT.replace("\n", "\r\n"),
        IN_ONE_SCRIPT,
        RIGHT.replace("jobs:", "env: {AT: docker.io}\njobs:").replace(
            "          username", "          registry: ${{ env.AT }}\n          username"
        ),
        RIGHT.replace("jobs:", "env: {TAG: '${{ github.ref_name }}'}\njobs:").replace(
            "${{ steps.meta.outputs.tags }}", "tern/kettle:${{ env.TAG }}"
        ),
        BY_HAND.replace("$GITHUB_REF_NAME", "$TAG").replace(
            "      - run: |", '      - run: echo "TAG=${GITHUB_REF_NAME#v}" >> "$GITHUB_ENV"\n      - run: |'
        ),
    ],
)
def test_every_right_way_passes(tmp_path: Path, text: str) -> None:
    assert judged(tmp_path, text) == ""


def test_another_workflow_beside_it_does_no_harm(tmp_path: Path) -> None:
    assert judged(tmp_path, "on: pull_request\njobs: {a: {steps: [{run: make}]}}\n", RIGHT) == ""


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        (RIGHT, "", "workflow-unreadable"),
        ("on:", "On:", "workflow-unreadable"),
        ("    steps", "\tsteps", "workflow-unreadable"),
        ('  push:\n    branches: [main]\n    tags: ["v*"]\n', "  release:\n", "workflow-not-on-push"),
        ("    branches: [main]\n", "", "workflow-without-the-branch"),
        ("branches: [main]", "branches: [master]", "workflow-without-the-branch"),
        ('    tags: ["v*"]\n', "", "workflow-without-the-tags"),
        ('["v*"]', '["v1"]', "workflow-without-the-tags"),
        ('    branches: [main]\n    tags: ["v*"]\n', "", "workflow-publishes-every-branch"),
        ("branches: [main]", 'branches: ["**"]', "workflow-publishes-every-branch"),
        ("push: true", "push: false", "workflow-does-not-push"),
        ("          push: true\n", "", "workflow-does-not-push"),
        ("docker/build-push-action@v6", "someone/else@v1", "workflow-does-not-push"),
        ("docker/login-action@v3", "someone/else@v1", "workflow-without-login"),
        ("username: ${{ secrets.USER }}", "registry: ghcr.io", "workflow-without-login"),
        ("          password: ${{ secrets.TOKEN }}\n", "", "workflow-without-password"),
        ("${{ secrets.TOKEN }}", "hunter2", "workflow-secret-in-file"),
        ("${{ secrets.TOKEN }}", "${{ vars.TOKEN }}", "workflow-secret-in-file"),
        ("${{ secrets.TOKEN }}", "secrets.TOKEN", "workflow-secret-in-file"),
        ("      - uses: actions/checkout@v4\n", "", "workflow-without-checkout"),
        ("tern/kettle", "kettle", "workflow-names-another-image"),
        ("tern/kettle", "tern/kettle-two", "workflow-names-another-image"),
        ("tern/kettle", "gull/kettle", "workflow-names-another-image"),
        ("tern/kettle", "ghcr.io/tern/kettle", "workflow-names-another-image"),
        ("${{ steps.meta.outputs.tags }}", "tern/kettle:latest", "workflow-fixed-tag"),
        (
            "${{ steps.meta.outputs.tags }}",
            "tern/kettle:${{ env.TAG }}\n        env: {TAG: latest}",
            "workflow-fixed-tag",
        ),
        ("id: meta", "id: other", "workflow-output-of-no-step"),
        ("actions/checkout@v4", "actions/checkout", "workflow-action-without-version"),
    ],
)
def test_every_wrong_one_is_told_as_itself(tmp_path: Path, before: str, after: str, code: str) -> None:
    assert before in RIGHT
    assert judged(tmp_path, RIGHT.replace(before, after)) == code


def test_a_login_after_the_push_in_the_same_script_is_none(tmp_path: Path) -> None:
    head, login, rest = IN_ONE_SCRIPT.partition("          echo")
    line, _, push = rest.partition("\n")
    assert judged(tmp_path, head + push + login + line) == "workflow-without-login"


def test_a_folder_that_is_a_file_holds_no_workflow(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / findings.FOLDER).write_text("")
    with pytest.raises(CheckFailed) as failed:
        findings.require_workflows(Workspace(tmp_path))
    assert failed.value.finding.code == "workflow-missing"


def test_a_login_after_the_push_is_none(tmp_path: Path) -> None:
    head, login, rest = RIGHT.partition("      - uses: docker/login-action@v3\n")
    lines = rest.splitlines(keepends=True)
    assert (
        judged(tmp_path, head + "".join(lines[3:]) + login + "".join(lines[:3])) == "workflow-without-login"
    )


def test_a_workflow_elsewhere_is_none(tmp_path: Path) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/docker-publish.yml").write_text(RIGHT, encoding="utf-8")
    with pytest.raises(CheckFailed, match="workflow-missing"):
        findings.require_workflows(Workspace(tmp_path))
