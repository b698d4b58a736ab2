"""What several checks of lab 07's GitLab pipeline say about a run: that there was none, or that a job failed."""

import re
from collections.abc import Iterable
from typing import NoReturn

from checker.check import fail
from checker.findings.hub import listed as joined
from checker.pipelines.gitlab.deploy import DeployedContainer
from checker.pipelines.gitlab.runner import FILE, PipelineOutcome
from gitlabpushes import SECONDS, Push

PLAIN = "Compare with the variable itself, without quotes, as in $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH."


def require_run(outcome: PipelineOutcome, what: str) -> None:
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
            observed=f"It was ended then. {states(outcome)}",
            action="Look for something that waits: a server in the foreground, a prompt, a sleep.",
        )


def nothing_for(outcome: PipelineOutcome) -> NoReturn:
    left = listed((*outcome.dropped, *outcome.left_out))
    fail(
        "pipeline-not-for-this-ref",
        expected=f"For {outcome.ref.shown} there is a pipeline that builds, tests and scans.",
        observed=f"No job runs then. Left out: {left or 'none by only, except or rules'}.{doubts(outcome)}",
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
        observed=f"{states(outcome)}{waiting} Nothing is in the registry.{doubts(outcome)}",
        action=PLAIN
        if outcome.doubts
        else "Let a job log in and push, for the default branch, and let it wait for nobody.",
    )


def job_failed(outcome: PipelineOutcome, code: str) -> NoReturn:
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


def changed(outcome: PipelineOutcome) -> list[DeployedContainer]:
    """Return the containers whose image the pipeline set, or that it added."""
    return [container for container in outcome.deployed if container not in outcome.before]


def listed(names: Iterable[str]) -> str:
    """Names as a sentence has them; empty for none."""
    found = list(names)
    return joined(found) if found else ""


def doubts(outcome: PipelineOutcome) -> str:
    """Return what a condition only seems to say, to follow on a sentence; empty if all say what they mean."""
    return f" {outcome.doubts[0]}" if outcome.doubts else ""


def ran(outcome: PipelineOutcome) -> str:
    return listed(job.name for job in outcome.jobs) or "no job"


def states(outcome: PipelineOutcome) -> str:
    words = {"passed": "passed", "failed": "failed", "warned": "failed, as it may", "cut": "was ended"}
    shown = (f"{job.name} {words[job.state]}" for job in outcome.jobs)
    return f"Jobs: {', '.join(shown) or 'none'}."


def containers(found: tuple[DeployedContainer, ...]) -> str:
    shown = (f"{each.workload} has {each.image or 'no image'}" for each in found)
    return f"{'; '.join(shown)}.".capitalize() if found else "Nothing is deployed."
