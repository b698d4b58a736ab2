"""Run a lab's checks with pytest, in this process.

Neither a configuration file, a conftest, an installed plugin nor an environment variable of pytest's has
a say: the only inputs are the lab's checks.py and the world they look at.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from checker import __version__
from checker.base.model import Lab
from checker.base.results import LabReport, OnStep, Outcome, StepReport, Versions, unheard
from checker.engine.connection import Engine
from checker.inspect.registry import RegistryClient
from checker.judge import pytestrun
from checker.lab.values import fill, secret_names
from checker.lab.workspace import PRIVATE, Workspace
from checker.secrets.ran import RAN, Ran
from checker.stack.stack import Stack

if TYPE_CHECKING:
    from checker.inspect.probe import Probe
    from checker.judge.kept import Kept
    from checker.judge.world import World


class Judging(Protocol):
    """Judge steps by the world as it is at the moment of the call."""

    def __call__(
        self,
        steps: frozenset[str] | None = None,
        *,
        honour_needs: bool = True,
        known: Mapping[str, Outcome] = {},
    ) -> tuple[StepReport, ...]:
        """Return the verdicts on these steps, all of the lab's if None, in the lab's order.

        honour_needs: whether a step is skipped when one that it needs is not done. known: outcomes from an earlier
        look; these steps are not looked at again for those that need them.
        """
        ...


T = TypeVar("T")


def check(
    engine: Engine,
    lab: Lab,
    stack: Stack,
    workspace: Workspace,
    *,
    steps: frozenset[str] | None = None,
    closing: ExitStack,
    on_step: OnStep = unheard,
) -> LabReport:
    """Judge the steps (all if None) of a practice by the world as it is now.

    closing: waits, when it is closed, until all containers that were started for a look are gone. on_step: is told
    each verdict as it is known.
    """
    began = time.monotonic()
    found = judging(
        engine,
        lab,
        stack,
        workspace,
        lambda look: look(steps),
        remember=True,
        closing=closing,
        on_step=on_step,
    )
    return report(lab, engine, found, str(workspace.path), time.monotonic() - began)


def judging(
    engine: Engine,
    lab: Lab,
    stack: Stack,
    workspace: Workspace,
    work: Callable[[Judging], T],
    *,
    remember: bool,
    closing: ExitStack,
    own: Path | None = None,
    ran: Ran | None = None,
    history: tuple[str, ...] = (),
    on_step: OnStep = unheard,
) -> T:
    """Call `work` with a function that judges steps, as often as `work` likes; return what it returns.

    All looks share one pytest session, so that a look costs what its checks cost. Each begins with new clients and
    new fixtures; what is carried over goes by content (`checker.judge.kept`, and what images answered over HTTP).

    remember: whether what was found out about images is kept in the workspace for the next time; never for
    a replay, whose workspace is a stranger's.
    closing: waits, when it is closed, until all containers that were started for a look are gone. own: a folder that
    nothing of the learner's can reach, for what the checks keep; the usual place for such if None. ran, history: see
    `checker.judge.plugin.World`; without `ran` it is what the practice remembers.
    """
    from checker.inspect.probe import Probe
    from checker.judge.kept import Kept
    from checker.judge.plugin import CheckPlugin

    memory = workspace.path / PRIVATE if remember else None
    probe = closing.enter_context(Probe(engine, memory and memory / "probes.json"))
    kept = Kept(closing, own)

    def look(
        steps: frozenset[str] | None = None,
        *,
        honour_needs: bool = True,
        known: Mapping[str, Outcome] = {},
    ) -> tuple[StepReport, ...]:
        wanted = frozenset(step.name for step in lab.steps) if steps is None else steps
        with _world(
            engine,
            lab,
            stack,
            workspace,
            probe,
            kept,
            memory,
            ran or _of_practice(lab, stack, memory),  # a practice's may have grown since the last look
            history,
            ahead=steps is None,
        ) as world:
            return plugin.look(world, wanted, honour_needs=honour_needs, known=known)

    plugin = CheckPlugin(lab, (*stack.services, *stack.real), lambda: work(look), on_step)
    pytestrun.run(lab, plugin)
    return plugin.result()


@contextmanager
def _world(
    engine: Engine,
    lab: Lab,
    stack: Stack,
    workspace: Workspace,
    probe: "Probe",
    kept: "Kept",
    memory: Path | None,
    ran: Ran,
    history: tuple[str, ...],
    *,
    ahead: bool,
) -> Iterator["World"]:
    """What checks may look at during one look. ahead: begin to ask the run's images before a check asks."""
    from checker.inspect.engineview import EngineView
    from checker.judge import answers
    from checker.judge.world import World
    from checker.stack.trials import Trials
    from checker.stack.views import views

    services = views(engine, stack)
    registry = services.get("registry")
    view = EngineView(engine)
    probe.begin_look(view, registry if isinstance(registry, RegistryClient) else None)
    if ahead:
        owned = (fill(pattern, stack.values) for pattern in lab.owned)
        probe.ahead(key for pattern in owned for key in view.ids(pattern).values())
    with Trials(engine, workspace.path) as trials:
        yield World(
            values=stack.values,
            workspace=workspace,
            services=services,
            connection=engine,
            engine=view,
            probe=probe,
            trials=trials,
            kept=kept,
            environment=lambda place: answers.environment(engine, place, stack.values, lab.tools),
            memory=memory,
            ran=ran,
            history=history,
        )


def report(lab: Lab, engine: Engine, steps: tuple[StepReport, ...], path: str, seconds: float) -> LabReport:
    """Put verdicts together with the versions of everything that had a say in them."""
    return LabReport(
        lab=lab.name,
        title=lab.title,
        path=path,
        steps=steps,
        seconds=seconds,
        versions=versions(lab, engine),
    )


def versions(lab: Lab, engine: Engine) -> Versions:
    kinds: Mapping[str, str] = {service.name: service.kind for service in lab.services}
    return Versions(
        lab=lab.version,
        checker=__version__,
        engine=engine.version,
        registry=registry_version(engine) if "registry" in kinds.values() else "",
    )


def registry_version(engine: Engine) -> str:
    """Return what the registry's image says its version is; its image ID where it says nothing."""
    import docker.errors

    from checker.engine.connection import LABEL, engine_calls
    from checker.engine.images import tag_of

    try:
        with engine_calls():
            found = engine.client.api.inspect_image(tag_of("registry"))  # type: ignore[no-untyped-call]
    except docker.errors.APIError:
        return ""
    labels = (found.get("Config") or {}).get("Labels") or {}
    return str(labels.get(f"{LABEL}.version") or found["Id"])


def _of_practice(lab: Lab, stack: Stack, memory: Path | None) -> Ran:
    """Return what the answers of a practice ran, as far as it was seen."""
    ran = Ran(stack.values, secret_names(lab))
    if memory is not None:
        ran.load(memory / RAN)
    return ran
