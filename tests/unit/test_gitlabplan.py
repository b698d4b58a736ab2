"""From the pipeline as GitLab expands it to the one that is run for one ref."""

from typing import Any

import pytest
import yaml

from checker.pipelines.gitlabfile import PipelineFile
from checker.pipelines.gitlabplan import Plan, included, plan
from checker.pipelines.gitlabrefs import Ref

MAIN, FEATURE, TAG = Ref(name="main"), Ref(name="fix/it"), Ref(name="v1", kind="tag")


def made(text: str, ref: Ref = MAIN) -> Plan:
    """The plan of a file that has nothing in it to be expanded."""
    return plan(text, PipelineFile(text), ref)


def run(found: Plan) -> dict[str, Any]:
    tree = yaml.safe_load(found.text)
    assert isinstance(tree, dict)
    return tree


def codes(found: Plan) -> list[tuple[str, int]]:
    return [(refusal.code, refusal.line) for refusal in found.refusals]


@pytest.mark.parametrize(
    ("ref", "jobs", "dropped"),
    [
        (MAIN, ("build", "push", "mine"), ("release", "branches")),
        (FEATURE, ("build", "branches", "mine"), ("push", "release")),
        (TAG, ("build", "release", "mine"), ("push", "branches")),
    ],
)
def test_the_jobs_of_a_ref_are_those_that_only_and_except_keep(
    ref: Ref, jobs: tuple[str, ...], dropped: tuple[str, ...]
) -> None:
    found = made(
        "build: {script: [x]}\npush: {script: [x], only: [main]}\nrelease: {script: [x], only: [tags]}\n"
        "branches: {script: [x], except: [main, tags]}\n"
        "mine: {script: [x], rules: [{if: $CI_COMMIT_BRANCH}]}\n.hidden: {only: [main]}\n",
        ref,
    )
    assert (found.jobs, set(found.dropped), found.refusals) == (jobs, set(dropped), ())
    assert [name for name in run(found) if name not in jobs] == []
    assert not any({"only", "except"} & set(job) for job in run(found).values())


@pytest.mark.parametrize(
    ("keys", "rules"),
    [
        (
            "only: {variables: [$A, $B]}",
            [{"if": "$A", "when": "on_success"}, {"if": "$B", "when": "on_success"}],
        ),
        ("only: {variables: [$A]}, when: manual", [{"if": "$A", "when": "manual"}]),
        ("except: {variables: [$A]}", [{"if": "$A", "when": "never"}, {"when": "on_success"}]),
        (
            "only: {refs: [main], variables: [$A]}, except: {variables: [$B]}",
            [{"if": "$B", "when": "never"}, {"if": "$A", "when": "on_success"}],
        ),
        ("only: [main]", None),
    ],
)
def test_expressions_below_only_and_except_become_rules(keys: str, rules: Any) -> None:
    found = made(f"a: {{script: [x], {keys}}}\n")
    assert run(found)["a"].get("rules") == rules


def test_rules_of_the_file_are_left_as_they_are() -> None:
    text = "a: {script: [x], rules: [{if: '$A == \"1\"', when: never}, {when: always}]}\n"
    assert run(made(text))["a"]["rules"] == [{"if": '$A == "1"', "when": "never"}, {"when": "always"}]


@pytest.mark.parametrize(
    ("need", "left", "refused"),
    [
        ("[push]", [], True),
        ("[build, push]", ["build"], True),
        ("[{job: push}]", [], True),
        ("[{job: push, optional: false}]", [], True),
        ("[{job: push, optional: true}]", [], False),
        ("[build, {job: push, optional: true}]", ["build"], False),
        ("[build]", ["build"], False),
        ("[]", [], False),
    ],
)
def test_a_need_of_a_job_that_is_not_in_the_pipeline_has_to_be_optional(
    need: str, left: list[str], refused: bool
) -> None:
    text = (
        "build: {script: [x]}\npush: {script: [x], only: [main]}\n"
        f"deploy: {{script: [x], needs: {need}, dependencies: [push, build]}}\n"
    )
    found = made(text, FEATURE)
    assert run(found)["deploy"]["needs"] == left
    assert run(found)["deploy"]["dependencies"] == ["build"]
    assert codes(found) == ([("pipeline-needs-a-job-that-is-not-in-it", 3)] if refused else [])
    assert codes(made(text, MAIN)) == []


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("\na: {stage: build}\n", "pipeline-job-without-script", 2),
        ("a: {script: []}\n", "pipeline-job-without-script", 1),
        ("a: {stage: build, only: [tags]}\n", "pipeline-job-without-script", 1),
        ("a: {script: [x], rules: [{when: always}], only: [main]}\n", "pipeline-rules-and-only", 1),
        ("a: {script: [x], rules: [{when: always}], except: [tags]}\n", "pipeline-rules-and-only", 1),
        ("a: {trigger: other/project}\n", "pipeline-trigger-not-there", 1),
        ("a: {script: [x], only: ['/^(?!main)/']}\n", "pipeline-pattern-unreadable", 1),
        ("a: {script: [x], except: ['/(/']}\n", "pipeline-pattern-unreadable", 1),
        ("a:\n  script: [x]\n  services: [postgres:15]\n", "pipeline-service-not-there", 3),
        ("a: {script: [x], services: [docker]}\n", "pipeline-service-not-there", 1),
        ("a: {script: [x], services: ['docker:24']}\n", "pipeline-service-not-there", 1),
        ("a: {script: [x], services: ['evil/docker:dind']}\n", "pipeline-service-not-there", 1),
    ],
)
def test_what_gitlab_or_the_lab_will_not_run_is_refused_with_its_line(
    text: str, code: str, line: int
) -> None:
    assert codes(made(text)) == [(code, line)]


@pytest.mark.parametrize(
    "service",
    [
        "docker:dind",
        "docker:24.0.5-dind",
        "docker:dind-rootless",
        "docker.io/library/docker:stable-dind",
        f"docker@sha256:{'0' * 64}",
        "{name: 'docker:dind', alias: docker, command: [--mtu=1400]}",
        "docker:${VERSION}-dind",
        "docker:$TAG",
        "$DIND",
    ],
)
def test_the_engine_as_a_service_is_the_one_that_is_there(service: str) -> None:
    entry = service if service[0] == "{" else f'"{service}"'
    found = made(
        "variables: {VERSION: 24.0.5, TAG: dind}\n"
        f"a: {{script: [x], services: [{entry}], variables: {{DIND: 'docker:26-dind'}}}}\n"
    )
    assert codes(found) == []
    assert "services" not in run(found)["a"]
    assert "the engine that is there" in " ".join(found.notes)


def test_what_a_job_says_of_its_engine_and_its_image_is_left_out_and_told() -> None:
    found = made(
        "image: ruby:3\nservices: [docker:dind]\n"
        "variables: {DOCKER_HOST: tcp://docker:2376, WORD: ember}\n"
        "a: {script: [x], image: {name: 'docker:24'}, variables: {DOCKER_TLS_CERTDIR: '', DOCKER_BUILDKIT: 1}}\n"
    )
    assert set(run(found)) == {"variables", "a"}
    assert run(found)["variables"] == {"WORD": "ember"}
    assert run(found)["a"] == {"script": ["x"], "variables": {}}
    for word in ("DOCKER_HOST is", "DOCKER_TLS_CERTDIR and DOCKER_BUILDKIT are", "image docker:24"):
        assert word in " ".join(found.notes)


@pytest.mark.parametrize(
    ("keys", "kept", "note"),
    [
        ("only: {changes: [app/**]}", True, "a: changes counts as fulfilled"),
        ("only: {kubernetes: active}", True, "a: kubernetes counts as fulfilled"),
        ("except: {changes: ['*.md']}", True, "a: except changes counts as not fulfilled"),
        ("except: {kubernetes: active}", False, "a: kubernetes counts as fulfilled"),
        ("only: {refs: [tags], changes: [app/**]}", False, "a: changes counts as fulfilled"),
    ],
)
def test_a_condition_that_cannot_be_looked_at_is_decided_and_told(keys: str, kept: bool, note: str) -> None:
    found = made(f"a: {{script: [x], {keys}}}\n")
    assert bool(found.jobs) is kept
    assert found.notes[0].startswith(note)


def test_texts_stay_texts_whoever_reads_them() -> None:
    texts = [
        "08",
        "1e5",
        "0o17",
        "yes",
        "null",
        "1.10",
        "2026-01-01",
        "12:30",
        "~",
        "a: b",
        "grüß",
        "x\ny\n",
        "=",
    ]
    tree = {"variables": {f"V{n}": text for n, text in enumerate(texts)}, "a": {"script": texts}}
    found = made(yaml.safe_dump(tree, default_style='"'))
    assert run(found) == tree
    assert "V0: 08" not in found.text
    assert '"08"' in found.text


def test_workflow_rules_are_asked_about_and_otherwise_nothing_is() -> None:
    text = "workflow: {rules: [{if: $A, variables: {WORD: x}}]}\nvariables: {A: '1'}\na: {script: [x]}\n"
    asked = yaml.safe_load(made(text).asks)
    assert asked["variables"] == {"A": "1"}
    assert asked["pipeline"]["rules"][0]["if"] == "$A"
    assert "do not set WORD" in made(text).notes[0]
    assert made("workflow: {name: x}\na: {script: [x]}\n").asks == ""


@pytest.mark.parametrize("text", ["- a\n", "a: [\n", "text\n", ""])
def test_what_is_no_pipeline_is_no_plan(text: str) -> None:
    with pytest.raises(ValueError):
        plan(text, PipelineFile("a: {script: [x]}\n"), MAIN)


@pytest.mark.parametrize(
    ("include", "told"),
    [
        ("build.yml", ""),
        ("/ci/*.yml", ""),
        ("[a.yml, {local: b.yml}]", ""),
        ("{local: a.yml, rules: [{if: $A}]}", ""),
        ("https://example.com/a.yml", "https://example.com/a.yml"),
        ("[a.yml, {remote: 'https://example.com/a.yml'}]", "remote: https://example.com/a.yml"),
        ("{template: Docker.gitlab-ci.yml}", "template: Docker.gitlab-ci.yml"),
        ("[{project: a/b, file: c.yml}]", "project: a/b, file: c.yml"),
        ("[{component: host/a/b@1}]", "component: host/a/b@1"),
        ("[[https://example.com/a.yml]]", "example.com"),
    ],
)
def test_what_is_included_from_elsewhere_is_refused_and_what_is_of_here_is_not(
    include: str, told: str
) -> None:
    found = list(included(PipelineFile(f"a: {{script: x}}\ninclude: {include}\n")))
    assert [(entry.code, entry.line) for entry in found] == (
        [("pipeline-include-not-there", 2)] if told else []
    )
    assert told in "".join(entry.observed for entry in found)
    assert list(included(PipelineFile("a: {script: x}\n"))) == []
