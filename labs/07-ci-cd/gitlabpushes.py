"""The pushes that lab 07's GitLab pipeline is tried with.

Every push has an account of its own in a hub on trial, so that nothing of one run is taken for another's. Pushes of
one group are run side by side, unless the pipeline gives names that do not begin with its own registry's: all
pipelines share one engine, where such names would be taken away from each other.
"""

import os
import secrets
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

import msgspec

from checker.base.model import Service
from checker.findings.hub import listed
from checker.inspect.registry import RegistryClient
from checker.inspect.registryimage import RegistryImage
from checker.inspect.tokenauth import TokenAuth
from checker.pipelines.engine.ownthings import RUN
from checker.pipelines.gitlab.deploy import REAL
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.gitlab.projects import Registry
from checker.pipelines.gitlab.refpolicy import Ref
from checker.pipelines.gitlab.runner import GitLab, PipelineOutcome
from checker.scanning import trialimages
from checker.scanning.trialimages import Package
from checker.stack.kinds.hub import HubView
from checker.stack.trials import Trials

Values = Mapping[str, str]
Change = Callable[[Path], None]
MANIFEST = "k8s/deployment.yaml"
PAGE = "app/site/index.html"
PACKAGES = "app/packages"
SECONDS = 180.0
MAIN = Ref(name="main")
GROUPS = (
    ("main",),
    ("branch",),
    ("tag",),
    ("merge",),
    ("broken_branch",),
    ("flawed_branch",),
    ("broken", "high", "critical", "blind"),
    ("again", "refused"),
)
"""What one step asks for together."""
AT_ONCE = 2


class Push(msgspec.Struct, frozen=True):
    """One push: what became of its pipeline, and what its account has in the hub. pushed: repository -> tag ->
    digest."""

    outcome: PipelineOutcome
    registry: Registry
    pushed: dict[str, dict[str, str]]

    def shown(self) -> str:
        """Return what lies in the hub, as a sentence."""
        if not self.pushed:
            return "Nothing was pushed."
        held = (
            f"{name} with {listed(list(tags)) if tags else 'no tag'}" for name, tags in self.pushed.items()
        )
        return f"Pushed were {'; '.join(held)}."


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """What a push is of. change: what it changes; None for the first of its ref. account: the push that it shares
    an account with. blind: whether Trivy has no advisories. wrong: whether the registry refuses the password."""

    ref: Ref = MAIN
    change: Change | None = None
    account: str = ""
    blind: bool = False
    wrong: bool = False


class Forge:
    """The project on GitLab: pushes happen when they are asked for, each once."""

    def __init__(self, gitlab: GitLab, trials: Trials, values: Values, file: PipelineFile) -> None:
        self._gitlab, self._trials, self._values = gitlab, trials, values
        self.file = file
        self.branch_name = f"fix/{values['GREETING']}"
        branch = Ref(name=self.branch_name)
        merge = Ref(name=self.branch_name, kind="merge_request", source="merge_request_event")
        self._kinds = {
            "main": Kind(),
            "branch": Kind(ref=branch),
            "tag": Kind(ref=Ref(name="v1.0.0", kind="tag")),
            "merge": Kind(ref=merge),
            "broken_branch": Kind(ref=branch, change=_break),
            "flawed_branch": Kind(ref=branch, change=_with(trialimages.HIGH)),
            "broken": Kind(change=_break),
            "high": Kind(change=_with(trialimages.HIGH)),
            "critical": Kind(change=_with(trialimages.CRITICAL)),
            "blind": Kind(change=_change_page, blind=True),
            "again": Kind(change=_change_page, account="main"),
            "refused": Kind(wrong=True),
        }
        self._passwords = {name: secrets.token_hex(16) for name in self._kinds}
        self._names = {name: f"{values['ACCOUNT']}-{secrets.token_hex(3)}" for name in self._kinds}
        self._begun: dict[str, Future[Push]] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push")
        self._asking = threading.Lock()

    def close(self) -> None:
        """Wait for the pushes that are under way, and begin no more."""
        self._pool.shutdown(cancel_futures=True)

    @property
    def main(self) -> Push:
        """The first push to the default branch."""
        return self._done("main")

    @property
    def again(self) -> Push:
        """The next push there: another page, so another image, with the same account."""
        return self._done("again")

    @property
    def branch(self) -> Push:
        """The first push to another branch."""
        return self._done("branch")

    @property
    def tag(self) -> Push:
        return self._done("tag")

    @property
    def merge(self) -> Push:
        """A merge request from the branch."""
        return self._done("merge")

    @property
    def broken_branch(self) -> Push:
        """A push to the branch of an app that does not pass its test."""
        return self._done("broken_branch")

    @property
    def flawed_branch(self) -> Push:
        """A push to the branch of an app with a library that has one finding, of severity HIGH."""
        return self._done("flawed_branch")

    @property
    def broken(self) -> Push:
        """A push to the default branch of an app that does not pass its test."""
        return self._done("broken")

    @property
    def high(self) -> Push:
        """A push to the default branch of an app with a library that has one finding, of severity HIGH."""
        return self._done("high")

    @property
    def critical(self) -> Push:
        """The same with one finding of severity CRITICAL."""
        return self._done("critical")

    @property
    def blind(self) -> Push:
        """A push to the default branch while Trivy cannot get its database, so that it can scan nothing."""
        return self._done("blind")

    @property
    def refused(self) -> Push:
        """A push to the default branch whose image the registry does not take."""
        return self._done("refused")

    def planned(self, name: str) -> set[str]:
        """Return the jobs that a push would start, which is not made for that."""
        return set(self._gitlab.started(self.file, self._kinds[name].ref, registry=self._registry(name)))

    def leaking(self) -> Push | None:
        """Return a push whose log has the registry's password: of those to main and to a branch, and all
        others so far."""
        pushes = (self._done(name) for name in dict.fromkeys(("main", "branch", *self._begun)))
        return next((push for push in pushes if push.outcome.leaked), None)

    def image(self, push: Push, reference: str) -> RegistryImage | None:
        """Return an image of the project by tag or digest, as the hub has it now."""
        return self.client(push).image(push.registry.project, reference)

    def client(self, push: Push) -> RegistryClient:
        """Return a new look at the hub, as the account of a push."""
        auth = TokenAuth(push.registry.user, push.registry.password)
        return RegistryClient(push.registry.address, auth=auth)

    def _done(self, name: str) -> Push:
        if name not in self._begun:
            if name != "main" and self._apart():
                for each in next(group for group in GROUPS if name in group):
                    self._begun[each] = self._pool.submit(self._push, each)
            else:
                self._begun[name] = self._pool.submit(self._push, name)
        return self._begun[name].result()

    def _apart(self) -> bool:
        """Return whether all names that the pipeline gives have the account in them, so that no two pushes
        share one."""
        mine = f"{self._names['main']}/"
        names = (name for name in self.main.outcome.names if not name.startswith(f"{RUN}/"))
        return all(mine in name for name in names)

    @cached_property
    def _hub(self) -> HubView:
        accounts = [
            {"username": self._names[name], "password": self._passwords[name]} for name in self._kinds
        ]
        trial = self._trials.start(Service(name="forge", kind="hub", options={"accounts": accounts}))
        view = trial.view("forge")
        assert isinstance(view, HubView)
        return view

    def _registry(self, name: str) -> Registry:
        kind = self._kinds[name]
        account = self._names[kind.account or name]
        password = self._passwords[kind.account or name]
        return Registry(
            address=self._hub.service.address,
            project=f"{account}/{self._values['PROJECT']}",
            user=account,
            password=secrets.token_hex(16) if kind.wrong else password,
        )

    def _push(self, name: str) -> Push:
        kind = self._kinds[name]
        registry = self._registry(name)
        outcome = self._gitlab.run(
            self.file,
            kind.ref,
            registry=registry,
            seconds=SECONDS,
            manifests=[MANIFEST],
            change=kind.change,
            blind=kind.blind,
            kubeconfig=os.environ.get(REAL, "") if name == "main" else "",
        )
        push = Push(outcome, registry, {})
        with self._asking:
            found = self._hub.registry.repositories()
        client = self.client(push)
        for each in (each for each in found if each.startswith(f"{registry.user}/")):
            tags = client.tags(each)
            push.pushed[each] = {tag: client.digest(each, tag) or "" for tag in tags}
        return push


def _break(source: Path) -> None:
    _write(source / PAGE, "<h1>Go away</h1>\n")


def _change_page(source: Path) -> None:
    _write(source / PAGE, f"<h1>Welcome to {secrets.token_hex(8)}</h1>\n")


def _with(package: Package) -> Change:
    def change(source: Path) -> None:
        for path, data in trialimages.files(package).items():
            _write(source.joinpath(PACKAGES, *Path(path).parts[-2:]), data.decode())

    return change


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
