"""GitLab pipelines as people find them, really run: what they push and deploy, what they are kept from."""

import secrets as random
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from checker.engine.connection import Engine
from checker.inspect.registry import RegistryClient
from checker.lab.workspace import Workspace
from checker.pipelines.gitlab import advice, pipelineschema
from checker.pipelines.gitlab.deploy import DeployedContainer
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.gitlab.refpolicy import Ref
from checker.pipelines.gitlab.runner import FILE, GitLab, PipelineOutcome, Registry
from checker.programs import tools
from checker.sandbox import box as sandbox
from checker.stack.kinds.hub import HubView as HubView
from checker.stack.trials import Trials
from tests.helpers import BASE, until
from tests.pipelines import (
    ACCOUNT,
    lay_out_app,
    make_vulnerable,
    names_in,
    running,
    somebody_elses_service,
    start_hub,
)

pytestmark = pytest.mark.engine

TUTORIAL = """
image: docker:24

services:
  - docker:24-dind

variables:
  DOCKER_TLS_CERTDIR: "/certs"
  IMAGE_TAG: $CI_REGISTRY_IMAGE:$CI_COMMIT_SHORT_SHA

stages:
  - build
  - test
  - security-scan
  - push
  - deploy

before_script:
  - docker login -u $CI_REGISTRY_USER -p $CI_REGISTRY_PASSWORD $CI_REGISTRY

build:
  stage: build
  script:
    - docker build -t $IMAGE_TAG .

test:
  stage: test
  script:
    - docker run --rm $IMAGE_TAG /bin/busybox grep Welcome /www/index.html

security-scan:
  stage: security-scan
  script:
    - trivy image --exit-code 1 --severity HIGH,CRITICAL $IMAGE_TAG

push:
  stage: push
  script:
    - docker push $IMAGE_TAG
    - docker tag $IMAGE_TAG $CI_REGISTRY_IMAGE:latest
    - docker push $CI_REGISTRY_IMAGE:latest
  only:
    - main

deploy:
  stage: deploy
  script:
    - kubectl set image deployment/shop shop=$IMAGE_TAG
    - kubectl rollout status deployment/shop
  only:
    - main
"""
MANIFEST = "k8s/deployment.yaml"
DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  selector:
    matchLabels: {{app: shop}}
  template:
    metadata:
      labels: {{app: shop}}
    spec:
      containers:
        - name: shop
          image: {BASE}
"""
TO_BEGIN_WITH = DeployedContainer("deployment/shop", "shop", BASE)
LOGIN = "docker login -u $CI_REGISTRY_USER --password-stdin $CI_REGISTRY <<< $CI_REGISTRY_PASSWORD"
MAIN, BRANCH = Ref(name="main"), Ref(name="feature/login")
TAG = Ref(name="v1.2.3", kind="tag")


@dataclass
class Project:
    """A workspace with an app, and a registry to push it to."""

    engine: Engine
    path: Path
    registry: Registry
    client: RegistryClient
    gitlab: GitLab = field(init=False)

    def __post_init__(self) -> None:
        self.gitlab = GitLab(self.engine, Workspace(self.path))

    def push(
        self,
        text: str,
        ref: Ref = MAIN,
        *,
        seconds: float = 120,
        change: Callable[[Path], None] | None = None,
        blind: bool = False,
    ) -> PipelineOutcome:
        """The pipeline of a push, with this text in its file."""
        (self.path / FILE).write_text(text)
        return self.gitlab.run(
            PipelineFile(text), ref, registry=self.registry, seconds=seconds, change=change,
            manifests=[MANIFEST], blind=blind,
        )  # fmt: skip

    def script(self, *lines: str) -> PipelineOutcome:
        """The pipeline of one job, `it`, that runs these lines."""
        return self.push("it:\n  script:\n" + _listed(lines))

    def tags(self) -> list[str]:
        return sorted(self.client.tags(self.registry.project))


def _listed(lines: tuple[str, ...]) -> str:
    return "".join(f"    - |\n{textwrap.indent(line, ' ' * 6)}\n" for line in lines)


@pytest.fixture(scope="module")
def hub(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, HubView, str]]:
    tools.ensure(["gitlab-ci-local", "trivy", "kubectl"], print, may_install=True)
    with Trials(engine, tmp_path_factory.mktemp("hub")) as trials:
        yield start_hub(trials)


@pytest.fixture
def project(engine: Engine, hub: tuple[str, HubView, str], tmp_path: Path) -> Iterator[Project]:
    """A project of its own; after the test nothing of it is in the engine, whoever else uses that."""
    lay_out_app(tmp_path, f"Welcome {tmp_path.name}\n")
    (tmp_path / MANIFEST).parent.mkdir()
    (tmp_path / MANIFEST).write_text(DEPLOYMENT)
    address, view, token = hub
    name = f"shop-{random.token_hex(4)}"
    registry = Registry(address=address, project=f"{ACCOUNT}/{name}", user=ACCOUNT, password=token)
    yield Project(engine, tmp_path, registry, view.registry)
    # By names of this test alone: others may be running pipelines on the same engine.
    assert [image for image in names_in(engine) if name in image] == []
    containers = engine.client.api.containers(all=True)
    assert [entry["Image"] for entry in containers if name in entry["Image"]] == []


def states(outcome: PipelineOutcome) -> dict[str, str]:
    return {job.name: job.state for job in outcome.jobs}


def said(outcome: PipelineOutcome, job: str = "it") -> list[str]:
    """What a job printed, without the commands that are shown."""
    (found,) = (each for each in outcome.jobs if each.name == job)
    return [line for line in found.output if line and not line.startswith("$ ")]


# ------------------------------------------------------------------------------------ what tutorials have
def test_a_tutorials_five_stages_push_and_deploy_main(project: Project) -> None:
    assert pipelineschema.problems(PipelineFile(TUTORIAL)) == ()
    outcome = project.push(TUTORIAL)
    tag = outcome.commit[:8]

    assert outcome.passed, outcome
    assert list(states(outcome)) == ["build", "test", "security-scan", "push", "deploy"]
    assert project.tags() == sorted(["latest", tag])
    image = project.client.image(project.registry.project, tag)
    assert image is not None
    assert b"Welcome" in b"".join(file.data for file in image.files() if file.path.endswith("index.html"))
    assert outcome.before == (TO_BEGIN_WITH,)
    pushed = f"{project.registry.address}/{project.registry.project}:{tag}"
    assert outcome.deployed == (DeployedContainer("deployment/shop", "shop", pushed),)
    assert outcome.missing == ()


def test_what_is_otherwise_than_on_gitlab_is_told(project: Project) -> None:
    notes = " ".join(project.push(TUTORIAL, BRANCH).notes)

    for word in ("docker:24 ", "docker:24-dind", "DOCKER_TLS_CERTDIR"):
        assert word in notes


def test_what_is_unsafe_in_it_stands_beside_a_result_that_passes(project: Project) -> None:
    outcome = project.push(TUTORIAL)
    (found,) = advice.advice(PipelineFile(TUTORIAL))

    assert outcome.passed
    assert not outcome.leaked
    assert (found.code, found.line) == ("pipeline-password-on-the-command-line", 19)


def test_a_branch_is_built_and_its_push_and_deployment_are_dropped(project: Project) -> None:
    outcome = project.push(TUTORIAL, BRANCH)

    assert states(outcome) == {"build": "passed", "test": "passed", "security-scan": "passed"}
    assert outcome.dropped == ("push", "deploy")
    assert outcome.deployed == (TO_BEGIN_WITH,)
    assert project.tags() == []


def _break(source: Path) -> None:
    (source / "site" / "index.html").write_text("Go away\n")


@pytest.mark.parametrize(
    ("change", "gate", "waiting"),
    [
        (_break, "test", ("security-scan", "push", "deploy")),
        (make_vulnerable, "security-scan", ("push", "deploy")),
    ],
)
def test_a_gate_that_fails_stops_push_and_deployment(
    project: Project, change: Callable[[Path], None], gate: str, waiting: tuple[str, ...]
) -> None:
    outcome = project.push(TUTORIAL, change=change)

    assert not outcome.passed
    assert [(job.name, job.exit_code) for job in outcome.failed()] == [(gate, 1)]
    assert outcome.waiting == waiting
    assert outcome.deployed == (TO_BEGIN_WITH,)
    assert project.tags() == []


def test_a_wrong_password_is_refused_by_the_registry(project: Project) -> None:
    project.registry = Registry(
        address=project.registry.address, project=project.registry.project, user=ACCOUNT, password="wrong"
    )
    outcome = project.push(TUTORIAL)

    assert states(outcome) == {"build": "failed"}
    assert "unauthorized" in " ".join(outcome.jobs[0].output).lower()


def test_the_jobs_token_logs_in_as_the_registrys_password_does(project: Project) -> None:
    outcome = project.script(
        'echo "$CI_JOB_TOKEN" | docker login -u $CI_REGISTRY_USER --password-stdin $CI_REGISTRY'
    )

    assert outcome.passed, outcome


def test_a_job_that_prints_the_password_is_told_and_the_password_is_masked(project: Project) -> None:
    outcome = project.script("echo it is $CI_REGISTRY_PASSWORD")

    assert outcome.leaked
    assert said(outcome) == ["it is [MASKED]"]


# ---------------------------------------------------------------------------- which jobs run, and in which order
def _jobs(**how: str) -> str:
    """Jobs that say nothing but when they run."""
    return "".join(f"{name}:\n  script: echo here\n  {line}\n" for name, line in how.items())


@pytest.mark.parametrize(
    ("ref", "names"),
    [
        (MAIN, {"always", "main", "no_feature", "by_default", "no_tag", "by_name"}),
        (BRANCH, {"always", "no_main", "feature", "no_tag"}),
        (TAG, {"always", "no_main", "tags", "no_feature", "tagged"}),
    ],
)
def test_only_except_and_rules_choose_the_jobs(project: Project, ref: Ref, names: set[str]) -> None:
    outcome = project.push(
        _jobs(
            always="stage: build",
            main="only: [main]",
            no_main="except: [main]",
            tags="only: [tags]",
            feature="only: ['/^feature/']",
            no_feature="except: ['/^feature/']",
            asterisk="only: ['feature/*']",
            by_default="rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]",
            by_name="rules: [{if: '$CI_COMMIT_REF_NAME == \"main\"'}]",
            tagged="rules: [{if: $CI_COMMIT_TAG}]",
            no_tag="rules: [{if: $CI_COMMIT_TAG, when: never}, {when: on_success}]",
        ),
        ref,
    )

    assert set(states(outcome)) == names
    assert outcome.passed


def test_workflow_rules_let_there_be_no_pipeline(project: Project) -> None:
    text = "workflow:\n  rules: [{if: '$CI_COMMIT_BRANCH == \"main\"'}]\nit:\n  script: echo here\n"

    assert project.push(text).passed
    other = project.push(text, BRANCH)
    assert (other.ran, other.passed, other.dropped) == (False, False, ("it",))


def test_a_pipeline_whose_rules_leave_out_every_job_is_not_refused(project: Project) -> None:
    outcome = project.push(_jobs(it="rules: [{if: $CI_COMMIT_TAG}]"))

    assert (outcome.jobs, outcome.complaint, outcome.waiting) == ((), "", ("it",))
    assert (outcome.left_out, outcome.ran) == (("it",), False)


ON_MAIN = "rules: [{if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH}]"


def test_jobs_that_are_left_out_together_may_need_each_other(project: Project) -> None:
    text = _jobs(build="stage: build", push=ON_MAIN, deploy=f"{ON_MAIN}\n  needs: [push]")
    outcome = project.push(text, BRANCH)

    assert (outcome.refusals, outcome.complaint) == ((), "")
    assert states(outcome) == {"build": "passed"}
    assert outcome.left_out == ("push", "deploy")
    assert states(project.push(text)) == {"build": "passed", "push": "passed", "deploy": "passed"}


def test_a_need_of_a_job_that_its_rules_leave_out_is_refused_with_its_line(project: Project) -> None:
    outcome = project.push(_jobs(push=ON_MAIN, deploy="needs: [push]"), BRANCH)

    assert [(refusal.code, refusal.line) for refusal in outcome.refusals] == [
        ("pipeline-needs-a-job-that-is-not-in-it", 4)
    ]
    assert not outcome.jobs


def test_conditions_of_templates_and_included_files_are_evaluated_as_gitlab_does(project: Project) -> None:
    (project.path / "ci").mkdir()
    (project.path / "ci" / "more.yml").write_text(
        "included:\n  script: echo $WORD\n  rules: [{if: '$WORD == \"main\"', exists: ['site/*.html']}]\n"
    )
    outcome = project.push(
        "include: ci/*.yml\n"
        'workflow: {rules: [{if: $CI_COMMIT_REF_PROTECTED == "true", variables: {WORD: main}}, {when: always}]}\n'
        ".on_main: {rules: [{if: '$CI_COMMIT_BRANCH == \"main\" || $CI_COMMIT_TAG =~ /^v[0-9]/'}]}\n"
        '.never: &never {if: \'"$CI_COMMIT_BRANCH" != "main"\', when: never}\n'
        "extending: {script: echo, extends: .on_main}\n"
        "referring: {script: echo, rules: [!reference [.on_main, rules]]}\n"
        "quoting: {script: echo, rules: [*never, {when: always}]}\n"
        "with_variable:\n  script: echo $COLOUR\n  rules: [{if: $CI_COMMIT_BRANCH, variables: {COLOUR: red}}]\n"
    )

    assert outcome.passed, outcome
    assert set(states(outcome)) == {"included", "extending", "referring", "with_variable"}
    assert said(outcome, "included") == ["main"]
    assert said(outcome, "with_variable") == ["red"]
    assert [doubt.partition(":")[0] for doubt in outcome.doubts] == ["quoting"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("$CI_COMMIT_BRANCH = 'main'", "= 'main' is no variable"),
        ("${CI_COMMIT_BRANCH}", "is no variable"),
        ("$CI_COMMIT_BRANCH =~ /^feature/.*/", ".*/ is no variable"),
    ],
)
def test_a_condition_that_cannot_be_read_is_told_with_its_line(
    project: Project, condition: str, said: str
) -> None:
    outcome = project.push(f'it:\n  script: echo\n  rules:\n    - if: "{condition}"\n')

    assert [(refusal.code, refusal.line) for refusal in outcome.refusals] == [
        ("pipeline-condition-unreadable", 3)
    ]
    assert said in outcome.refusals[0].observed


def test_what_a_push_changes_is_known_and_the_first_push_of_a_ref_changes_everything(
    project: Project,
) -> None:
    text = _jobs(site="rules: [{changes: ['site/**/*']}]", packages="rules: [{changes: ['packages/**/*']}]")

    assert set(states(project.push(text))) == {"site", "packages"}
    assert set(states(project.push(text, change=_break))) == {"site"}
    assert set(states(project.push(text, change=make_vulnerable))) == {"packages"}


def test_a_manual_job_of_a_rule_holds_up_the_stages_after_it_and_one_that_may_fail_does_not(
    project: Project,
) -> None:
    text = "stages: [one, two]\nit:\n  stage: one\n  script: 'true'\n  {}\nnext:\n  stage: two\n  script: 'true'\n"

    held = project.push(text.format("rules: [{when: manual}]"))
    assert (states(held), held.waiting, held.ran) == ({}, ("it", "next"), True)
    free = project.push(text.format("rules: [{when: manual, allow_failure: true}]"))
    assert (states(free), free.waiting) == ({"next": "passed"}, ("it",))


def test_a_scan_without_advisories_fails_soon_and_is_noted(project: Project) -> None:
    text = f"it:\n  script: trivy image --exit-code 7 --severity HIGH {BASE}\n"

    assert project.push(text).passed
    blind = project.push(text, blind=True)
    assert [(job.name, job.exit_code) for job in blind.failed()] == [("it", 1)]
    assert "failed to download vulnerability DB" in " ".join(blind.jobs[0].output)
    assert blind.scans == (f"image --exit-code 7 --severity HIGH {BASE}",)


def test_commands_and_names_of_containers_are_noted(project: Project) -> None:
    name = project.registry.project.rpartition("/")[2]
    outcome = project.script(
        f"docker run --rm --name {name} --entrypoint /bin/busybox {BASE} echo /test",
        f"docker run --detach --name {name}-2 {BASE} /bin/busybox sleep 9; docker exec {name}-2 /bin/busybox true",
    )

    assert outcome.commands == ("/bin/busybox echo /test", "/bin/busybox sleep 9", "/bin/busybox true")
    assert outcome.names == (name, f"{name}-2")


def test_which_jobs_a_push_would_start_is_known_without_one(project: Project) -> None:
    file = PipelineFile(TUTORIAL)
    started = [project.gitlab.started(file, ref, registry=project.registry) for ref in (MAIN, BRANCH, TAG)]

    assert [len(names) for names in started] == [5, 3, 3]
    assert project.tags() == []


MERGE = Ref(name="feature/login", kind="merge_request", source="merge_request_event")


def test_a_merge_request_has_no_branch_and_runs_what_is_for_it(project: Project) -> None:
    outcome = project.push(
        _jobs(
            usual="stage: test",
            branch="rules: [{if: $CI_COMMIT_BRANCH}]",
            merge='rules: [{if: $CI_PIPELINE_SOURCE == "merge_request_event"}]',
            old="only: [merge_requests]",
        )
        + "it:\n  rules: [{if: $CI_MERGE_REQUEST_IID}]\n"
        "  script: echo ${CI_COMMIT_BRANCH-none} $CI_COMMIT_REF_NAME\n",
        MERGE,
    )

    assert set(states(outcome)) == {"merge", "old", "it"}
    assert said(outcome) == ["none feature/login"]


def test_needs_let_a_job_start_before_its_stage_and_without_it_it_waits(project: Project) -> None:
    outcome = project.push(
        "stages: [one, two]\n"
        "fails:\n  stage: one\n  script: exit 7\n"
        "passes:\n  stage: one\n  script: 'true'\n"
        "free:\n  stage: two\n  needs: [passes]\n  script: 'true'\n"
        "bound:\n  stage: two\n  script: 'true'\n"
        "needing:\n  stage: two\n  needs: [fails]\n  script: 'true'\n"
    )

    assert states(outcome) == {"fails": "failed", "passes": "passed", "free": "passed"}
    assert outcome.waiting == ("bound", "needing")
    assert [job.exit_code for job in outcome.failed()] == [7]


def test_a_failure_that_is_allowed_stops_nothing(project: Project) -> None:
    outcome = project.push(
        "stages: [one, two]\nmay:\n  stage: one\n  allow_failure: true\n  script: exit 1\n"
        "next:\n  stage: two\n  script: 'true'\n"
    )

    assert states(outcome) == {"may": "warned", "next": "passed"}
    assert outcome.passed


@pytest.mark.parametrize(
    ("code", "state", "after"),
    [(0, "passed", True), (3, "warned", True), (7, "warned", True), (1, "failed", False)],
)
def test_a_failure_is_allowed_with_the_exit_codes_that_are_named(
    project: Project, code: int, state: str, after: bool
) -> None:
    outcome = project.push(
        "stages: [one, two]\nit:\n  stage: one\n  allow_failure: {exit_codes: [3, 7]}\n"
        f"  script: [echo begun, exit {code}]\nnext:\n  stage: two\n  script: 'true'\n"
    )

    assert states(outcome) == {"it": state, **({"next": "passed"} if after else {})}
    assert said(outcome) == ["begun"]
    assert outcome.passed is after


@pytest.mark.parametrize("how", ["when: manual", "rules: [{if: $CI_COMMIT_BRANCH, when: manual}]"])
def test_a_manual_job_is_not_started(project: Project, how: str) -> None:
    outcome = project.push(_jobs(it=how))

    assert (outcome.jobs, outcome.waiting, outcome.complaint) == ((), ("it",), "")


def test_jobs_of_a_matrix_are_one_job_that_fails_if_one_of_them_does(project: Project) -> None:
    text = "it:\n  script: test $N = 1\n  parallel: {matrix: [{N: ['1', '2']}]}\n"

    assert states(project.push(text)) == {"it": "failed"}


def test_dotenv_and_files_go_to_later_jobs_and_other_files_do_not(project: Project) -> None:
    outcome = project.push(
        "stages: [one, two]\n"
        "makes:\n  stage: one\n"
        "  script:\n    - echo COLOUR=red > it.env\n    - echo kept > kept.txt\n    - echo lost > lost.txt\n"
        # What a job does afterwards takes nothing from what it hands on.
        "  after_script: [cat lost.txt]\n"
        "  artifacts: {paths: [kept.txt], reports: {dotenv: it.env}}\n"
        "it:\n  stage: two\n  script: echo $COLOUR $(cat kept.txt) $(cat lost.txt 2> /dev/null || echo gone)\n"
    )

    assert outcome.passed, outcome
    assert said(outcome, "makes") == ["lost"]
    assert said(outcome) == ["red kept gone"]


def test_an_after_script_runs_after_a_failure_and_does_not_mend_it(project: Project) -> None:
    outcome = project.push("it:\n  script: exit 3\n  after_script: [echo over]\n")

    assert states(outcome) == {"it": "failed"}
    assert outcome.jobs[0].exit_code == 3
    assert said(outcome) == ["over"]


def test_every_pipeline_has_a_number_of_its_own(project: Project) -> None:
    first, second = (said(project.script("echo $CI_PIPELINE_IID")) for _ in range(2))

    assert first != second


def test_a_cache_for_trivy_of_its_own_does_not_take_its_advisories(project: Project) -> None:
    outcome = project.push(
        "it:\n  variables: {TRIVY_CACHE_DIR: .trivycache/}\n  cache: {paths: [.trivycache/]}\n"
        f"  script: trivy image --exit-code 1 --severity HIGH {BASE}\n"
    )

    assert outcome.passed, outcome


# ------------------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages: [build]\nit:\n  script: 'true'\n  stage: biuld\n", "Line 4: stage:biuld not found"),
        ("it:\n  script: 'true'\n  needs: [other]\n", "Line 3: needs: [other] for it could not be found"),
        ("\nit:\n  extends: .other\n", "Line 3: .other is unspecified"),
        ("it:\n  script:\n    - !reference [.other, script]\n", "Line 3: !reference [.other, script] is undefined"),
        ("include: other.yml\nit:\n  script: 'true'\n", "Line 1: Local include file cannot be found"),
    ],
)  # fmt: skip
def test_a_file_that_is_refused_is_told_with_the_line(project: Project, text: str, said: str) -> None:
    outcome = project.push(text)

    assert said in outcome.complaint
    assert "git" not in outcome.complaint
    assert not outcome.ran


def test_jobs_that_wait_for_each_other_are_refused_and_not_waited_for(project: Project) -> None:
    outcome = project.push(
        "one:\n  script: 'true'\n  needs: [two]\ntwo:\n  script: 'true'\n  needs: [one]\n", seconds=5
    )

    assert [(refusal.code, refusal.line) for refusal in outcome.refusals] == [
        ("pipeline-needs-in-a-circle", 3)
    ]
    assert not outcome.timed_out


# ------------------------------------------------------------------------------------------------- isolation
@pytest.mark.skipif(not sandbox._sandbox(), reason="this machine allows no namespaces")
def test_a_job_reaches_the_registry_and_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADERS_OWN", "a secret of the grader")
    with somebody_elses_service() as elsewhere:
        outcome = project.script(
            f"curl -s -o /dev/null --write-out 'hub %{{http_code}}\\n' http://$CI_REGISTRY/v2/\n"
            f"curl --silent http://{elsewhere}/ || echo nobody\n"
            "tail --lines +2 /proc/net/route | wc --lines\n"
            "(env; cat /proc/[0-9]*/environ | tr '\\0' '\\n') | grep -c GRADERS_OWN || true\n"
            f"docker run --rm --privileged {BASE} true 2> /dev/null || echo no rights\n"
            f"docker run --rm --volume /:/host {BASE} true 2> /dev/null || echo no host\n"
            f"docker run --rm --network host {BASE} true 2> /dev/null || echo no network\n"
        )

    assert said(outcome) == ["hub 401", "nobody", "0", "0", "no rights", "no host", "no network"]
    assert len(outcome.not_allowed) == 3
    assert outcome.missing == ()


@pytest.mark.skipif(not sandbox._sandbox(), reason="this machine allows no namespaces")
def test_temporary_folders_are_the_jobs_own(project: Project, tmp_path: Path) -> None:
    outcome = project.script(
        f"ls {tmp_path} 2> /dev/null || echo unseen", "echo mine > /tmp/mine; cat /tmp/mine"
    )

    assert said(outcome) == ["unseen", "mine"]
    assert not Path("/tmp/mine").exists()


def test_loading_an_archive_gives_no_name_that_is_not_the_jobs(project: Project, engine: Engine) -> None:
    before = engine.client.images.get(BASE).id

    outcome = project.script(
        "docker build --quiet --tag mine:1 . > /dev/null 2>&1; docker save mine:1 > mine.tar",
        "docker rmi mine:1 > /dev/null",
        "docker load --quiet --input mine.tar",
        f"tar xf mine.tar manifest.json; sed -i 's|mine:1|{BASE}|' manifest.json; tar rf mine.tar manifest.json",
        "docker load --quiet --input mine.tar 2> /dev/null || echo no",
    )

    assert said(outcome) == ["Loaded image: mine:1", "no"]
    assert engine.client.images.get(BASE).id == before
    assert not [image for image in engine.client.images.list() if "mine:1" in image.tags]


def test_what_a_job_changes_stays_in_a_copy_of_the_workspace(project: Project) -> None:
    outcome = project.script(
        f"echo $PWD $CI_PROJECT_DIR > seen; grep --count {project.path} seen || true",
        "rm --recursive site Dockerfile; echo changed > k8s/deployment.yaml; git commit --all --quiet -m mine",
        "cd $CI_PROJECT_DIR && rm --recursive --force site k8s .gitlab-ci.yml",
    )

    assert outcome.passed, outcome
    assert said(outcome) == ["0"]
    assert (project.path / "site" / "index.html").exists()
    assert (project.path / MANIFEST).read_text() == DEPLOYMENT
    assert (project.path / FILE).exists()
    assert not (project.path / ".git").exists()


def test_an_endless_job_is_ended_with_what_it_started(project: Project) -> None:
    outcome = project.push(
        "stages: [one, two]\nit:\n  stage: one\n  script: [echo begun, setsid sleep 7651 & sleep 7651]\n"
        "next:\n  stage: two\n  script: 'true'\n",
        seconds=4,
    )

    assert outcome.timed_out
    assert not outcome.passed
    assert states(outcome) == {"it": "cut"}
    assert said(outcome) == ["begun"]
    assert outcome.waiting == ("next",)
    until(lambda: not running("sleep", "7651"), "the stray to be ended", 5)


def test_what_a_pipeline_leaves_in_the_engine_is_removed(project: Project) -> None:
    name = project.registry.project.rpartition("/")[2]
    outcome = project.script(
        f"docker build --quiet --tag {name}:1 .",
        f"docker tag {name}:1 {name}:2; docker tag {name}:1 $CI_REGISTRY_IMAGE:3",
        f"docker run --detach --name {name} {name}:1 /bin/busybox sleep 100",
        f"docker volume create {name}; docker network create {name}",
        LOGIN,
        "docker push --quiet $CI_REGISTRY_IMAGE:3",
        "docker rmi $CI_REGISTRY_IMAGE:3; docker pull --quiet $CI_REGISTRY_IMAGE:3",
    )

    assert outcome.passed, outcome
    assert project.tags() == ["3"]
    api = project.engine.client.api
    assert api.volumes(filters={"name": name})["Volumes"] in (None, [])
    assert api.networks(names=[name]) == []
