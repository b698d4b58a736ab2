"""Running a lab's checks with pytest, in this process, out of reach of whatever lies around.

Neither a configuration file, a conftest, an installed plugin nor an environment variable of pytest's has
a say: the only inputs are the lab's checks.py and the world they look at.
"""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from checker import __version__
from checker.catalog import CHECKS
from checker.engine import Engine
from checker.errors import BrokenLab
from checker.model import Lab, LabReport, StepReport, Versions
from checker.ran import RAN, Ran
from checker.registry import RegistryClient
from checker.stack.stack import Stack
from checker.values import fill, secret_names
from checker.workspace import PRIVATE, Workspace

_UNUSED = (
    "cacheprovider",
    "terminal",
    "faulthandler",
    "pastebin",
    "junitxml",
    "doctest",
    "stepwise",
    "debugging",
)


def check(
    engine: Engine,
    lab: Lab,
    stack: Stack,
    workspace: Workspace,
    *,
    steps: frozenset[str] | None = None,
    honour_needs: bool = True,
    remember: bool,
    path: str = "",
    theirs: bool = False,
    closing: ExitStack,
    ran: Ran | None = None,
    history: tuple[str, ...] = (),
) -> LabReport:
    """Judge the steps (all if None) by the world as it is now.

    remember: whether what was found out about images is kept in the workspace for the next time; never for
    a replay, whose workspace is a stranger's. theirs: see `checker.plugin.World`. path: how the workspace is
    called in the report.
    ran, history: see `checker.plugin.World`; without `ran` it is what the practice remembers.
    closing: waits, when it is closed, until all containers that were started for a look are gone.
    """
    from checker import answers
    from checker.engineview import EngineView
    from checker.pipelines.pipelines import Pipelines
    from checker.plugin import CheckPlugin, World
    from checker.probe import Probe
    from checker.trials import Trials
    from checker.views import views

    began = time.monotonic()
    services = views(engine, stack)
    registry = services.get("registry")
    view = EngineView(engine)
    memory = workspace.path / PRIVATE if remember else None
    asked = registry if isinstance(registry, RegistryClient) else None
    probe = closing.enter_context(Probe(engine, view, asked, memory and memory / "probes.json"))
    trials = closing.enter_context(Trials(engine, workspace.path))
    if steps is None:
        owned = (fill(pattern, stack.values) for pattern in lab.owned)
        probe.ahead(key for pattern in owned for key in view.ids(pattern).values())
    world = World(
        values=stack.values,
        workspace=workspace,
        services=services,
        engine=view,
        probe=probe,
        trials=trials,
        pipelines=Pipelines(engine, workspace),
        theirs=theirs,
        environment=lambda place: answers.environment(engine, place, stack.values, lab.tools),
        memory=memory,
        ran=ran or _of_practice(lab, stack, memory),
        history=history,
    )
    wanted = frozenset(step.name for step in lab.steps) if steps is None else steps
    plugin = CheckPlugin(lab, world, wanted, honour_needs=honour_needs)
    _run_pytest(lab.folder / CHECKS, plugin)
    if plugin.interrupted:
        raise KeyboardInterrupt
    return report(lab, engine, plugin.reports(), path or str(workspace.path), time.monotonic() - began)


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
    """What the registry's image says its version is; its image ID where it says nothing."""
    import docker.errors

    from checker.engine import LABEL, engine_calls
    from checker.images import tag_of

    try:
        with engine_calls():
            found = engine.client.api.inspect_image(tag_of("registry"))  # type: ignore[no-untyped-call]
    except docker.errors.APIError:
        return ""
    labels = (found.get("Config") or {}).get("Labels") or {}
    return str(labels.get(f"{LABEL}.version") or found["Id"])


def _run_pytest(checks: Path, plugin: object) -> None:
    import pytest

    if not checks.is_file():
        raise BrokenLab(f"{checks} is missing.", "This is for the lab's author to mend.")
    arguments = [str(checks), "-c", os.devnull, f"--rootdir={checks.parent}", "--noconftest", "--capture=sys"]
    arguments += ["--import-mode=importlib", "-W", "ignore"]
    for name in _UNUSED:
        arguments += ["-p", f"no:{name}"]
    with _undisturbed(checks):
        ended = pytest.main(arguments, plugins=[plugin])
    if ended in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        raise BrokenLab(
            f"pytest could not run {checks} (exit code {ended}).", "This is a defect: please report it."
        )


def _of_practice(lab: Lab, stack: Stack, memory: Path | None) -> Ran:
    """What the answers of a practice ran, as far as it was seen."""
    ran = Ran(stack.values, secret_names(lab))
    if memory is not None:
        ran.load(memory / RAN)
    return ran


def _lies_in(module: object, folder: str) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(folder + os.sep)


@contextmanager
def _undisturbed(checks: Path) -> Iterator[None]:
    """Keep pytest's own environment variables out, and another lab's checks from being taken for these."""
    folder = str(checks.parent)
    saved = {name: value for name, value in os.environ.items() if name.startswith(("PYTEST_", "PY_COLORS"))}
    for name in saved:
        del os.environ[name]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # Every lab's checks are imported under this one name, and pytest takes what has it already.
    known = sys.modules.pop(checks.stem, None)
    sys.path.insert(0, folder)  # checks may stand in several modules, beside each other
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name in [name for name, module in sys.modules.items() if _lies_in(module, folder)]:
            del sys.modules[name]
        if known is not None:
            sys.modules[checks.stem] = known
        for name in [name for name in os.environ if name.startswith("PYTEST_")]:
            del os.environ[name]
        os.environ.update(saved)
