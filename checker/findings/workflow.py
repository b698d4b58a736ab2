"""What a workflow has to say so that it publishes an image, as findings: when it runs, how it logs in, what
it pushes, and that no secret stands in it."""

import re
from collections.abc import Iterable, Iterator

import msgspec

from checker.check import fail
from checker.looks.workflowfile import BadWorkflow, Job, Step, Workflow, expressions, parse
from checker.workspace import Workspace

FOLDER = ".github/workflows"
LOGIN, META, BUILD = "docker/login-action", "docker/metadata-action", "docker/build-push-action"
CHECKOUT = "actions/checkout"
HUB_NAMES = ("", "docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")
"""What docker/login-action may be told for Docker Hub: nothing, as a rule."""
SECRET = re.compile(r"\bsecrets\.[A-Za-z_]\w*|\bsecrets\[")
OF_THE_REF = re.compile(
    r"github\.(ref_name|ref\b|sha)|GITHUB_(REF_NAME|REF\b|SHA)|steps\.[\w-]+\.outputs|needs\."
)
PUSHES = re.compile(r"\bdocker\s+(image\s+)?push\b|\bdocker\s+(image\s+|buildx\s+)?build\b[^\n]*\s--push\b")
BUILDS = re.compile(r"\bdocker\s+(image\s+|buildx\s+)?build\b")
LOGS_IN = re.compile(r"\bdocker\s+login\b")


class Published(msgspec.Struct, frozen=True):
    """A step that pushes an image, in its job, with the steps before it."""

    workflow: Workflow
    job: Job
    step: Step
    before: tuple[Step, ...]

    @property
    def everything(self) -> str:
        """All texts that may say where the image goes and under which tag."""
        metas = [entry for entry in self.before if entry.action == META]
        parts = [self.step.run, *self.step.given.values(), *self.step.env.values()]
        parts += [text for meta in metas for text in meta.given.values()]
        parts += [entry.run for entry in self.before]
        parts += [*self.job.env.values(), *self.workflow.env.values()]
        return "\n".join(parts)


def require_workflows(workspace: Workspace) -> dict[str, Workflow]:
    """All workflows of the workspace by their paths; a finding if there is none, or one cannot be read."""
    folder = workspace.path / FOLDER
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    except OSError:  # none there, or one that may not be looked into
        names = []
    texts = {f"{FOLDER}/{name}": workspace.read(f"{FOLDER}/{name}") for name in names}
    found: dict[str, Workflow] = {}
    for path, text in texts.items():
        if text is None:
            continue
        try:
            found[path] = parse(text)
        except BadWorkflow as error:
            fail(
                "workflow-unreadable",
                expected=f"{path} is a workflow that GitHub can read.",
                observed=f"Line {error.line}, column {error.column}: {error.problem}.",
                action="Look at that line: two spaces for each level, no tabs, a colon after each key.",
            )
    if not found:
        fail(
            "workflow-missing",
            expected=f"A workflow in {FOLDER}/, with a name that ends in .yml or .yaml.",
            observed="There is none there.",
            action="Let the answer make the folder and write the file with a here-document.",
        )
    return found


def publishing(workflows: Iterable[Workflow]) -> list[Published]:
    """Every step of every workflow that pushes an image."""
    return [
        Published(workflow, job, step, job.steps[:number])
        for workflow in workflows
        for job in workflow.jobs
        for number, step in enumerate(job.steps)
        if _pushes(step)
    ]


def require_published(workflows: dict[str, Workflow]) -> Published:
    """The step that pushes when a branch or tag is pushed; the first if there are more."""
    found = publishing(workflows.values())
    if not found:
        builds = [step for workflow in workflows.values() for job in workflow.jobs for step in job.steps]
        built = next((step for step in builds if step.action == BUILD or BUILDS.search(step.run)), None)
        fail(
            "workflow-does-not-push",
            expected="One step of the workflow builds the image and pushes it.",
            observed=f"The step in line {built.line} builds, and nothing pushes what it built."
            if built
            else f"None of the steps in {', '.join(workflows)} builds or pushes an image.",
            action=f"{BUILD} pushes only with push: true." if built else f"Add a step that uses {BUILD}.",
        )
    on_push = [entry for entry in found if "push" in entry.workflow.triggers]
    if not on_push:
        events = sorted({event for entry in found for event in entry.workflow.triggers})
        fail(
            "workflow-not-on-push",
            expected="The workflow that publishes runs when something is pushed to git.",
            observed=f"It runs on {', '.join(events)}.",
            action="Name push below on, with the branches and tags that are to be published.",
        )
    return on_push[0]


def require_refs(published: Published, branch: str, tags: Iterable[str], others: Iterable[str]) -> None:
    """That it runs for this branch and these tags, and for none of the other branches."""
    trigger = published.workflow.triggers["push"]
    shown = "; ".join(f"{name}: {', '.join(entries)}" for name, entries in trigger.filters.items())
    observed = f"Line {trigger.line}: its filters are {shown}." if shown else "Its push has no filters."
    if not trigger.fires_for_branch(branch):
        fail(
            "workflow-without-the-branch",
            expected=f"A push to the branch {branch} is published.",
            observed=observed,
            action=f"List {branch} in branches below push: if only tags are listed, no branch counts.",
        )
    if missed := [tag for tag in tags if not trigger.fires_for_tag(tag)]:
        fail(
            "workflow-without-the-tags",
            expected=f"A push of the git tag {missed[0]} is published.",
            observed=f"{observed} They leave {missed[0]} out.",
            action="Add tags below push, with a quoted pattern for all that begin with v.",
        )
    if taken := [name for name in others if trigger.fires_for_branch(name)]:
        fail(
            "workflow-publishes-every-branch",
            expected=f"Of the branches only {branch} is published.",
            observed=f"{observed} A push to {taken[0]} starts it too.",
            action="Say which branches: half-done work on a branch of its own is not for everybody to pull.",
        )


def require_login(published: Published) -> None:
    """That a step before logs in to Docker Hub with secrets of the repository."""
    found = [step for step in published.before if step.action == LOGIN or LOGS_IN.search(step.run)]
    run = _joined(published.step.run)
    if (login := LOGS_IN.search(run)) and (push := PUSHES.search(run)) and login.start() < push.start():
        found.append(published.step)
    to_hub = [step for step in found if _filled(step.given.get("registry", ""), published) in HUB_NAMES]
    if not to_hub:
        fail(
            "workflow-without-login",
            expected="Before it pushes, the workflow logs in to Docker Hub.",
            observed=f"The step in line {found[0].line} logs in to {found[0].given['registry']} instead."
            if found
            else f"No step before line {published.step.line} logs in.",
            action=f"Put a step that uses {LOGIN} before the one that pushes. No registry means the hub.",
        )
    step = to_hub[0]
    given = (
        step.given.get("password", "") if step.action == LOGIN else "\n".join((step.run, *step.env.values()))
    )
    job_env = (*published.job.env.values(), *published.workflow.env.values())
    secret = any(SECRET.search(text) for text in expressions(given))
    by_env = "env." in given or (step.run and any(SECRET.search(text) for text in job_env))
    if not secret and not (by_env and any(SECRET.search(text) for text in job_env)):
        fail(
            "workflow-secret-in-file" if given.strip() else "workflow-without-password",
            expected="The password of the login is a secret of the repository, named in an expression.",
            observed=f"The step in line {step.line} "
            + ("has a password that names no secret." if given.strip() else "has no password at all."),
            action="Write ${{ secrets.DOCKERHUB_TOKEN }} there: the file holds the name, GitHub the token.",
        )


def require_image(published: Published, account: str, name: str) -> None:
    """That what is pushed is the repository `account/name` of Docker Hub."""
    there = published.everything
    filled_in = r"(?:\$\{\{[^}]*\}\}|\$\{?\w+\}?)"
    front = rf"(?:^|[\s\"'=,])(?:(?:index\.)?docker\.io/)?(?:{re.escape(account)}|{filled_in})/"
    if re.search(rf"{front}{re.escape(name)}(?![\w.-]*/)(?![\w-])", there, re.MULTILINE):
        return
    if re.search(f"{front}{filled_in}", there, re.MULTILINE) and name in there.split():
        return
    fail(
        "workflow-names-another-image",
        expected=f"What is pushed is {account}/{name}.",
        observed=f"Line {published.step.line} pushes {_shown(published) or 'something without a name'}.",
        action="A name there is account/repository; let bash fill both in, they differ in every run.",
    )


def require_tags_of_ref(published: Published) -> None:
    """That the tag says which branch or git tag it was made of."""
    named = "\n".join((*_images(published), published.step.run))
    if not OF_THE_REF.search(named) and not _by_variable(named, published):
        fail(
            "workflow-fixed-tag",
            expected="The image's tag comes from the branch or tag in git.",
            observed=f"Line {published.step.line} always pushes {_shown(published) or 'the same'}.",
            action=f"Let {META} make the tags and hand its output over, or use ${{{{ github.ref_name }}}}. "
            "With a fixed tag every push overwrites the one before.",
        )
    for text in expressions("\n".join(published.step.given.values())):
        for wanted in re.findall(r"steps\.([\w-]+)\.outputs", text):
            if wanted not in {step.id for step in published.before}:
                fail(
                    "workflow-output-of-no-step",
                    expected=f"A step before line {published.step.line} has the id {wanted}: it is used.",
                    observed="The ids there are "
                    + (", ".join(step.id for step in published.before if step.id) or "none at all")
                    + ".",
                    action=f"Give the step that you mean the key id: {wanted}. Else the tags are empty.",
                )


def require_source(published: Published) -> None:
    """That the source is there to build from."""
    step = published.step
    # Without a context build-push-action fetches the source from git by itself.
    fetches = step.action == BUILD and not step.given.get("context", "").strip()
    remote = re.match(r"https?://|git@|\$\{\{", step.given.get("context", "").strip())
    if (
        fetches
        or remote
        or "git clone" in step.run
        or any(entry.action == CHECKOUT or "git clone" in entry.run for entry in published.before)
    ):
        return
    fail(
        "workflow-without-checkout",
        expected="The workflow gets the source before it builds.",
        observed=f"No step before line {step.line} uses {CHECKOUT}: the machine it runs on is empty.",
        action=f"Begin with a step that uses {CHECKOUT}.",
    )


def require_versions(workflows: dict[str, Workflow]) -> None:
    """That every action is named with a version."""
    for path, workflow in workflows.items():
        for job in workflow.jobs:
            for step in job.steps:
                local = step.action.startswith(("./", "docker://"))
                if step.action and not local and not step.version:
                    fail(
                        "workflow-action-without-version",
                        expected="Every action is named with its version, as in actions/checkout@v4.",
                        observed=f"{path}, line {step.line}: {step.action} has none.",
                        action="Add an @ and the version; GitHub refuses to run it without one.",
                    )


def _pushes(step: Step) -> bool:
    if step.action == BUILD:
        push = step.given.get("push", "").strip().lower()
        outputs = step.given.get("outputs", "")
        return push not in ("", "false") or "push=true" in outputs or "type=registry" in outputs
    return bool(PUSHES.search(_joined(step.run)))


def _joined(run: str) -> str:
    """A script with each command that goes on over several lines on one."""
    return re.sub(r"\\\n[ \t]*", " ", run)


def _variables(published: Published) -> dict[str, str]:
    """What `env` gives the step that pushes; the innermost counts."""
    return {**published.workflow.env, **published.job.env, **published.step.env}


def _filled(text: str, published: Published) -> str:
    """A text with the variables of the job and the workflow filled in."""
    variables = {**published.workflow.env, **published.job.env}
    there = re.compile(r"\$\{\{\s*env\.([A-Za-z_]\w*)\s*\}\}")
    return there.sub(lambda found: variables.get(found[1], found[0]), text).strip()


def _by_variable(named: str, published: Published) -> bool:
    """Whether a variable in it holds the branch or git tag: by `env`, or set in a script before."""
    used = set(re.findall(r"\benv\.([A-Za-z_]\w*)|\$\{?([A-Za-z_]\w*)", named))
    scripts = "\n".join(entry.run for entry in published.before)
    return any(
        OF_THE_REF.search(_variables(published).get(name, ""))
        or any(OF_THE_REF.search(line) for line in re.findall(rf"\b{name}=[^\n]*", scripts))
        for name in filter(None, (name for pair in used for name in pair))
    )


def _shown(published: Published) -> str:
    lines = (line.strip() for text in _images(published) for line in text.splitlines())
    return ", ".join(line for line in lines if line)[:300]


def _images(published: Published) -> Iterator[str]:
    """The texts that name what is pushed."""
    step = published.step
    if step.run:
        yield from (line for line in _joined(step.run).splitlines() if "docker" in line)
    yield from (step.given[key] for key in ("tags", "outputs") if key in step.given)
    used = re.findall(r"steps\.([\w-]+)\.outputs", step.given.get("tags", ""))
    yield from (
        entry.given.get("images", "")
        for entry in published.before
        if entry.action == META and entry.id in used
    )
