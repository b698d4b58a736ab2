"""A workflow as act is given it."""

import pytest
import yaml

from checker.pipelines.github.actinput import RUNNERS, keys, known, labels, used, with_surroundings
from checker.pipelines.github.workflowfile import parse

TEXT = """\
on: push
env: {WORD: ember}
jobs:
  one:
    runs-on: ubuntu-latest
    env: &env {MINE: 1.10, DOCKER_HOST: own}
    steps:
      - uses: actions/checkout@v4
      - id: meta
        uses: docker/metadata-action@v5
  two:
    runs-on: ${{ matrix.on }}
    env: *env
    strategy: {matrix: {on: [gpu, ubuntu-latest], include: [{on: arm}]}}
    steps:
      - name: Make it
        run: |
          make
          make install
      - run: on
"""
GIVEN = {"one": {"DOCKER_HOST": "unix://1", "NEW": "yes"}, "two": {"DOCKER_HOST": "unix://2", "NEW": "08"}}


def test_every_job_gets_surroundings_of_its_own_and_keeps_what_it_had() -> None:
    tree = yaml.safe_load(with_surroundings(TEXT, GIVEN))
    assert tree["jobs"]["one"]["env"] == {"MINE": 1.1, "DOCKER_HOST": "own", "NEW": "yes"}
    assert tree["jobs"]["two"]["env"] == {"MINE": 1.1, "DOCKER_HOST": "own", "NEW": "08"}
    assert tree["jobs"]["two"]["steps"] == yaml.safe_load(TEXT)["jobs"]["two"]["steps"]
    assert tree["env"] == {"WORD": "ember"}


def test_a_job_without_variables_gets_them_and_one_that_is_not_named_stays() -> None:
    text = "on: push\njobs: {a: {runs-on: x, steps: []}, b: {runs-on: x, steps: []}}\n"
    tree = yaml.safe_load(with_surroundings(text, {"a": {"WORD": "null"}}))
    assert tree["jobs"]["a"]["env"] == {"WORD": "null"}
    assert "env" not in tree["jobs"]["b"]


def test_the_rest_stays_as_it_was_written() -> None:
    made = with_surroundings(TEXT, GIVEN)
    for part in ("on: push", "1.10", "${{ matrix.on }}", "- run: on"):
        assert part in made


def test_steps_are_known_by_id_or_position_with_their_lines() -> None:
    assert keys(parse(TEXT)) == {
        "one": [("0", 8, "actions/checkout"), ("meta", 9, "docker/metadata-action")],
        "two": [("0", 16, "Make it"), ("1", 20, "on")],
    }


@pytest.mark.parametrize(
    ("uses", "found"),
    [
        ("actions/checkout@v4", {("actions/checkout", "v4"): "actions/checkout"}),
        (
            "github/codeql-action/upload-sarif@v3",
            {("github/codeql-action", "v3"): "github/codeql-action/upload-sarif"},
        ),
        ("./.github/actions/mine", {}),
        ("docker://alpine:3", {}),
    ],
)
def test_remote_actions_are_found_and_local_ones_are_not(
    uses: str, found: dict[tuple[str, str], str]
) -> None:
    assert used([f"jobs: {{a: {{steps: [{{uses: '{uses}'}}]}}}}"]) == found
    assert used([f"runs: {{using: composite, steps: [{{uses: '{uses}'}}]}}"]) == found


def test_an_action_is_known_in_any_case_of_its_letters() -> None:
    assert known("Docker/Login-Action")
    assert not known("docker/login")


def test_every_label_that_a_job_may_run_on_is_offered_once() -> None:
    found = labels(TEXT)
    assert found[: len(RUNNERS)] == list(RUNNERS)
    assert {"gpu", "arm"} <= set(found)
    assert len(set(found)) == len(found)
    assert not any("${{" in label for label in found)
