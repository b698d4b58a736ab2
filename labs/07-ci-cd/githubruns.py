"""The learner's GitHub workflows, run by events against a hub that belongs to the checks alone."""

import secrets as random
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from checker.base.model import Service, Value
from checker.inspect.registry import RegistryClient
from checker.lab.workspace import Workspace
from checker.pipelines.github.events import WorkflowEvent, pull_request_from_fork, push, push_tag
from checker.pipelines.github.runner import WorkflowOutcome, WorkflowRun
from checker.pipelines.github.workplace import RunHub
from checker.pipelines.pipelines import Pipelines
from checker.sandbox import box as sandbox
from checker.stack.kinds.hub import HubView as HubView
from checker.stack.trials import Trial, Trials

Values = Mapping[str, str]
Shelves = dict[str, dict[str, str | None]]
"""Repository -> tag -> digest."""

ACCOUNTS = ("main", "release", "others", "fork", "scan-main", "scan-fork")
PUBLISH, SCAN = ".github/workflows/docker-publish.yml", ".github/workflows/security-scan.yml"
PLANTED = {
    "CVE-2019-11324": ("HIGH", "urllib3", "1.24.1"),
    "CVE-2020-14343": ("CRITICAL", "PyYAML", "5.3.1"),
}
"""What makes the image vulnerable: for these libraries the lab's database has one finding of each severity."""


class GitHub:
    """Makes events happen, each once and when it is asked for, with an account on the hub for each."""

    def __init__(self, pipelines: Pipelines, trials: Trials, values: Values, closing: ExitStack) -> None:
        self.greeting = values["GREETING"]
        self.version = ".".join(str(random.randbelow(9) + 1) for _ in range(3))
        # The last two are names that a condition may take for main or for a release.
        self.branches = (f"feature/{random.token_hex(3)}", "maintenance", f"v{self.version}/mend")
        self._project = values["PROJECT"]
        # An account for each event: what is in it was pushed by that event and by no other.
        self._accounts = {name: f"{values['ACCOUNT']}-{random.token_hex(3)}" for name in ACCOUNTS}
        self._pipelines = pipelines
        self._trials = trials
        self._closing = closing
        self._done: dict[tuple[str, str, bool], Happened] = {}

    def text(self, path: str) -> str | None:
        return self._pipelines.workspace.read(path)

    def texts(self) -> dict[str, str]:
        return self._pipelines.workflows().texts()

    @property
    def token(self) -> str:
        """The token that a run gets as a secret."""
        return self._trial.stack.values["TOKEN"]

    @property
    def registry(self) -> RegistryClient:
        view = self._trial.view("hub")
        assert isinstance(view, HubView)
        return view.registry

    def main(self, path: str) -> "Happened":
        return self._happened("main", push("main"), path)

    def release(self, path: str) -> "Happened":
        return self._happened("release", push_tag(f"v{self.version}"), path)

    def others(self, path: str) -> Iterator["Happened"]:
        """Pushes to branches other than main."""
        for branch in self.branches:
            yield self._happened("others", push(branch), path)

    def fork(self, path: str, *, planted: bool = False) -> "Happened":
        return self._happened("fork", pull_request_from_fork(), path, planted=planted)

    def everything(self) -> Iterator["Happened"]:
        """Yield all that happened so far."""
        yield from self._done.values()

    def _happened(self, name: str, event: WorkflowEvent, path: str, *, planted: bool = False) -> "Happened":
        name = name if path == PUBLISH else f"scan-{name}"
        key = name, event.what, planted
        if key not in self._done:
            account = self._accounts[name]
            outcome = self._pipelines.workflows(self._vulnerable if planted else None).run(
                event,
                RunHub(self._trial.stack.services["hub"].address),
                repository=f"{account}/{self._project}",
                secrets={"DOCKERHUB_USERNAME": account, "DOCKERHUB_TOKEN": self.token},
                only=[path],
            )
            held = {
                repository: {
                    tag: self.registry.digest(repository, tag) for tag in self.registry.tags(repository)
                }
                for repository in self.registry.repositories()
                if repository.startswith(f"{account}/")
            }
            self._done[key] = Happened(path, outcome, f"{account}/{self._project}", held)
        return self._done[key]

    @cached_property
    def _trial(self) -> Trial:
        accounts = [{"username": account, "password": "{TOKEN}"} for account in self._accounts.values()]
        return self._trials.start(
            Service(name="hub", kind="hub", options={"accounts": accounts}),
            values={"TOKEN": Value(kind="token", secret=True)},
        )

    @cached_property
    def _vulnerable(self) -> Workspace:
        """A copy of the workspace whose image has a HIGH and a CRITICAL finding."""
        source = self._closing.enter_context(sandbox.copied(self._pipelines.workspace))
        for _, package, version in PLANTED.values():
            folder = source / f"app/packages/{package}-{version}.dist-info"
            folder.mkdir(parents=True, exist_ok=True)
            text = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
            (folder / "METADATA").write_text(text, encoding="utf-8")
        return Workspace(Path(source))


class Happened:
    """One event's outcome for one workflow.

    project: the image that is to be pushed. pushed: repository -> tag -> digest of all that was.
    """

    def __init__(self, path: str, outcome: WorkflowOutcome, project: str, pushed: Shelves) -> None:
        self.path = path
        self.project = project
        self.pushed = pushed
        self.what = outcome.event.what
        self.runs = outcome.runs
        self.run: WorkflowRun | None = next(iter(outcome.runs), None)
        self.why_not = outcome.idle.get(path, "")

    @property
    def story(self) -> str:
        """How it went, as sentences: the step that failed, with its line and its last words."""
        return self.run.story(self.what) if self.run else self.why_not


def listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def shown(pushed: Shelves) -> str:
    return listed(f"{name}:{tag}" for name, tags in pushed.items() for tag in tags)
