"""Checks of the GitLab steps of lab 07: the pipeline is run for several pushes, and what counts is what lies in
the registry and what is deployed after each.

Every push has an account of its own in a hub on trial, so that nothing of one run is taken for another's.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import msgspec
import pytest

from checker.check import fail, step
from checker.findings.hub import listed as joined
from checker.model import Service
from checker.pipelines import gitlabadvice, gitlabschema
from checker.pipelines.deploy import REAL, Container
from checker.pipelines.gitlab import FILE, GitLab, Outcome, Registry
from checker.pipelines.gitlabfile import BadPipeline, PipelineFile
from checker.pipelines.gitlabrefs import Ref
from checker.pipelines.pipelines import Pipelines
from checker.reference import Digested, InvalidReference, Tagged, parse
from checker.registry import RegistryClient, RegistryImage
from checker.tokenauth import TokenAuth
from checker.trials import Trials
from checker.views.hub import Hub
from checker.workspace import Workspace

Values = Mapping[str, str]
MANIFEST = "k8s/deployment.yaml"
PAGE = "app/site/index.html"
PACKAGES = "app/packages"
HEALTHY, VULNERABLE = "jinja2-3.1.6.dist-info", "urllib3-1.24.1.dist-info"
OLD_PACKAGE = "Metadata-Version: 2.1\nName: urllib3\nVersion: 1.24.1\n"
"""CVE-2019-11324 and others, of which none is critical: a gate for critical ones only lets it through."""
SECONDS = 180.0
ACCOUNTS = ("main", "branch", "broken", "vulnerable", "refused")

Change = Callable[[Path], None]


class Push(msgspec.Struct, frozen=True):
    """One push: what became of its pipeline, and what its account has in the hub. pushed: repository -> tag ->
    digest."""

    outcome: Outcome
    registry: Registry
    pushed: dict[str, dict[str, str]]

    def shown(self) -> str:
        """What lies in the hub, as a sentence."""
        if not self.pushed:
            return "Nothing was pushed."
        held = (f"{name} with {listed(tags) or 'no tag'}" for name, tags in self.pushed.items())
        return f"Pushed were {'; '.join(held)}."


class Forge:
    """The project on GitLab: pushes happen when they are asked for, each once."""

    def __init__(self, gitlab: GitLab, trials: Trials, values: Values, file: PipelineFile) -> None:
        self._gitlab, self._trials, self._values = gitlab, trials, values
        self.file = file
        self._passwords = {name: secrets.token_hex(16) for name in ACCOUNTS}
        self._names = {name: f"{values['ACCOUNT']}-{secrets.token_hex(3)}" for name in ACCOUNTS}
        self.branch_name = f"fix/{values['GREETING']}"

    @cached_property
    def main(self) -> Push:
        """A push to the default branch."""
        return self._push("main", Ref(name="main"))

    @cached_property
    def again(self) -> Push:
        """The next push there: another page, so another image, with the same account."""
        return self._push("main", Ref(name="main"), self._other_page)

    @cached_property
    def branch(self) -> Push:
        return self._push("branch", Ref(name=self.branch_name))

    @cached_property
    def broken(self) -> Push:
        """A push to the default branch of an app that does not pass its test."""
        return self._push("broken", Ref(name="main"), _break)

    @cached_property
    def vulnerable(self) -> Push:
        """A push to the default branch of an app with a library that has a finding of severity HIGH."""
        return self._push("vulnerable", Ref(name="main"), _make_vulnerable)

    @cached_property
    def refused(self) -> Push:
        """A push to the default branch whose image the registry does not take."""
        return self._push("refused", Ref(name="main"), password=secrets.token_hex(16))

    def image(self, push: Push, reference: str) -> RegistryImage | None:
        """An image of the project by tag or digest, as the hub has it now."""
        return self.client(push).image(push.registry.project, reference)

    def client(self, push: Push) -> RegistryClient:
        """A new look at the hub, as the account of a push."""
        auth = TokenAuth(push.registry.user, push.registry.password)
        return RegistryClient(push.registry.address, auth=auth)

    @cached_property
    def _hub(self) -> Hub:
        accounts = [{"username": self._names[name], "password": self._passwords[name]} for name in ACCOUNTS]
        trial = self._trials.start(Service(name="forge", kind="hub", options={"accounts": accounts}))
        view = trial.view("forge")
        assert isinstance(view, Hub)
        return view

    def _push(self, account: str, ref: Ref, change: Change | None = None, password: str = "") -> Push:
        name = self._names[account]
        registry = Registry(
            address=self._hub.service.address,
            project=f"{name}/{self._values['PROJECT']}",
            user=name,
            password=password or self._passwords[account],
        )
        outcome = self._gitlab.run(
            self.file,
            ref,
            registry=registry,
            seconds=SECONDS,
            manifests=[MANIFEST],
            change=change,
            kubeconfig=os.environ.get(REAL, "") if account == "main" and change is None else "",
        )
        push = Push(outcome, registry, {})
        mine = [each for each in self._hub.registry.repositories() if each.startswith(f"{name}/")]
        client = self.client(push)
        for each in mine:
            tags = client.tags(each)
            push.pushed[each] = {tag: client.digest(each, tag) or "" for tag in tags}
        return push

    def _other_page(self, source: Path) -> None:
        _write(source / PAGE, f"<h1>Welcome to {secrets.token_hex(8)}</h1>\n")


def _break(source: Path) -> None:
    _write(source / PAGE, "<h1>Go away</h1>\n")


def _make_vulnerable(source: Path) -> None:
    _write(source / PACKAGES / VULNERABLE / "METADATA", OLD_PACKAGE)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def pipeline_file(workspace: Workspace) -> PipelineFile:
    """The learner's file, if GitLab would take it as far as its schema tells."""
    expected = f"{FILE} is a pipeline that GitLab can read."
    text = workspace.read(FILE)
    if text is None or not any(line.strip() and line.strip()[0] != "#" for line in text.splitlines()):
        fail(
            "pipeline-missing",
            expected=expected,
            observed="There is no such file." if text is None else "Nothing but comments stands in it.",
            action="Write its stages and one job for each.",
        )
    try:
        file = PipelineFile(text)
    except BadPipeline as error:
        fail(
            "pipeline-unreadable",
            expected=expected,
            observed=f"Line {error.line}, column {error.column}: {error.problem}.",
            action="Look at that line: two spaces for each level, no tabs, a colon and a blank after each key.",
        )
    if problems := gitlabschema.problems(file):
        shown = " ".join(f"Line {problem.line}: {problem.sentence}" for problem in problems[:3])
        fail(
            "pipeline-not-by-the-schema",
            expected=expected,
            observed=shown,
            action="Compare the key with GitLab's reference; what does not exist there, GitLab refuses.",
        )
    return file


@pytest.fixture(scope="session")
def gitlab(pipelines: Pipelines) -> GitLab:
    return GitLab(pipelines.engine, pipelines.workspace)


@pytest.fixture(scope="session")
def forge(gitlab: GitLab, trials: Trials, values: Values, pipeline_file: PipelineFile) -> Forge:
    return Forge(gitlab, trials, values, pipeline_file)


# ---------------------------------------------------------------------------------------- 3 pipeline
# Must catch: a file that GitLab refuses; jobs that fail; nothing pushed on main, or something else, or elsewhere;
# anything pushed or deployed on a branch, or a branch that is not even built.
# Must not fail: any names of stages and jobs, only or rules, any tags, templates, a deployment that fails (that is
# the step deploy's).
@step("pipeline")
def test_main_is_pushed_and_branches_are_not(forge: Forge, values: Values) -> None:
    require_main_pushed(forge, values)
    require_branch_not_pushed(forge)


def require_main_pushed(forge: Forge, values: Values) -> None:
    push = forge.main
    require_run(push.outcome, "pipeline")
    project = push.registry.project
    if not push.pushed.get(project):
        not_pushed(push)
    for tag in push.pushed[project]:
        image = forge.image(push, tag)
        if image and any(values["GREETING"].encode() in file.data for file in image.files()):
            return
    fail(
        "pipeline-pushes-another-image",
        expected="What is pushed is the app in app/, as it is in that commit.",
        observed=f"{push.shown()} None of these has this run's page, with {values['GREETING']}.",
        action="Build the folder app and push that image.",
    )


def require_branch_not_pushed(forge: Forge) -> None:
    push = forge.branch
    outcome = push.outcome
    if push.pushed:
        fail(
            "pipeline-pushes-branches",
            expected="A push to any other branch is built, tested and scanned, and nothing leaves the runner.",
            observed=f"A push to {forge.branch_name} ran {_ran(outcome)}. {push.shown()}",
            action="Give the job that pushes rules with an if: $CI_COMMIT_BRANCH has to be $CI_DEFAULT_BRANCH.",
        )
    if changed(outcome):
        fail(
            "pipeline-deploys-branches",
            expected="Only the default branch is deployed.",
            observed=f"A push to {forge.branch_name} deployed {changed(outcome)[0].image}.",
            action="Give the job that deploys the same rules as the one that pushes.",
        )
    require_run(outcome, "pipeline")
    if outcome.failed():
        job_failed(outcome, "pipeline-fails-on-branches")
    main = {job.name for job in forge.main.outcome.jobs}
    if not main & {job.name for job in outcome.jobs}:
        nothing_for(outcome)


# -------------------------------------------------------------------------------------------- 4 gate
# Must catch: a test or scan that is left out, allowed to fail, or passes by itself; a push that does not wait.
# Must not fail: any scanner's exit code, gates in one job or in several, a push in the job that tests and scans.
@step("gate")
def test_a_failing_test_stops_the_push(forge: Forge) -> None:
    require_stopped(
        forge.broken,
        "gate-test-does-not-stop",
        "An image whose test fails is not pushed.",
        "The page was made to fail the test in the image, app/test.",
        "Run the image with the command /test in a job before the push, and let it fail if that does.",
    )


@step("gate")
def test_a_finding_stops_the_push(forge: Forge) -> None:
    require_stopped(
        forge.vulnerable,
        "gate-finding-does-not-stop",
        "An image with a finding of severity HIGH or CRITICAL is not pushed.",
        "urllib3 1.24.1 was put among the app's libraries, which has findings of severity HIGH.",
        "Let Trivy end with an exit code for both severities, on the image that is pushed, in a job before.",
    )


def require_stopped(push: Push, code: str, expected: str, was: str, action: str) -> None:
    outcome = push.outcome
    if push.pushed or changed(outcome):
        went = f"{push.shown()}" if push.pushed else f"Deployed is {changed(outcome)[0].image}."
        fail(code, expected=expected, observed=f"{was} {_states(outcome)} {went}", action=action)
    if outcome.passed:
        fail(
            f"{code}-visibly",
            expected=f"{expected} The pipeline fails, so that somebody sees it.",
            observed=f"{was} {_states(outcome)} Nothing was pushed, and the pipeline passed all the same.",
            action=action,
        )


# ------------------------------------------------------------------------------------------ 5 deploy
# Must catch: a manifest that no cluster takes; an image that is not set, not there, or may become another one; a
# deployment that does not wait for the push.
# Must not fail: digest or tag, `set image`, `patch` or `apply`, any other objects in the manifest.
@step("deploy")
def test_what_was_pushed_is_deployed(forge: Forge, workspace: Workspace) -> None:
    require_manifest(forge, workspace)
    require_deployed(forge)


def require_manifest(forge: Forge, workspace: Workspace) -> None:
    outcome = forge.main.outcome
    text = workspace.read(MANIFEST)
    if text is None or not any(line.strip() and line.strip()[0] != "#" for line in text.splitlines()):
        fail(
            "deploy-manifest-missing",
            expected=f"{MANIFEST} describes a deployment.",
            observed="There is no such file." if text is None else "Nothing but comments stands in it.",
            action="Write apiVersion, kind, metadata and spec of a deployment with one container.",
        )
    if outcome.manifest or outcome.real:
        fail(
            "deploy-manifest-refused",
            expected=f"{MANIFEST} is something that Kubernetes takes.",
            observed=f"kubectl says: {(outcome.manifest or outcome.real)[:400]}",
            action="Mend what it names; `kubectl set image --local -f FILE` tells the same without a cluster.",
        )
    if unselected := outcome.unselected:
        fail(
            "deploy-selector-differs",
            expected="A deployment's selector finds the pods that it makes.",
            observed=f"In {unselected[0]} the labels of the template are others than those of the selector.",
            action="Write the same labels below selector.matchLabels and below template.metadata.labels.",
        )


def require_deployed(forge: Forge) -> None:
    push = forge.main
    outcome = push.outcome
    require_run(outcome, "deploy")
    deployed = changed(outcome)
    if not deployed:
        if outcome.failed():
            job_failed(outcome, "deploy-job-failed")
        fail(
            "deploy-sets-no-image",
            expected="After a push to the default branch the deployment has the image of that commit.",
            observed=f"{_states(outcome)} {_containers(outcome.deployed)}",
            action="Let a job call `kubectl set image deployment/NAME CONTAINER=IMAGE`.",
        )
    for container in deployed:
        require_pinned(forge, push, container)
    if outcome.failed():
        job_failed(outcome, "deploy-job-failed")


def require_pinned(forge: Forge, push: Push, container: Container) -> None:
    """That a container's image is one that this push brought to the registry, and stays that one."""
    expected = "The deployment names an image of the registry that nobody can replace by another."
    named = (
        f"The container {container.name} of {container.workload} has the image {container.image or 'nothing'}"
    )
    try:
        reference = parse(container.image)
    except InvalidReference:
        fail(
            "deploy-image-unreadable",
            expected=expected,
            observed=f"{named}, which is no name of an image.",
            action="Look at what the variable holds in the deploy job: a dotenv report hands one on.",
        )
    repository = f"{reference.repository.registry}/{reference.repository.path}"
    wanted = f"{push.registry.address}/{push.registry.project}"
    if repository != wanted:
        fail(
            "deploy-of-another-repository",
            expected=f"The deployment names the image that was pushed, in {wanted}.",
            observed=f"{named}.",
            action="A cluster pulls from the registry, so the name begins with $CI_REGISTRY_IMAGE.",
        )
    name = str(reference.digest) if isinstance(reference, Digested) else _tag(reference)
    there = forge.client(push).digest(push.registry.project, name)
    if there is None:
        fail(
            "deploy-of-what-is-not-there",
            expected="The deployment names an image that was pushed before.",
            observed=f"{named}. {push.shown()}",
            action="Deploy after the push, and use the name or the digest that the push job used.",
        )
    if isinstance(reference, Digested):
        return
    after = forge.again
    moved = after.pushed.get(push.registry.project, {}).get(name) != there
    if moved or container in changed(after.outcome):
        fail(
            "deploy-mutable-tag",
            expected=expected,
            observed=f"{named}. After the next push to main, with another page, that tag named another image."
            if moved
            else f"{named}, and so it has after the next push to main, with another page.",
            action="Use the digest, or a tag with $CI_COMMIT_SHA in it, which the next commit does not have.",
        )
    require_after_push(forge)


def require_after_push(forge: Forge) -> None:
    """That a deployment by tag waits for the push; one by digest has to, as only the push makes that known."""
    outcome = forge.refused.outcome
    if changed(outcome):
        fail(
            "deploy-does-not-wait-for-the-push",
            expected="The deployment is changed after the push, and only if that succeeded.",
            observed=f"The registry refused the account of the pipeline. {_states(outcome)} Deployed is "
            f"{changed(outcome)[0].image} all the same, which is not there.",
            action="Let the job that deploys wait for the one that pushes: by a later stage, or by its needs.",
        )


def _tag(reference: Tagged | object) -> str:
    return reference.tag if isinstance(reference, Tagged) else "latest"


# ------------------------------------------------------------------------------------------ 6 harden
# Must catch: a password on a command line, a secret in the file or in the log, images of jobs without a version.
# Must not fail: variables of the project's settings, whatever they are called.
@step("harden")
def test_the_gitlab_pipeline_gives_nothing_away(forge: Forge, workspace: Workspace) -> None:
    for found in gitlabadvice.advice(forge.file, workspace.read):
        fail(found.code, expected=found.expected, observed=found.observed, action=found.action)
    if forge.main.outcome.leaked:
        fail(
            "pipeline-secret-in-the-log",
            expected="No job prints a secret.",
            observed="The log of a push to main has the registry's password in it.",
            action="Do not echo it, and leave `set -x` and `env` out. What was printed once has to be replaced.",
        )


# ------------------------------------------------------------------------------------------- findings
def require_run(outcome: Outcome, what: str) -> None:
    """That there was a pipeline at all, and that it came to its end."""
    expected = f"GitLab runs {FILE} for {outcome.ref.shown}."
    for refusal in outcome.refusals:
        fail(
            refusal.code,
            expected=expected,
            observed=f"Line {refusal.line}: {refusal.observed}",
            action=refusal.action,
        )
    if outcome.complaint:
        fail(
            "pipeline-refused",
            expected=expected,
            observed=f"It is refused: {outcome.complaint}",
            action="Mend what it names. Stages have to be listed, and needs to name jobs of the file.",
        )
    if not outcome.ran:
        nothing_for(outcome)
    if outcome.timed_out:
        fail(
            f"{what}-takes-too-long",
            expected=f"The pipeline ends within {SECONDS:.0f} s.",
            observed=f"It was ended then. {_states(outcome)}",
            action="Look for something that waits: a server in the foreground, a prompt, a sleep.",
        )


def nothing_for(outcome: Outcome) -> NoReturn:
    fail(
        "pipeline-not-for-this-ref",
        expected=f"For {outcome.ref.shown} there is a pipeline that builds, tests and scans.",
        observed=f"No job runs then. Left out: {listed(outcome.dropped) or 'none by only or except'}.",
        action="Only push and deploy are for the default branch alone; the other jobs need no rules.",
    )


def not_pushed(push: Push) -> NoReturn:
    outcome = push.outcome
    if outcome.failed():
        job_failed(outcome, "pipeline-job-failed")
    project = push.registry.project
    if push.pushed:
        fail(
            "pipeline-pushes-elsewhere",
            expected=f"The image is pushed to the project's registry, as {project}.",
            observed=push.shown(),
            action="Begin the image's name with $CI_REGISTRY_IMAGE.",
        )
    waiting = f" Not started: {listed(outcome.waiting)}." if outcome.waiting else ""
    fail(
        "pipeline-pushes-nothing",
        expected=f"A push to main brings an image to {project}.",
        observed=f"{_states(outcome)}{waiting} Nothing is in the registry.",
        action="Let a job log in and push, for the default branch, and let it wait for nobody.",
    )


def job_failed(outcome: Outcome, code: str) -> NoReturn:
    job = outcome.failed()[0]
    said = job.last() or "nothing"
    asked = f" The engine was asked in vain: {outcome.not_allowed[0]}" if outcome.not_allowed else ""
    absent = re.search(r"(\S+): (?:command )?not found", said)
    fail(
        code,
        expected=f"The job {job.name} passes for {outcome.ref.shown}.",
        observed=f"Line {job.line}: it ended with exit code {job.exit_code}. Its last lines: {said}{asked}",
        action=f"There is no {absent[1]} where the jobs run: a shell with docker, trivy, kubectl and git."
        if absent
        else "Mend the command that these lines are of.",
    )


def changed(outcome: Outcome) -> list[Container]:
    """The containers whose image the pipeline set, or that it added."""
    return [container for container in outcome.deployed if container not in outcome.before]


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them; empty for none."""
    found = list(names)
    return joined(found) if found else ""


def _ran(outcome: Outcome) -> str:
    return listed(job.name for job in outcome.jobs) or "no job"


def _states(outcome: Outcome) -> str:
    states = {"passed": "passed", "failed": "failed", "warned": "failed, as it may", "cut": "was ended"}
    shown = (f"{job.name} {states[job.state]}" for job in outcome.jobs)
    return f"Jobs: {', '.join(shown) or 'none'}."


def _containers(containers: tuple[Container, ...]) -> str:
    shown = (f"{each.workload} has {each.image or 'no image'}" for each in containers)
    return f"{'; '.join(shown)}.".capitalize() if containers else "Nothing is deployed."
