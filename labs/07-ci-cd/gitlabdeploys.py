"""What lab 07 asks of the manifest and of the job that deploys."""

from collections.abc import Mapping

from checker.check import fail
from checker.inspect.reference import Digested, InvalidReference, Tagged, parse
from checker.lab.workspace import Workspace
from checker.pipelines.gitlab.deploy import DeployedContainer
from gitlabasks import is_the_app
from gitlabpushes import MANIFEST, Forge, Push
from gitlabsays import changed, containers, job_failed, listed, require_run, states

Values = Mapping[str, str]
WORKLOAD, CONTAINER = "deployment/shop", "shop"


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


def require_deployed(forge: Forge, values: Values) -> None:
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
            observed=f"{states(outcome)} {containers(outcome.deployed)}",
            action="Let a job call `kubectl set image deployment/NAME CONTAINER=IMAGE`.",
        )
    if not any((each.workload, each.name) == (WORKLOAD, CONTAINER) for each in deployed):
        fail(
            "deploy-under-another-name",
            expected="The image of the container shop in the deployment shop is set.",
            observed=f"What has a new image after a push to main is {listed(_named(each) for each in deployed)}.",
            action=f"Give both the name shop in {MANIFEST}, and use it in the job as well.",
        )
    for container in deployed:
        require_pinned(forge, push, container, values)
    if outcome.failed():
        job_failed(outcome, "deploy-job-failed")


def require_pinned(forge: Forge, push: Push, container: DeployedContainer, values: Values) -> None:
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
    if not is_the_app(forge.image(push, name), values):
        fail(
            "deploy-of-another-image",
            expected="What is deployed is the app, as it was pushed from that commit.",
            observed=f"{named}. That image has not this run's page, with {values['GREETING']}.",
            action="Hand the digest of the push itself to the job that deploys.",
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
            observed=f"The registry refused the account of the pipeline. {states(outcome)} Deployed is "
            f"{changed(outcome)[0].image} all the same, which is not there.",
            action="Let the job that deploys wait for the one that pushes: by a later stage, or by its needs.",
        )


def _named(container: DeployedContainer) -> str:
    return f"{container.name} of {container.workload}"


def _tag(reference: Tagged | object) -> str:
    return reference.tag if isinstance(reference, Tagged) else "latest"
