"""The pytest plugin: gives checks their fixtures and turns what becomes of them into outcomes.

Fixtures of a check: `values`, `workspace`, `environment`, `engine`, `probe`, `trials`, `pipelines`, `memory`, `ran`,
`history`, and every service of the lab under its name (with underscores for hyphens): what `checker.views` shows of it.
"""

from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from checker.check import STEP_MARK, CheckFailed
from checker.engineview import EngineView
from checker.errors import ContentFault, EngineFault, LabError, NotShown, ServiceFault
from checker.model import Finding, Lab, Outcome, StepReport
from checker.pipelines.pipelines import Pipelines
from checker.probe import Probe
from checker.ran import Ran
from checker.trials import Trials
from checker.workspace import Workspace

Environment = Callable[[Workspace], Mapping[str, str]]
"""What an answer of the lab would find in its environment in a workspace, which may be a copy."""


def _no_environment(_workspace: Workspace) -> Mapping[str, str]:
    return {}


class World(msgspec.Struct, frozen=True):
    """What checks may look at.

    memory: a folder of the practice's, for what does not change; None in a replay.
    theirs: whether nobody but the answers can have broken what worked before them; an engine or a service that
    does not answer is a finding then, and no fault of the machine. ran: what the answers' processes were given.
    history: secrets in the git history that was handed in, as sentences; a replay has a new history.
    """

    values: Mapping[str, str]
    workspace: Workspace
    services: Mapping[str, object]
    engine: EngineView
    probe: Probe
    trials: Trials
    pipelines: Pipelines | None = None
    environment: Environment = _no_environment
    memory: Path | None = None
    theirs: bool = False
    ran: Ran = Ran({}, ())
    history: tuple[str, ...] = ()


class _Seen(msgspec.Struct):
    """What became of one step's checks so far."""

    checks: int = 0
    seconds: float = 0.0
    findings: list[Finding] = []
    skipped: str = ""
    errors: list[str] = []


class CheckPlugin:
    """One run of a lab's checks.

    wanted: names of the steps to judge; the steps they need are looked at too. honour_needs:
    whether a step is skipped when one that it needs is not done.
    """

    def __init__(self, lab: Lab, world: World, wanted: frozenset[str], *, honour_needs: bool = True) -> None:
        self._lab = lab
        self._world = world
        self._honour_needs = honour_needs
        self._seen = {step.name: _Seen() for step in lab.steps}
        self._order = {step.name: number for number, step in enumerate(lab.steps)}
        self._wanted = wanted
        self._looked_at = self._with_needs(wanted) if honour_needs else wanted
        self.problem = ""
        self.interrupted = False

    @pytest.fixture(scope="session")
    def values(self) -> Mapping[str, str]:
        return self._world.values

    @pytest.fixture(scope="session")
    def workspace(self) -> Workspace:
        return self._world.workspace

    @pytest.fixture(scope="session")
    def engine(self) -> EngineView:
        return self._world.engine

    @pytest.fixture(scope="session")
    def probe(self) -> Probe:
        return self._world.probe

    @pytest.fixture(scope="session")
    def trials(self) -> Trials:
        return self._world.trials

    @pytest.fixture(scope="session")
    def pipelines(self) -> Pipelines | None:
        return self._world.pipelines

    @pytest.fixture(scope="session")
    def environment(self) -> Environment:
        return self._world.environment

    @pytest.fixture(scope="session")
    def ran(self) -> Ran:
        return self._world.ran

    @pytest.fixture(scope="session")
    def history(self) -> tuple[str, ...]:
        return self._world.history

    @pytest.fixture(scope="session")
    def memory(self) -> Path | None:
        return self._world.memory

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(_services(self._world.services), "registry-lab-services")
        config.addinivalue_line("markers", f"{STEP_MARK}(name): a check of the step `name`")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends a failed collection with a subclass of KeyboardInterrupt: only the real one counts.
        self.interrupted = type(excinfo.value) is KeyboardInterrupt

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.problem = f"The lab's checks cannot be read: {report.longreprtext.strip().splitlines()[-1]}"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        named = [(item, _step_of(item)) for item in items]
        for item, name in named:
            if name not in self._order:
                self.problem = f"The check {item.name} is of no step of this lab ({name or 'no step named'})."
        kept = [(item, name) for item, name in named if name in self._looked_at]
        kept.sort(key=lambda pair: self._order[pair[1]])
        items[:] = [item for item, _ in kept]

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        step = self._lab.step(_step_of(item))
        for need in step.needs if step and self._honour_needs else ():
            outcome = self._outcome(need)
            if outcome is Outcome.ERROR:  # then this one must not cost points either
                why = self._why_not(need)
                raise LabError(f"Step {need}, which this one needs, could not be checked. {why}")
            if outcome is not Outcome.PASS:
                pytest.skip(f"Step {need} is not done yet.")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        seen = self._seen[_step_of(item)]
        seen.seconds += call.duration
        seen.checks += call.when == "call" or report.skipped or report.failed
        if call.excinfo is None:
            return report
        error = call.excinfo.value
        if isinstance(error, CheckFailed):
            seen.findings.append(error.finding)
        elif isinstance(error, ContentFault):
            seen.findings.append(_unreadable(error))
        elif self._world.theirs and isinstance(error, EngineFault | ServiceFault):
            seen.findings.append(room_broken(error.message))
        elif isinstance(error, pytest.skip.Exception | NotShown):
            seen.skipped = str(error)
        elif isinstance(error, LabError):
            seen.errors.append(error.told)
        else:
            what = str(error).strip().splitlines() or [""]
            seen.errors.append(f"The check {item.name} is broken: {type(error).__name__}: {what[0]}")
        return report

    def reports(self) -> tuple[StepReport, ...]:
        """The verdicts on the wanted steps, in the lab's order."""
        return tuple(self._report(step.name) for step in self._lab.steps if step.name in self._wanted)

    def _report(self, name: str) -> StepReport:
        step = self._lab.step(name)
        assert step is not None
        seen = self._seen[name]
        outcome = self._outcome(name)
        reason = self._why_not(name) if outcome is Outcome.ERROR else ""
        return StepReport(
            step=name,
            title=step.title,
            outcome=outcome,
            points=step.points if outcome is Outcome.PASS else 0,
            max_points=0 if outcome is Outcome.ERROR else step.points,
            findings=tuple(seen.findings) if outcome is Outcome.FAIL else (),
            reason=seen.skipped if outcome is Outcome.SKIPPED else reason,
            seconds=seen.seconds,
        )

    def _why_not(self, name: str) -> str:
        """Why a step could not be judged."""
        return " ".join(dict.fromkeys(self._seen[name].errors)) or self.problem or _NO_CHECK

    def _outcome(self, name: str) -> Outcome:
        seen = self._seen[name]
        if self.problem or seen.errors or not seen.checks:
            return Outcome.ERROR
        if seen.findings:
            return Outcome.FAIL
        return Outcome.SKIPPED if seen.skipped else Outcome.PASS

    def _with_needs(self, names: frozenset[str]) -> frozenset[str]:
        found = set(names)
        for step in reversed(self._lab.steps):  # needs always stand before the step
            if step.name in found:
                found.update(step.needs)
        return frozenset(found)


def room_broken(observed: str) -> Finding:
    """Why a step cannot be passed: answers broke what it is judged by."""
    return Finding(
        code="room-broken",
        expected="After the answers the engine and the lab's services are there, so that steps can be judged.",
        observed=observed,
        action="Let answers leave the engine and the lab's services alone, and end what they start.",
    )


def _services(services: Mapping[str, object]) -> ModuleType:
    """A plugin with one fixture for each service."""
    holder = ModuleType("services")
    for name, view in services.items():
        setattr(holder, f"service_{name}", _fixture(name.replace("-", "_"), view))
    return holder


def _fixture(name: str, view: object) -> object:
    @pytest.fixture(scope="session", name=name)
    def service() -> object:
        return view

    return service


_NO_CHECK = "The lab has no check for this step."


def _unreadable(fault: ContentFault) -> Finding:
    """The finding for content that no check said anything about itself."""
    return Finding(
        code="image-unreadable",
        expected="What is in the registry can be read as an image.",
        observed=fault.message,
        action=fault.action or "Build with `docker build` and push with `docker push`.",
    )


def _step_of(item: pytest.Item) -> str:
    mark = item.get_closest_marker(STEP_MARK)
    return str(mark.args[0]) if mark and mark.args else ""
