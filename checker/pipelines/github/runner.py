"""GitHub workflows, really executed: by nektos/act, in a sandbox, offline, with stand-ins for the actions.

What act leaves out is done here: the filters of `on` are evaluated first, and jobs see neither each other's
logins nor images. What a run pushed is for the check to read from the registry.
"""

import contextlib
import re
import secrets as random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import yaml

from checker.engine.connection import Engine
from checker.lab.workspace import Workspace
from checker.pipelines.github import actinput, audit, repository
from checker.pipelines.github.actlog import ActLog, JobRun, StepRun
from checker.pipelines.github.events import WorkflowEvent, starts
from checker.pipelines.github.leaks import leaked
from checker.pipelines.github.workflowfile import BadWorkflow, Workflow, parse
from checker.pipelines.github.workplace import Note, RunHub, WorkflowPlace
from checker.pipelines.problem import FileProblem
from checker.programs import tools
from checker.sandbox import box as sandbox
from checker.sandbox.relay import Relays

FOLDER = ".github/workflows"
SECONDS = 180.0
"""For one run of one workflow."""
NOISE = re.compile(r"exit status|BuildKit is currently disabled|environment-variable|^DEPRECATED")
"""What act and docker's client print beside what matters."""


class WorkflowRun(msgspec.Struct, frozen=True, kw_only=True):
    """One workflow as one event ran it.

    by: the trigger. commit: that it is for. images: name -> ID of what was built or tagged. uploads: the
    SARIF files that were uploaded. output: what all steps printed. pushes: the names of images that the engine
    was asked to push, whatever came of it. refused: what the engine was asked for in vain. errors: act's own
    complaints. concerns: what is unsafe in the file, and secrets that were printed. missing: see `sandbox.Ran`.
    """

    path: str
    by: str
    commit: str = ""
    jobs: tuple[JobRun, ...]
    timed_out: bool = False
    seconds: float = 0.0
    images: Mapping[str, str] = {}
    uploads: tuple[bytes, ...] = ()
    notes: tuple[Note, ...] = ()
    output: tuple[str, ...] = ()
    pushes: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    concerns: tuple[FileProblem, ...] = ()
    errors: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether nothing failed; so it is too where conditions left all jobs out, as on GitHub."""
        return not self.failed and not self.timed_out and not self.errors

    @property
    def failed(self) -> tuple[JobRun, StepRun | None] | None:
        """The first job that failed, with the step that did; None if none did."""
        return next(((job, job.failed) for job in self.jobs if job.conclusion == "failure"), None)

    def story(self, what: str) -> str:
        """Return how it went, as sentences: the step that failed, with its line and its last words.

        what: the event, as in `WorkflowEvent.what`.
        """
        if self.timed_out:
            return f"The run for {what} was ended after {self.seconds:.0f} seconds."
        if failed := self.failed:
            job, at = failed
            if at is None:
                return f"The job {job.id} failed before its first step. {' '.join(self.errors)[:300]}".strip()
            words = [line.strip() for line in at.log if line.strip() and not NOISE.search(line)][-4:]
            return f"Line {at.line} of {self.path}: the step {at.name!r} failed: {' / '.join(words)[-400:]}"
        if self.errors:
            return f"It did not start: {' '.join(self.errors)[:400]}"
        if not self.jobs:
            return f"In the run for {what} the conditions left every job out."
        return f"The run for {what} ended well."


class _WorkflowProject(msgspec.Struct, frozen=True, kw_only=True):
    """What GitHub knows of the repository: its name, and the secrets and variables of its settings."""

    name: str
    secrets: Mapping[str, str]
    variables: Mapping[str, str]


class WorkflowOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an event led to. idle: path -> why the workflow there did not run."""

    event: WorkflowEvent
    runs: tuple[WorkflowRun, ...] = ()
    idle: Mapping[str, str] = {}

    def run(self, path: str) -> WorkflowRun | None:
        return next((run for run in self.runs if run.path == path), None)


class Workflows:
    """The workflows of one workspace. seconds: the time limit of one run of one of them."""

    def __init__(self, engine: Engine, workspace: Workspace, *, seconds: float = SECONDS) -> None:
        self._engine = engine
        self._workspace = workspace
        self._seconds = seconds

    def texts(self) -> dict[str, str]:
        """Return all workflow files by their paths, as text."""
        try:
            names = sorted(path.name for path in (self._workspace.path / FOLDER).iterdir())
        except OSError:
            return {}
        paths = [f"{FOLDER}/{name}" for name in names if name.endswith((".yml", ".yaml"))]
        return {path: text for path in paths if (text := self._workspace.read(path)) is not None}

    def run(
        self,
        event: WorkflowEvent,
        hub: RunHub,
        *,
        repository: str,
        secrets: Mapping[str, str],
        variables: Mapping[str, str] | None = None,
        only: Sequence[str] | None = None,
    ) -> WorkflowOutcome:
        """Let an event happen and run every workflow that it starts.

        repository: `owner/name` on GitHub. secrets: of the repository; a pull request from a fork gets none.
        variables: of the repository (`vars`). only: the paths to look at. A file that cannot be read does not
        run. Raises EnvironmentFault, EngineFault.
        """
        project = _WorkflowProject(name=repository, secrets=secrets, variables=variables or {})
        runs: list[WorkflowRun] = []
        idle: dict[str, str] = {}
        for path, text in self.texts().items():
            if only is not None and path not in only:
                continue
            try:
                workflow = parse(text)
            except BadWorkflow as error:
                idle[path] = f"It cannot be read: {error}."
                continue
            for started in starts(workflow, event):
                if started:
                    runs.append(self._one(path, text, workflow, event, started.by, hub, project))
                else:
                    idle[path] = started.why
        return WorkflowOutcome(event=event, runs=tuple(runs), idle=idle)

    def _one(
        self,
        path: str,
        text: str,
        workflow: Workflow,
        event: WorkflowEvent,
        by: str,
        hub: RunHub,
        project: "_WorkflowProject",
    ) -> WorkflowRun:
        name, variables = project.name, dict(project.variables)
        withheld = event.fork and by == "pull_request"
        given = {} if withheld else dict(project.secrets)
        given["GITHUB_TOKEN"] = f"ghs_{random.token_hex(18)}"
        with sandbox.copied(self._workspace) as source:
            place = source.parent
            commit = repository.make(source, event, name)
            (place / "event.json").write_text(repository.payload(event, by, name, commit), encoding="utf-8")
            workplace = WorkflowPlace(self._engine, place, workflow, hub, source, name)
            with Relays() as relays, workplace:
                workplace.serve(relays)
                file = place / "workflow" / Path(path).name
                file.parent.mkdir()
                file.write_text(actinput.with_surroundings(text, workplace.surroundings), encoding="utf-8")
                _furnish_called(source, workflow, workplace.surroundings)
                log = ActLog()
                workplace.cut_off = True  # unless it ends
                ran = sandbox.run(
                    [
                        *_command(place, source, file, by, text, workplace.actions, event, name),
                        *_by_environment(given, variables),
                    ],
                    place=place,
                    environment=sandbox.clean(place / "home", PATH=workplace.path, **{**variables, **given}),
                    seconds=self._seconds,
                    reach=(hub.address, *hub.reach),
                    on_line=log.add,
                )
                workplace.cut_off = ran.timed_out
            jobs = log.jobs(actinput.keys(workflow))
            errors = log.errors or ([f"act ended with {ran.exit_code}."] if ran.exit_code else [])
            hidden = {key: value for key, value in given.items() if value != name.partition("/")[0]}
            unsafe = audit.concerns(path, workflow, hidden)
            return WorkflowRun(
                path=path,
                by=by,
                commit=commit,
                jobs=jobs,
                concerns=(*unsafe, *_printed(path, jobs, hidden)),
                timed_out=ran.timed_out,
                seconds=ran.seconds,
                images=workplace.images,
                uploads=workplace.uploads(),
                notes=workplace.notes(),
                output=tuple(log.output),
                pushes=tuple(workplace.pushes),
                refused=tuple(workplace.refused),
                errors=() if jobs else tuple(errors),
                missing=ran.missing,
            )


def _printed(path: str, jobs: tuple[JobRun, ...], secrets: Mapping[str, str]) -> Iterator[FileProblem]:
    """Yield the steps that really printed a secret, whatever their text looks like."""
    for job in jobs:
        for step in job.steps:
            if what := leaked(step.log, secrets):
                yield FileProblem(
                    path=path,
                    line=step.line,
                    code=audit.IN_LOG,
                    observed=f"The step printed {what}.",
                    action="Leave that command out. A secret that stood in a log has to be replaced.",
                )


def _command(
    place: Path,
    source: Path,
    file: Path,
    by: str,
    text: str,
    actions: Mapping[str, Path],
    event: WorkflowEvent,
    name: str,
) -> list[str]:
    command = [str(tools.program("act")), by, "--json", "--insecure-secrets", "--no-cache-server"]
    command += ["--no-skip-checkout", "--no-recurse", "--directory", str(source), "--workflows", str(file)]
    command += ["--eventpath", str(place / "event.json"), "--action-cache-path", str(place / "act")]
    command += ["--actor", "a-stranger" if event.fork else name.partition("/")[0], "--defaultbranch", "main"]
    for option in ("--env-file", "--secret-file", "--var-file", "--input-file"):
        command += [option, "/dev/null"]  # else act reads files of these kinds from the learner's folder
    command += [part for label in actinput.labels(text) for part in ("-P", f"{label}=-self-hosted")]
    for repository_name, ref in actinput.used([text, *_local_actions(source)]):
        if folder := actions.get(repository_name.lower()):
            command += ["--local-repository", f"{repository_name}@{ref}={folder}"]
    command += [part for key, value in event.inputs.items() for part in ("--input", f"{key}={value}")]
    return command


def _by_environment(secrets: Mapping[str, str], variables: Mapping[str, str]) -> list[str]:
    """Return the options for secrets and variables: without a value act takes it from its environment, where
    no list of processes shows it."""
    named = [("--secret", name) for name in secrets] + [("--var", name) for name in variables]
    return [part for option in named for part in option]


def _furnish_called(source: Path, workflow: Workflow, surroundings: Mapping[str, Mapping[str, str]]) -> None:
    """Give the jobs of workflows that this one calls the surroundings of the job that calls them."""
    for job in workflow.jobs:
        called = source / job.uses
        inside = called.resolve().is_relative_to(source.resolve()) and not called.is_symlink()
        if job.uses.startswith("./") and called.is_file() and inside:
            with contextlib.suppress(BadWorkflow, OSError, ValueError):  # act says what is wrong there
                text = called.read_text("utf-8")
                own = {entry.name: surroundings[job.name] for entry in parse(text).jobs}
                called.write_text(actinput.with_surroundings(text, own), encoding="utf-8")


def _local_actions(source: Path) -> list[str]:
    """Return the texts of the repository's own actions and workflows, which a workflow may use."""
    found = []
    names = ("**/action.yml", "**/action.yaml", f"{FOLDER}/*.yml", f"{FOLDER}/*.yaml")
    for path in [path for name in names for path in source.glob(name)][:50]:
        with contextlib.suppress(OSError, ValueError, yaml.YAMLError):
            text = path.read_text("utf-8")
            yaml.compose(text, Loader=yaml.SafeLoader)
            found.append(text)
    return found
