"""What the checks of GitHub workflows ask for, as findings."""

import json
from collections.abc import Iterator, Mapping
from typing import NoReturn

import pytest

from checker.base.errors import ContentFault
from checker.check import CheckFailed, fail
from checker.inspect import sarif
from checker.pipelines.github import audit
from checker.pipelines.github.lint import problems
from checker.pipelines.github.runner import WorkflowRun
from checker.pipelines.github.workflowfile import parse
from checker.pipelines.problem import FileProblem
from githubruns import GitHub, Happened, listed, shown

SECRET_IN_FILE = "workflow-secret-in-file"
KNOWN_SECRETS = frozenset({"DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN", "GITHUB_TOKEN"})


def require_sound(github: GitHub, path: str) -> None:
    """A finding for the first thing that is wrong with a file before anything of it runs."""
    text = github.text(path)
    if not (text or "").strip() or all(
        line.startswith("#") or not line for line in (text or "").splitlines()
    ):
        fail(
            "workflow-missing",
            expected=f"{path} is a workflow.",
            observed="There is no such file." if text is None else "It holds nothing but comments.",
            action="Write on, jobs and the steps there.",
        )
    found = problems(path, text or "")
    if found:
        first = found[0]
        more = (
            f" And in line {', '.join(str(entry.line) for entry in found[1:5])} is more." if found[1:] else ""
        )
        fail(
            first.code,
            expected=f"{path} is a workflow that GitHub, and this lab, can run.",
            observed=f"{path}, line {first.line}: {first.observed}{more}",
            action="Mend that line; the documentation of the key or of the action says what may stand there.",
        )


def skip_unless_sound(github: GitHub, path: str) -> None:
    """Leave a file that cannot be run to the check that says what is wrong with it."""
    try:
        require_sound(github, path)
        require_secrets(github, path)
    except CheckFailed:
        pytest.skip(f"{path} has to be mended first.")


def require_secrets(github: GitHub, path: str) -> None:
    text = github.text(path) or ""
    workflow = parse(text)
    for name, line in audit.secrets_named(workflow).items():
        if name not in KNOWN_SECRETS:
            fail(
                "workflow-secret-unknown",
                expected=f"The secrets that {path} names are DOCKERHUB_USERNAME and DOCKERHUB_TOKEN.",
                observed=f"{path}, line {line}: there is no secret {name}, so it is empty.",
                action="Write the name as it stands among the repository's secrets.",
            )
    found = audit.concerns(path, workflow, {"the token": github.token})
    if literal := [concern for concern in found if concern.code == SECRET_IN_FILE]:
        refuse(literal)


def require_run(happened: Happened, code: str, hint: str) -> WorkflowRun:
    """Return the run that an event has started and that ended well."""
    if happened.run is None:
        fail(
            code,
            expected=f"{happened.what[:1].upper()}{happened.what[1:]} starts {happened.path}.",
            observed=happened.why_not,
            action=f"It needs {hint}.",
        )
    if not happened.run.succeeded:
        fail(
            "workflow-run-failed",
            expected=f"The run of {happened.path} for {happened.what} ends well.",
            observed=happened.story,
            action="Mend that step. `lab check` runs the workflow again as often as you like.",
        )
    return happened.run


def require_image(github: GitHub, happened: Happened) -> None:
    """That the event has put the app into its repository."""
    pushed = happened.pushed
    ours = pushed.get(happened.project, {})
    expected = (
        f"{happened.what[:1].upper()}{happened.what[1:]} puts the app into {happened.project} on the hub."
    )
    if not ours:
        fail(
            "published-elsewhere" if pushed else "nothing-published",
            expected=expected,
            observed=f"The run ended well and pushed {shown(pushed)}."
            if pushed
            else f"{happened.story} Nothing new is on the hub.",
            action="The image's name is account/repository: ${{ secrets.DOCKERHUB_USERNAME }}/"
            "${{ github.event.repository.name }}."
            if pushed
            else "docker/build-push-action pushes only with push: true, and only after it has built.",
        )
    greeting = github.greeting.encode()
    for tag in ours:
        try:
            image = github.registry.image(happened.project, tag)
            good = image is not None and any(greeting in file.data for file in image.files())
        except ContentFault:
            good = False
        if not good:
            fail(
                "published-another-image",
                expected=f"{expected[:-1]}, with the page of app/site.",
                observed=f"The image {happened.project}:{tag} has no such page.",
                action="Build the folder app of what was checked out: context: app.",
            )


def require_reports(happened: Happened, run: WorkflowRun) -> None:
    if not run.uploads:
        fail(
            "sarif-not-uploaded",
            expected=f"The run for {happened.what} uploads a SARIF report.",
            observed=f"{happened.story} It uploaded none.",
            action="Let Trivy write SARIF into a file, and hand that to github/codeql-action/upload-sarif.",
        )
    images = set(run.images.values())
    texts = [text.decode("utf-8", "replace") for text in run.uploads]
    sound = [text for text in texts if not sarif.problem(text)]
    if not sound:
        fail(
            "sarif-invalid",
            expected="What is uploaded is SARIF 2.1.0.",
            observed=sarif.problem(texts[0]),
            action="Let Trivy write it: format: sarif and output: a file's name.",
        )
    # One of several is enough: a report about the source may come beside that of the image.
    scanned = {identity for text in sound for identity in scanned_images(json.loads(text))}
    if not scanned:
        fail(
            "sarif-of-no-image",
            expected="One of the reports is that of an image.",
            observed="They name no image: files were scanned, or they were written by hand.",
            action="Give the scan the image as image-ref.",
        )
    if not scanned & images:
        fail(
            "sarif-of-another-image",
            expected="One of the reports is that of the image which this run built.",
            observed=f"What was scanned is {listed(key[:19] for key in scanned)}; built was "
            f"{listed(key[:19] for key in images) if images else 'nothing'}.",
            action="Build first, with load: true where a builder was set up, and scan that very name.",
        )


def reports(run: WorkflowRun) -> Iterator[dict[str, object]]:
    for data in run.uploads:
        try:
            found = json.loads(data)
        except ValueError:
            continue
        if isinstance(found, dict) and not sarif.problem(data.decode("utf-8", "replace")):
            yield found


def rules(report: Mapping[str, object]) -> list[str]:
    """Return the rules that results of a report are of."""
    runs = report["runs"]
    assert isinstance(runs, list)
    return [str(result.get("ruleId")) for run in runs for result in run.get("results") or ()]


def scanned_images(report: Mapping[str, object]) -> set[str]:
    """Return the IDs of the images that Trivy says it has looked at."""
    runs = report["runs"]
    assert isinstance(runs, list)
    found = {str((run.get("properties") or {}).get("imageID") or "") for run in runs}
    return {identity for identity in found if identity}


def refuse(found: list[FileProblem]) -> NoReturn:
    first = found[0]
    more = "" if len(found) == 1 else f" There is more: {'; '.join(places(found[1:4]))}."
    fail(
        first.code,
        expected="The workflows give nothing away: few rights, fixed versions, no foreign text in a script.",
        observed=f"{first.path}, line {first.line}: {first.observed}{more}",
        action=first.action,
    )


def places(found: list[FileProblem]) -> list[str]:
    return [f"{concern.path}, line {concern.line} ({concern.code})" for concern in found]
