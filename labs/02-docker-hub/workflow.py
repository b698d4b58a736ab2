"""What has to arrive on a hub when a workspace's workflows really run, as findings that say what was seen in
which run. Nothing but what arrived decides; the text of a workflow only helps to say why nothing did."""

import re
from collections.abc import Callable, Iterable, Mapping

import msgspec

from checker.check import fail
from checker.lab.workspace import Workspace
from checker.pipelines.github import audit
from checker.pipelines.github.events import WorkflowEvent, starts
from checker.pipelines.github.lint import problems
from checker.pipelines.github.runner import FOLDER
from checker.pipelines.github.workflowfile import BadWorkflow, Workflow, expressions, parse
from checker.pipelines.problem import FileProblem
from publication import Published

BUILD, META = "docker/build-push-action", "docker/metadata-action"
REFUSED_BY_GITHUB = ("workflow-unreadable", "workflow-invalid", "workflow-action-without-version")
"""Problems with which GitHub runs nothing of a file; with others it does what it can."""
SECRET_IN_FILE = "workflow-secret-in-file"


class Sound(msgspec.Struct, frozen=True):
    """The workflows that a push may start, and what may keep them from running to their end.

    all: the others as well, which those may call.
    """

    workflows: Mapping[str, Workflow]
    all: Mapping[str, Workflow]
    problems: tuple[FileProblem, ...] = ()


def require_sound(workspace: Workspace) -> Sound:
    """Return the workflows that GitHub would run on a push; a finding if there is none, or one that it
    refuses."""
    texts = _texts(workspace)
    found = {path: _parsed(path, text) for path, text in texts.items()}
    on_push = {path: flow for path, flow in found.items() if "push" in flow.triggers}
    if not on_push:
        events = sorted({event for flow in found.values() for event in flow.triggers})
        fail(
            "workflow-not-on-push",
            expected="The workflow that publishes runs when something is pushed to git.",
            observed=f"It runs on {', '.join(events) or 'nothing'}.",
            action="Name push below on, with the branches and tags that are to be published.",
        )
    wrong = [problem for path in on_push for problem in problems(path, texts[path])]
    if fatal := [problem for problem in wrong if problem.code in REFUSED_BY_GITHUB]:
        fail(
            fatal[0].code,
            expected=f"{fatal[0].path} is a workflow that GitHub can run.",
            observed=f"{fatal[0].path}, line {fatal[0].line}: {fatal[0].observed}",
            action="Mend that line; the documentation of the key or of the action says what may stand there.",
        )
    for path, flow in on_push.items():
        _require_no_secret(path, flow)
    return Sound(on_push, found, tuple(wrong))


def require_started(sound: Sound, branch: WorkflowEvent, *tags: WorkflowEvent) -> None:
    """That a push to the branch, and a push of each of these tags, starts one of the workflows."""
    for event in (branch, *tags):
        found = [started for flow in sound.workflows.values() for started in starts(flow, event)]
        if not any(found):
            fail(
                "workflow-without-the-tags" if event.tag else "workflow-without-the-branch",
                expected=f"{_begin(event.what)} is published.",
                observed=f"It starts no workflow. {' '.join(dict.fromkeys(entry.why for entry in found))}",
                action="Add tags below push, with a quoted pattern for all that begin with v."
                if event.tag
                else f"List {event.branch} in branches below push: if only tags are listed, no branch counts.",
            )


def starting(sound: Sound, events: Iterable[WorkflowEvent]) -> list[WorkflowEvent]:
    """Return those of the events that start one of the workflows."""
    return [event for event in events if any(any(starts(flow, event)) for flow in sound.workflows.values())]


def require_arrival(sound: Sound, main: Published, release: Published, project: str) -> None:
    """That both events put an image into this repository of the hub, and none into another."""
    missing = [published for published in (main, release) if project not in published.arrived]
    if missing:
        _require_the_right_name(missing[0], project)
        _require_good_end(sound, missing[0], project)
        seen = [f"On {published.what} nothing arrived: {_why(published)}" for published in missing]
        # GitHub only warns of an input that an action does not have, and it may be the one that was meant.
        seen += [f"{entry.path}, line {entry.line}: {entry.observed}" for entry in sound.problems]
        if len(missing) == 2:
            code = "workflow-does-not-push"
        else:
            code = "workflow-never-publishes-" + ("main" if missing[0] is main else "releases")
        fail(
            code,
            expected=f"A push to main, and the push of a tag such as v1.2.3, puts an image into {project}.",
            observed=" ".join(seen),
            action=f"{BUILD} pushes only if push is true, and a step or job runs only if its condition is.",
        )
    for published in (main, release):
        _require_the_right_name(published, project)


def require_app(published: Published, project: str, is_the_app: Callable[[str], bool]) -> None:
    """That what arrived is the app. is_the_app: says so of a tag."""
    if wrong := [tag for tag in published.arrived[project] if not is_the_app(tag)]:
        fail(
            "workflow-publishes-another-app",
            expected=f"{_begin(published.what)} publishes the app in the folder app, with this run's page.",
            observed=f"{project}:{wrong[0]} arrived, and no layer of it has that page.",
            action="Build the folder app of what was checked out: context: app.",
        )


def require_tags_of_ref(main: Published, release: Published, project: str, version: str) -> None:
    """That tags say which branch or git tag they were made of. version: of the release, without the v."""
    before, after = main.arrived[project], release.arrived[project]
    commits = [run.commit[:7] for run in release.outcome.runs]
    if any(_names(tag, version) or any(commit in tag for commit in commits) for tag in after):
        return
    fixed = set(after) <= set(before)
    fail(
        "workflow-fixed-tag" if fixed else "workflow-tag-of-something-else",
        expected=f"The git tag v{version} gives the image a tag that comes from it.",
        observed=f"On {main.what} arrived {', '.join(before)}, on {release.what} {', '.join(after)}.",
        action=f"Let {META} make the tags and hand its output over, or use ${{{{ github.ref_name }}}}."
        + (" With a fixed tag every push overwrites the one before." if fixed else ""),
    )


def require_nothing(published: Published) -> None:
    """That an event which is not to be published put nothing on the hub."""
    if published.arrived:
        shown = ", ".join(f"{name}:{tag}" for name, tags in published.arrived.items() for tag in tags)
        tag = published.outcome.event.tag
        fail(
            "workflow-publishes-other-tags" if tag else "workflow-publishes-every-branch",
            expected="Of the branches only main is published, and of the git tags those that begin with v.",
            observed=f"On {published.what} arrived {shown}.",
            action="Say which tags: a name without a v is no release."
            if tag
            else "Say which branches: half-done work on a branch of its own is not for everybody to pull.",
        )


def _texts(workspace: Workspace) -> dict[str, str]:
    folder = workspace.path / FOLDER
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    except OSError:  # none there, or one that may not be looked into
        names = []
    read = {f"{FOLDER}/{name}": workspace.read(f"{FOLDER}/{name}") for name in names}
    texts = {path: text for path, text in read.items() if text is not None}
    if not texts:
        fail(
            "workflow-missing",
            expected=f"A workflow in {FOLDER}/, with a name that ends in .yml or .yaml.",
            observed="There is none there.",
            action="Let the answer make the folder and write the file with a here-document.",
        )
    return texts


def _parsed(path: str, text: str) -> Workflow:
    try:
        return parse(text)
    except BadWorkflow as error:
        fail(
            "workflow-unreadable",
            expected=f"{path} is a workflow that GitHub can read.",
            observed=f"Line {error.line}, column {error.column}: {error.problem}.",
            action="Look at that line: two spaces for each level, no tabs, a colon after each key.",
        )


def _require_no_secret(path: str, flow: Workflow) -> None:
    for concern in audit.concerns(path, flow):
        if concern.code == SECRET_IN_FILE:
            fail(
                SECRET_IN_FILE,
                expected="No secret is in the file: it names a secret of the repository, in an expression.",
                observed=f"{path}, line {concern.line}: {concern.observed}",
                action=concern.action,
            )


def _require_the_right_name(published: Published, project: str) -> None:
    """That nothing went elsewhere: on the hub at all, or instead of there."""
    others = {name for name in published.arrived if name != project}
    others |= {name for name in published.asked if name != project and _on_the_hub(name)}
    if project not in published.asked and project not in published.arrived:
        others |= {name for name in published.asked if name != project}
    if others:
        fail(
            "workflow-names-another-image",
            expected=f"What is pushed is {project}.",
            observed=f"On {published.what} the run pushed {', '.join(sorted(others))}"
            + (f" beside {project}." if project in published.arrived else f", and nothing to {project}."),
            action="A name there is account/repository; let bash fill both in, they differ in every run.",
        )


def _on_the_hub(name: str) -> bool:
    first = name.partition("/")[0]
    return "." not in first and ":" not in first


def _require_good_end(sound: Sound, published: Published, project: str) -> None:
    """A finding about why a run failed, if one did."""
    failed = next((run for run in published.outcome.runs if not run.succeeded), None)
    if failed is None:
        return
    story = failed.story(published.what)
    expected = f"{_begin(published.what)} puts the app into {project} on the hub."
    if published.refused:
        fail(
            "workflow-login-refused",
            expected=expected,
            observed=f"The hub refused the login. {story}",
            action="The login takes the account and its token, each from a secret of the repository.",
        )
    if published.anonymous:
        fail(
            "workflow-without-login",
            expected="Before it pushes, the workflow logs in to Docker Hub.",
            observed=f"On {published.what} the push came from nobody: in that job no login came before it. {story}",
            action="Put a step that uses docker/login-action before the one that pushes, in the same job.",
        )
    for problem in sound.problems:
        if problem.path == failed.path:
            fail(
                problem.code,
                expected=expected,
                observed=f"{problem.path}, line {problem.line}: {problem.observed} {story}",
                action="Mend that line. The step's text says which actions the lab has.",
            )
    for path, flow in sound.workflows.items():
        _require_ids(path, flow, story)
    fail(
        "workflow-run-failed",
        expected=expected,
        observed=f"On {published.what} nothing arrived. {story}",
        action="Mend that step. A job begins on an empty machine: first the source (actions/checkout), then the "
        "login, then the build. `lab check` runs it again as often as you like.",
    )


def _require_ids(path: str, flow: Workflow, story: str) -> None:
    """That a step whose output is used is there. Without it the output is an empty text, on GitHub too."""
    for job in flow.jobs:
        known: list[str] = []
        for step in job.steps:
            texts = (step.run, *step.given.values(), *step.env.values())
            for wanted in re.findall(r"\bsteps\.([\w-]+)\.outputs", "\n".join(expressions("\n".join(texts)))):
                if wanted not in known:
                    fail(
                        "workflow-output-of-no-step",
                        expected=f"A step before line {step.line} of {path} has the id {wanted}: it is used.",
                        observed=f"The ids there are {', '.join(known) or 'none at all'}. {story}",
                        action=f"Give the step that you mean the key id: {wanted}. Else the tags are empty.",
                    )
            known += [step.id] if step.id else []


def _why(published: Published) -> str:
    """Return why a run that ended well pushed nothing, as far as it shows."""
    runs = published.outcome.runs
    if not any(run.jobs for run in runs):
        return "the conditions left every job out."
    left = [
        f"{step.name!r} in line {step.line}"
        for run in runs
        for job in run.jobs
        for step in job.steps
        if step.conclusion == "skipped"
    ]
    if left:
        return f"the run ended well, and the condition of the step {', '.join(left)} left it out."
    return "the run ended well, and no step of it pushed anything."


def _names(tag: str, version: str) -> bool:
    """Return whether a tag was made of a version: the whole of it, or its first one or two numbers."""
    parts, found = re.findall(r"\d+", version), re.findall(r"\d+", tag)
    whole = any(found[at : at + len(parts)] == parts for at in range(len(found)))
    return whole or found in (parts[:1], parts[:2])


def _begin(what: str) -> str:
    return what[:1].upper() + what[1:]
