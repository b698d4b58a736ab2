"""From the pipeline as GitLab expands it to the one that is run for one ref."""

import json
from typing import Any

import pytest
import yaml

from checker.pipelines.gitlab.jobrules import Known
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.gitlab.pipelineplan import PipelinePlan, included
from checker.pipelines.gitlab.planning import plan
from checker.pipelines.gitlab.refpolicy import Ref

MAIN, FEATURE, TAG = Ref(name="main"), Ref(name="fix/it"), Ref(name="v1", kind="tag")


def made(
    text: str, ref: Ref = MAIN, changed: tuple[str, ...] | None = None, **predefined: str
) -> PipelinePlan:
    """The plan of a file that has nothing in it to be expanded."""
    known = Known(predefined=predefined, changed=changed, files=("app/Dockerfile", "README.md"))
    return plan(text, PipelineFile(text), ref, known)


def run(found: PipelinePlan) -> dict[str, Any]:
    tree = yaml.safe_load(found.text)
    assert isinstance(tree, dict)
    return tree


def codes(found: PipelinePlan) -> list[tuple[str, int]]:
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
    ("keys", "variables", "when"),
    [
        ("only: {variables: [$A, $B]}", {"A": "1"}, "on_success"),
        ("only: {variables: [$A, $B]}", {"B": "1"}, "on_success"),
        ("only: {variables: [$A, $B]}", {}, None),
        ("only: {variables: [$A]}, when: manual", {"A": "1"}, "manual"),
        ("except: {variables: [$A]}", {}, "on_success"),
        ("except: {variables: [$A]}", {"A": "1"}, None),
        ("only: {refs: [main], variables: [$A]}, except: {variables: [$B]}", {"A": "1"}, "on_success"),
        ("only: {refs: [main], variables: [$A]}, except: {variables: [$B]}", {"A": "1", "B": "1"}, None),
        ("only: {refs: [tags], variables: [$A]}", {"A": "1"}, None),
        ("only: [main]", {}, "on_success"),
    ],
)
def test_expressions_below_only_and_except_decide_with_the_refs(
    keys: str, variables: dict[str, str], when: str | None
) -> None:
    found = made(f"a: {{script: [x], {keys}}}\n", **variables)
    assert found.dropped == (() if when else ("a",))
    assert found.started == (("a",) if when == "on_success" else ())
    assert found.held == (("a",) if when == "manual" else ())
    assert run(found) == ({"a": {"script": ["x"]}} if when == "on_success" else {})


@pytest.mark.parametrize(
    ("rules", "job"),
    [
        ("[{if: '$A == \"1\"', when: never}, {when: always}]", {"when": "always"}),
        ("[{if: '$A == \"2\"', when: never}, {if: $B}]", None),
        ("[{if: '$A == \"3\"'}, {if: $A, allow_failure: true}]", {"allow_failure": True}),
        ("[{if: $A, variables: {WORD: $A}}]", {"variables": {"A": "2", "WORD": "$A"}}),
        ("[{if: $A, needs: []}]", {"needs": []}),
        ("[[{if: $B}], [[{if: $A, when: on_failure}]]]", {"when": "on_failure"}),
        ("[{when: delayed, start_in: 5 minutes}]", {"when": "on_success"}),
        ("[{exists: [app/Docker*]}]", {}),
        ("[{exists: ['**/Dockerfile'], if: $A}]", {}),
        ("[{exists: [Dockerfile]}]", None),
        ("[{if: '$A =~ /^[2-9]$/'}]", {}),
        ("[{if: '$A == \"$A\"'}]", None),
        ("[]", None),
    ],
)
def test_the_first_rule_that_is_fulfilled_says_whether_and_how_a_job_runs(rules: str, job: Any) -> None:
    found = made(f"a: {{script: [x], variables: {{A: '2'}}, rules: {rules}}}\n")
    expected = {"script": ["x"], "variables": {"A": "2"}, **(job or {})}
    assert run(found) == ({"a": expected} if job is not None else {})
    assert found.left_out == (() if job is not None else ("a",))
    assert (found.jobs, found.dropped) == (("a",), ())


@pytest.mark.parametrize(
    ("changed", "kept"),
    [(None, True), (("app/site/index.html",), True), (("README.md",), False), ((), False)],
)
@pytest.mark.parametrize(
    "keys",
    [
        "rules: [{changes: ['app/**/*']}]",
        "rules: [{changes: {paths: ['$FOLDER/**/*'], compare_to: main}}]",
        "only: {changes: ['app/**/*']}",
        "except: {changes: ['*.md']}, rules: ",
    ],
)
def test_changes_are_those_of_the_push_and_the_first_push_of_a_ref_changes_everything(
    keys: str, changed: tuple[str, ...] | None, kept: bool
) -> None:
    keys = keys.removesuffix(", rules: ")
    if keys.startswith("except") and changed == ():
        kept = True
    found = made(f"a: {{script: [x], {keys}}}\n", changed=changed, FOLDER="app")
    assert bool(found.started) is kept
    assert bool(found.notes) is (changed is None)


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


def test_workflow_rules_decide_about_the_whole_pipeline_and_give_it_variables() -> None:
    text = (
        "workflow: {rules: [{if: $B, when: never}, {if: $A, variables: {WORD: x}}]}\n"
        "variables: {A: '1', WORD: y}\na: {script: [x]}\nb: {script: [x], rules: [{if: '$WORD == \"x\"'}]}\n"
    )
    assert run(made(text))["variables"] == {"A": "1", "WORD": "x"}
    assert made(text).started == ("a", "b")
    assert "workflow" not in run(made(text))
    stopped = made(text, B="1")
    assert (stopped.jobs, stopped.started, stopped.dropped) == ((), (), ("a", "b"))
    assert made("workflow: {name: x}\na: {script: [x]}\n").started == ("a",)


def test_with_workflow_rules_a_job_without_conditions_is_for_merge_requests_too() -> None:
    merge = Ref(name="fix/it", kind="merge_request", source="merge_request_event")
    job = "a: {script: [x]}\n"
    assert made(job, merge).dropped == ("a",)
    assert made(f"workflow: {{rules: [{{when: always}}]}}\n{job}", merge).started == ("a",)


PAIR = "build: {{script: [x], stage: build}}\none: {{script: [x], {}}}\ntwo: {{script: [x], needs: {}, {}}}\n"
MINE, THEIRS = "rules: [{if: $MAIN}]", "only: [main]"


@pytest.mark.parametrize(
    ("one", "needs", "two", "refused"),
    [
        (MINE, "[one]", MINE, False),
        (THEIRS, "[one]", THEIRS, False),
        (MINE, "[one]", THEIRS, False),
        (THEIRS, "[build, one]", MINE, False),
        (MINE, "[one]", "stage: deploy", True),
        (THEIRS, "[one]", "rules: [{when: always}]", True),
        (MINE, "[{job: one, optional: true}]", "stage: deploy", False),
        (MINE, "[one]", "rules: [{if: $MAIN}, {when: on_success, needs: [build]}]", False),
        (MINE, "[build]", "rules: [{if: $MAIN}, {when: on_success, needs: [one]}]", True),
        ("rules: [{when: never}]", "[one]", "rules: [{when: never}]", False),
    ],
)
def test_needs_are_looked_at_when_it_is_known_which_jobs_there_are(
    one: str, needs: str, two: str, refused: bool
) -> None:
    text = PAIR.format(one, needs, two)
    found = made(text, FEATURE)
    code = "pipeline-needs-a-job-that-is-not-in-it"
    assert codes(found) == ([(code, 3)] if refused else [])
    if not refused:
        assert all("one" not in str(job.get("needs", [])) for job in run(found).values())


def test_what_a_job_that_is_left_out_wants_is_nothing_to_refuse() -> None:
    assert codes(made("a: {script: [x], services: [postgres], rules: [{if: $A}]}\nb: {script: [x]}\n")) == []


@pytest.mark.parametrize(
    ("condition", "part"),
    [
        ("$A = 'x'", "is no variable"),
        ("${A} == 'x'", "is no variable"),
        ("$A == main", "is no variable"),
        ("$A =~ /^feature/.*/", "is no variable"),
        ("$A =~ /^(?!main)/", "regular expression"),
        ("$A ==", "missing"),
        ("($A", "not closed"),
    ],
)
@pytest.mark.parametrize("where", ["a", "b", "workflow"])
def test_a_condition_that_gitlab_cannot_read_is_refused_for_every_ref(
    condition: str, part: str, where: str
) -> None:
    rules = json.dumps([{"if": condition, "when": "never"}, {"when": "always"}])
    always = "[{when: always}]"
    text = (
        f"a: {{script: [x], rules: {rules if where == 'a' else always}}}\n"
        f"b: {{script: [x], only: {{variables: [{json.dumps(condition if where == 'b' else '$A')}]}}}}\n"
        f"workflow: {{rules: {rules if where == 'workflow' else always}}}\n"
    )
    (refusal,) = made(text).refusals
    assert refusal.code == "pipeline-condition-unreadable"
    assert refusal.line == ["a", "b", "workflow"].index(where) + 1
    assert part in refusal.observed


def test_conditions_that_mean_something_else_than_they_seem_to_are_told() -> None:
    text = (
        "variables: {TARGET: $CI_DEFAULT_BRANCH, PATTERN: '/^v$/'}\n"
        "a: {script: [x], rules: [{if: '$B == \"$CI_DEFAULT_BRANCH\"'}]}\n"
        "b: {script: [x], rules: [{if: $B == $TARGET}]}\n"
        "c: {script: [x], rules: [{if: $B =~ $PATTERN}]}\n"
    )
    found = made(text, B="main", CI_DEFAULT_BRANCH="main")
    assert found.left_out == ("a", "b", "c")
    assert [said.partition(":")[0] for said in found.doubts] == ["a", "b"]


@pytest.mark.parametrize(
    ("jobs", "started"),
    [
        ("m: {script: [x], stage: build, when: manual}\nn: {script: [x]}\n", "n"),
        ("m: {script: [x], stage: build, when: manual, allow_failure: false}\nn: {script: [x]}\n", ""),
        ("m: {script: [x], stage: build, rules: [{when: manual}]}\nn: {script: [x]}\n", ""),
        ("m: {script: [x], stage: build, rules: [{when: manual, allow_failure: true}]}\nn: {script: [x]}\n", "n"),
        ("m: {script: [x], stage: build, rules: [{when: manual}]}\nn: {script: [x], needs: []}\n", "n"),
        ("m: {script: [x], when: manual}\nn: {script: [x], needs: [m]}\no: {script: [x], stage: deploy}\n", "o"),
        ("m: {script: [x], rules: [{when: manual}]}\nn: {script: [x]}\no: {script: [x], stage: .post}\n", "n"),
    ],
)  # fmt: skip
def test_a_job_that_waits_for_a_click_holds_up_what_waits_for_it(jobs: str, started: str) -> None:
    found = made(jobs)
    assert (found.started, codes(found)) == (tuple(started.split()), [])
    assert {*found.held} == {*found.jobs} - {*started.split()}


def test_for_jobs_before_and_after_all_stages_alone_there_is_no_pipeline() -> None:
    found = made("a: {script: [x], stage: .pre}\nb: {script: [x], rules: [{if: $A}]}\n")
    assert (found.started, found.left_out) == ((), ("a", "b"))


def test_conditions_have_other_names_while_the_file_is_expanded() -> None:
    text = (
        "include: [{local: a.yml, rules: [{if: $A}]}]\n"
        '.r:\n  rules:\n    - if: &is \'"$A" == "1"\'\n      when: never\n    - if: >\n        $B ||\n        $C\n'
        "a:\n  script: [if]\n  rules:\n    - !reference [.r, rules]\n    - if: *is\n    - {if: $D, when: always}\n"
    )
    file = PipelineFile(text)
    assert list(file.conditions.values()) == ['"$A" == "1"', "$B || $C\n", "$D"]
    names = list(file.conditions)
    assert file.masked == text.replace('\'"$A" == "1"\'', names[0]).replace(
        ">\n        $B ||\n        $C\n", f"{names[1]}\n"
    ).replace("{if: $D", f"{{if: {names[2]}")
    again = f"a: {{script: [x], rules: [{{if: {names[0]}, when: never}}, {{if: {names[2]}}}]}}\n"
    assert plan(again, file, MAIN, Known(predefined={"D": "1"})).started == ("a",)


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
