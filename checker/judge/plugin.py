"""The pytest plugin: gives checks their fixtures and turns what becomes of them into outcomes.

Fixtures of a check: `values`, `workspace`, `environment`, `engine`, `connection`, `probe`, `trials`, `memory`,
`kept`, `ran`, `history`, every service of the lab under its name (with underscores for hyphens), as
`checker.stack.views` shows it, and those of the modules that the lab names in `fixtures` or has in its fixtures.py.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from types import ModuleType
from typing import Generic, TypeVar

import msgspec
import pytest

from checker.base import unforeseen
from checker.base.errors import BrokenLab, ContentFault, LabError, NotShown
from checker.base.model import Lab
from checker.base.results import Finding, OnStep, Outcome, StepReport, unheard
from checker.check import STEP_MARK, CheckFailed
from checker.engine.connection import Engine
from checker.inspect.engineview import EngineView
from checker.inspect.probe import Probe
from checker.judge.kept import Kept
from checker.judge.world import Environment, World
from checker.lab.workspace import Workspace
from checker.secrets.ran import Ran
from checker.stack.trials import Trials

T = TypeVar("T")


class _Seen(msgspec.Struct):
    """What became of one step's checks in one look so far."""

    checks: int = 0
    seconds: float = 0.0
    findings: list[Finding] = []
    skipped: str = ""
    errors: list[str] = []


class CheckPlugin(Generic[T]):
    """A pytest session in which steps are judged as often as `work` asks for it.

    services: names of the lab's services, each a fixture. work: called once the checks have been read. on_step: is
    told each verdict as it is known.
    """

    def __init__(
        self, lab: Lab, services: Iterable[str], work: Callable[[], T], on_step: OnStep = unheard
    ) -> None:
        self._lab = lab
        self._services = tuple(services)
        self._work = work
        self._on_step = on_step
        self._order = {step.name: number for number, step in enumerate(lab.steps)}
        self._items: list[pytest.Item] = []
        self._problem = ""
        self._result: list[T] = []
        self._raised: BaseException | None = None
        self._known: Mapping[str, Outcome] = {}
        self._honour_needs = True
        self._seen: dict[str, _Seen] = {}

    def look(
        self, world: World, wanted: frozenset[str], *, honour_needs: bool, known: Mapping[str, Outcome]
    ) -> tuple[StepReport, ...]:
        """Judge the wanted steps in this world, and those they need of which nothing is known.

        Fixtures are made anew for each look. See `checker.judge.verify.Judging`.
        """
        self._world = world
        self._known = known
        self._honour_needs = honour_needs
        self._seen = {step.name: _Seen() for step in self._lab.steps}
        looked_at = self._with_needs(wanted) if honour_needs else wanted
        items = [item for item in self._items if _step_of(item) in looked_at]
        if items:
            items[0].session.items = items  # for fixtures that prepare all that is asked for
        for item, following in zip_longest(items, items[1:]):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if following is None or _step_of(following) != _step_of(item):
                self._on_step(self._report(_step_of(item)))
        return tuple(self._report(step.name) for step in self._lab.steps if step.name in wanted)

    def result(self) -> T:
        """Return what `work` returned, or raise what it raised. Raises BrokenLab if it was never called."""
        if self._raised is not None:
            raise self._raised
        if not self._result:
            raise BrokenLab(
                f"The checks of lab {self._lab.name} could not be run. {self._problem}".rstrip(),
                "This is for the lab's author to mend.",
            )
        return self._result[0]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool:
        """In place of pytest's own loop, which runs every check once."""
        try:
            self._result.append(self._work())
        except BaseException as error:  # for `result` to raise: pytest would print it
            self._raised = error
        return True

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
    def connection(self) -> Engine:
        return self._world.connection

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

    @pytest.fixture(scope="session")
    def kept(self) -> Kept:
        return self._world.kept

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._service_fixtures(), "registry-lab-services")
        config.addinivalue_line("markers", f"{STEP_MARK}(name): a check of the step `name`")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        # pytest ends a failed collection with a subclass of KeyboardInterrupt: only the real one counts.
        if type(excinfo.value) is KeyboardInterrupt:
            self._raised = self._raised or excinfo.value

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._problem = f"The lab's checks cannot be read: {report.longreprtext.strip().splitlines()[-1]}"

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        named = [(item, _step_of(item)) for item in items]
        for item, name in named:
            if name not in self._order:
                self._problem = (
                    f"The check {item.name} is of no step of this lab ({name or 'no step named'})."
                )
        kept = [(item, name) for item, name in named if name in self._order]
        kept.sort(key=lambda pair: self._order[pair[1]])
        items[:] = self._items = [item for item, _ in kept]

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
        elif isinstance(error, pytest.skip.Exception | NotShown):
            seen.skipped = str(error)
        elif isinstance(error, LabError):
            seen.errors.append(error.told)
        elif fault := unforeseen.exhausted(error):
            seen.errors.append(fault.told)
        else:
            what = str(error).strip().splitlines() or [""]
            seen.errors.append(f"The check {item.name} is broken: {type(error).__name__}: {what[0]}")
        return report

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
        """Return why a step could not be judged."""
        return " ".join(dict.fromkeys(self._seen[name].errors)) or self._problem or _NO_CHECK

    def _outcome(self, name: str) -> Outcome:
        """Return what became of a step: in this look, or what is known of it from before."""
        seen = self._seen[name]
        if not seen.checks and name in self._known:
            return self._known[name]
        if self._problem or seen.errors or not seen.checks:
            return Outcome.ERROR
        if seen.findings:
            return Outcome.FAIL
        return Outcome.SKIPPED if seen.skipped else Outcome.PASS

    def _with_needs(self, names: frozenset[str]) -> frozenset[str]:
        found = set(names)
        for step in reversed(self._lab.steps):  # needs always stand before the step
            if step.name in found:
                found.update(need for need in step.needs if need not in self._known)
        return frozenset(found)

    def _service_fixtures(self) -> ModuleType:
        """Return a plugin with one fixture for each service."""
        holder = ModuleType("services")
        for name in self._services:
            setattr(holder, f"service_{name}", self._service_fixture(name))
        return holder

    def _service_fixture(self, name: str) -> object:
        @pytest.fixture(scope="session", name=name.replace("-", "_"))
        def service() -> object:
            return self._world.services[name]

        return service


_NO_CHECK = "The lab has no check for this step."


def _unreadable(fault: ContentFault) -> Finding:
    """Return the finding for content that no check said anything about itself."""
    return Finding(
        code="image-unreadable",
        expected="What is in the registry can be read as an image.",
        observed=fault.message,
        action=fault.action or "Build with `docker build` and push with `docker push`.",
    )


def _step_of(item: pytest.Item) -> str:
    mark = item.get_closest_marker(STEP_MARK)
    return str(mark.args[0]) if mark and mark.args else ""
