"""What the workflows of a workspace put on Docker Hub, event by event.

They really run, and the hub is one that the checks have for themselves. So a condition, an expression or a name
that comes from another job means what it means on GitHub, however it is written.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property

import msgspec

from checker.base.model import Service, Value
from checker.inspect.reference import DEFAULT_REGISTRY, InvalidReference, parse
from checker.inspect.registry import RegistryClient
from checker.pipelines.github.audit import secrets_named
from checker.pipelines.github.events import WorkflowEvent
from checker.pipelines.github.runner import WorkflowOutcome
from checker.pipelines.github.workflowfile import Workflow, expressions
from checker.pipelines.github.workplace import RunHub
from checker.pipelines.pipelines import Pipelines
from checker.stack.kinds.hub import HubView as HubView
from checker.stack.operated import LogEntry
from checker.stack.trials import Trial, Trials
from checker.stack.views import views

NAMES_AN_ACCOUNT = re.compile(r"user|account|login|name|owner|org|namespace|_id$", re.IGNORECASE)
"""Names of secrets and variables that hold the account; the others hold its token."""
SECRETS = ("DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN")
"""Those that are there in any case."""
VARIABLE = re.compile(r"\bvars\.([A-Za-z_]\w*)|\bvars\[\s*'([^']+)'\s*\]")
PUSHED = re.compile(r"repository:(?P<name>[^:]+):(?:[\w,]*,)?push")
"""A scope that somebody who pushes asks the token server for (Distribution, "Token Scope Documentation")."""

Held = dict[str, dict[str, str | None]]
"""Repository -> tag -> digest."""


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What one event led to.

    arrived: repository -> its tags that are new, or name another image than before. asked: the repositories
    that a push was asked for, whether or not it was allowed: `account/name` on the hub, and with its registry in
    front elsewhere. anonymous: somebody who was not logged in asked for a push. refused: a login was refused.
    """

    outcome: WorkflowOutcome
    arrived: Mapping[str, tuple[str, ...]] = {}
    asked: tuple[str, ...] = ()
    anonymous: bool = False
    refused: bool = False

    @property
    def what(self) -> str:
        return self.outcome.event.what

    @property
    def started(self) -> bool:
        return bool(self.outcome.runs)


class Publisher:
    """Makes events happen in a workspace, with an account on a hub that nobody else has.

    account, name: the image is to be `account/name`, and the repository on GitHub is called the same. It has
    every secret and variable that its workflows name, with the account or its token, by what they are called.
    """

    def __init__(self, pipelines: Pipelines, trials: Trials, account: str, name: str) -> None:
        self._pipelines = pipelines
        self._trials = trials
        self._account = account
        self._held: Held = {}
        self.project = f"{account}/{name}"

    @property
    def registry(self) -> RegistryClient:
        """The hub's registry as it is now: a client remembers what a tag names."""
        return self._hub().registry

    def on(self, event: WorkflowEvent, paths: Iterable[str], workflows: Iterable[Workflow]) -> Published:
        """Let an event happen, and see what came.

        paths: the files that it may start. workflows: all there are, whose secrets the repository has.
        """
        workflows = tuple(workflows)
        logged = len(self._hub().log())
        outcome = self._pipelines.workflows().run(
            event,
            RunHub(self._trial.stack.services["hub"].address),
            repository=self.project,
            secrets=self._settings({*SECRETS, *_secrets(workflows)}),
            variables=self._settings(
                {name for name in _variables(workflows) if NAMES_AN_ACCOUNT.search(name)}
            ),
            only=list(paths),
        )
        return self._seen(outcome, logged)

    def _seen(self, outcome: WorkflowOutcome, logged: int) -> Published:
        before, self._held = self._held, self._look()
        log = self._hub().log()[logged:]
        arrived = {
            repository: tuple(
                tag for tag, digest in tags.items() if before.get(repository, {}).get(tag) != digest
            )
            for repository, tags in self._held.items()
        }
        asked = [repository_of(name) for run in outcome.runs for name in run.pushes]
        asked += [name for entry in log for name in _pushed(entry)]
        return Published(
            outcome=outcome,
            arrived={name: tags for name, tags in arrived.items() if tags},
            asked=tuple(dict.fromkeys(asked)),
            anonymous=any(entry.credential == "anonymous" and _pushed(entry) for entry in log),
            refused=any(entry.credential == "bad" for entry in log),
        )

    def _look(self) -> Held:
        registry = self.registry
        return {
            repository: {tag: registry.digest(repository, tag) for tag in registry.tags(repository)}
            for repository in registry.repositories()
        }

    def _settings(self, names: set[str]) -> dict[str, str]:
        token = self._trial.stack.values["TOKEN"]
        return {name: self._account if NAMES_AN_ACCOUNT.search(name) else token for name in sorted(names)}

    @cached_property
    def _trial(self) -> Trial:
        return self._trials.start(
            Service(
                name="hub",
                kind="hub",
                options={"accounts": [{"username": self._account, "password": "{TOKEN}"}]},
            ),
            values={"TOKEN": Value(kind="token", secret=True)},
        )

    def _hub(self) -> HubView:
        view = views(self._pipelines.engine, self._trial.stack)["hub"]
        assert isinstance(view, HubView)
        return view


def repository_of(name: str) -> str:
    """Return an image's repository: `account/name` on Docker Hub, with the registry in front elsewhere.

    >>> repository_of("docker.io/ada/shop:1.0"), repository_of("ghcr.io/ada/shop"), repository_of("shop:1")
    ('ada/shop', 'ghcr.io/ada/shop', 'library/shop')
    """
    try:
        found = parse(name).repository
    except InvalidReference:
        return name
    return found.path if found.registry == DEFAULT_REGISTRY else f"{found.registry}/{found.path}"


def _pushed(entry: LogEntry) -> list[str]:
    """Return the repositories that one request for a token is about, if it is for a push."""
    return [found["name"] for scope in entry.requested if (found := PUSHED.match(scope))]


def _secrets(workflows: Iterable[Workflow]) -> Iterable[str]:
    return [name for flow in workflows for name in secrets_named(flow) if name.upper() != "GITHUB_TOKEN"]


def _variables(workflows: Iterable[Workflow]) -> Iterable[str]:
    for flow in workflows:
        texts = [*flow.env.values()]
        for job in flow.jobs:
            texts += job.env.values()
            for step in job.steps:
                texts += (step.run, *step.given.values(), *step.env.values())
        for text in texts:
            for expression in expressions(text):
                yield from (one or other for one, other in VARIABLE.findall(expression))
