"""What lab 07 asks of a GitLab pipeline in the steps pipeline and gate."""

import re
from collections.abc import Callable, Mapping

from checker.check import fail
from checker.inspect.registryimage import RegistryImage
from checker.pipelines.gitlab.runner import PipelineOutcome
from checker.scanning import trialimages
from gitlabpushes import Forge, Push
from gitlabsays import changed, doubts, job_failed, not_pushed, nothing_for, ran, require_run, states

Values = Mapping[str, str]
TEST = re.compile(r"(?<![\w./-])/test\b(?![./-])")
"""The image's own test in a container's command."""
BASES = "registry-lab/"
"""How the names of images begin that nobody here has built."""


# -------------------------------------------------------------------------------------------- pipeline
def require_main_pushed(forge: Forge, values: Values) -> None:
    push = forge.main
    require_run(push.outcome, "pipeline")
    tags = push.pushed.get(push.registry.project)
    if not tags:
        not_pushed(push)
    if any(is_the_app(forge.image(push, tag), values) for tag in tags):
        return
    fail(
        "pipeline-pushes-another-image",
        expected="What is pushed is the app in app/, as it is in that commit.",
        observed=f"{push.shown()} None of these has this run's page, with {values['GREETING']}.",
        action="Build the folder app and push that image.",
    )


def is_the_app(image: RegistryImage | None, values: Values) -> bool:
    """Return whether an image has this run's page."""
    greeting = values["GREETING"].encode()
    return image is not None and any(greeting in file.data for file in image.files())


def require_branch_not_pushed(forge: Forge) -> None:
    push = forge.branch
    outcome = push.outcome
    _require_nothing_left(push, f"A push to {forge.branch_name}", "branches")
    require_run(outcome, "pipeline")
    if outcome.failed():
        job_failed(outcome, "pipeline-fails-on-branches")
    if not outcome.jobs:
        nothing_for(outcome)


def require_others_not_pushed(forge: Forge) -> None:
    """That tags and merge requests are not pushed either; tried only if they have jobs that a branch has not."""
    usual = forge.planned("branch")
    for name, what in (("tag", "A push of the git tag v1.0.0"), ("merge", "A merge request")):
        if forge.planned(name) - usual:
            push = forge.tag if name == "tag" else forge.merge
            _require_nothing_left(push, what, "tags" if name == "tag" else "merge-requests")


def _require_nothing_left(push: Push, what: str, kind: str) -> None:
    outcome = push.outcome
    if push.pushed:
        fail(
            f"pipeline-pushes-{kind}",
            expected="A push to any other branch is built, tested and scanned, and nothing leaves the runner."
            if kind == "branches"
            else "Only the default branch is pushed.",
            observed=f"{what} ran {ran(outcome)}. {push.shown()}{doubts(outcome)}",
            action="Give the job that pushes rules with an if: $CI_COMMIT_BRANCH has to be $CI_DEFAULT_BRANCH.",
        )
    if changed(outcome):
        fail(
            f"pipeline-deploys-{kind}",
            expected="Only the default branch is deployed.",
            observed=f"{what} deployed {changed(outcome)[0].image}.",
            action="Give the job that deploys the same rules as the one that pushes.",
        )


def require_branch_checked(forge: Forge) -> None:
    """That a branch is tested and scanned, as main is.

    Where the image's test ran and Trivy looked at an image, that is so. Otherwise the branch gets an image that does
    not pass: whatever way the learner goes, some job has to notice.
    """
    missing = []
    if not _checked(forge, tested, lambda: forge.broken, lambda: forge.broken_branch):
        missing.append("tested")
    if not _checked(forge, scanned, lambda: forge.high, lambda: forge.flawed_branch):
        missing.append("scanned")
    if missing:
        outcome = forge.branch.outcome
        what = f"neither {' nor '.join(missing)}" if len(missing) > 1 else f"not {missing[0]}"
        fail(
            "pipeline-branches-not-checked",
            expected="A push to any branch is built, tested and scanned, so that mistakes are seen before a merge.",
            observed=f"A push to {forge.branch_name} ran {ran(outcome)}: its image was {what}.{doubts(outcome)}",
            action="Let the jobs that test and scan run for every branch: without rules they do. Only push and "
            "deploy are for the default branch alone.",
        )


def _checked(
    forge: Forge,
    seen: Callable[[PipelineOutcome], bool],
    on_main: Callable[[], Push],
    on_branch: Callable[[], Push],
) -> bool:
    """seen: whether it shows in a run. on_main, on_branch: pushes of what must be noticed."""
    clean = forge.branch.outcome
    if seen(clean):
        return True
    # What goes through on main as well is not for the step pipeline but for the step gate to say.
    if not seen(forge.main.outcome) and not on_main().outcome.failed():
        return True
    fine = {job.name for job in clean.jobs if job.state == "passed"}
    return any(job.state != "passed" and job.name in fine for job in on_branch().outcome.jobs)


def tested(outcome: PipelineOutcome) -> bool:
    """Return whether a container ran the image's test."""
    return any(TEST.search(command) for command in outcome.commands)


def scanned(outcome: PipelineOutcome) -> bool:
    """Return whether Trivy was called for an image that is none of the lab's own."""
    calls = (scan.split() for scan in outcome.scans)
    return any(
        {"image", "i"} & {*words} and not any(word.startswith(BASES) for word in words) for words in calls
    )


# ------------------------------------------------------------------------------------------------ gate
def require_test_stops(forge: Forge) -> None:
    _require_stopped(
        forge.broken,
        "gate-test-does-not-stop",
        "An image whose test fails is not pushed.",
        "The page was made to fail the test in the image, app/test.",
        "Run the image with the command /test in a job before the push, and let it fail if that does.",
    )


def require_findings_stop(forge: Forge) -> None:
    """One image with a HIGH finding and nothing else, one with a CRITICAL one, one that cannot be scanned."""
    expected = "An image with a finding of severity HIGH or CRITICAL is not pushed."
    _require_stopped(
        forge.high,
        "gate-finding-does-not-stop",
        expected,
        f"{trialimages.HIGH} was put among the app's libraries, which has one finding, of severity HIGH.",
        "Let Trivy end with an exit code for both severities, on the image that is pushed, in a job before.",
    )
    _require_stopped(
        forge.critical,
        "gate-critical-does-not-stop",
        expected,
        f"{trialimages.CRITICAL} was put among the app's libraries, which has one finding, of severity CRITICAL. "
        "One of severity HIGH does stop the pipeline.",
        "--severity takes a list of exactly the severities that count, and CRITICAL is not part of HIGH: name both.",
    )
    _require_stopped(
        forge.blind,
        "gate-failed-scan-does-not-stop",
        "An image that could not be scanned is not pushed: nobody knows what is in it.",
        "Trivy could not get its database, and ended with exit code 1 without a report.",
        "Let the job fail whenever Trivy does. Whoever reads its exit code or its report has to tell apart that there "
        "are no findings and that there was no scan.",
    )


def _require_stopped(push: Push, code: str, expected: str, was: str, action: str) -> None:
    outcome = push.outcome
    if push.pushed or changed(outcome):
        went = f"{push.shown()}" if push.pushed else f"Deployed is {changed(outcome)[0].image}."
        fail(code, expected=expected, observed=f"{was} {states(outcome)} {went}", action=action)
    if outcome.passed:
        fail(
            f"{code}-visibly",
            expected=f"{expected} The pipeline fails, so that somebody sees it.",
            observed=f"{was} {states(outcome)} Nothing was pushed, and the pipeline passed all the same.",
            action=action,
        )
