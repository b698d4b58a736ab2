"""A learner's practice: one workspace, its stack, and what can be done with both.

The command line and the notebook are two front ends of this class.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import msgspec

from checker import answers, dockerhub, workspace
from checker.catalog import Catalog, find_step
from checker.cleanup import remove_run, sweep
from checker.engine import Engine, connect
from checker.errors import UsageError
from checker.model import AnswerRun, Lab, LabReport, Step, Written
from checker.ran import RAN, Ran
from checker.registry import RegistryClient
from checker.stack import MAIN
from checker.stack import stack as stacks
from checker.stack.stack import Say, Stack
from checker.values import secret_names
from checker.workspace import Workspace, locate

TRY_LIMIT = 120.0
"""Seconds a script that is only tried may take."""


class Hint(msgspec.Struct, frozen=True):
    """One hint: the `number`-th of `total`, counted from 1."""

    text: str
    number: int
    total: int


class Session:
    """Practice of one lab in one workspace."""

    def __init__(self, lab: Lab, place: Workspace) -> None:
        self.lab = lab
        self.workspace = place
        self._engine: Engine | None = None

    @classmethod
    def open(cls, lab: str, *, root: Path | None = None, workspace: Path | None = None) -> "Session":
        """The practice of the lab so called. root holds `labs/`; workspace is the folder if not the usual."""
        found = Catalog(root).lab(lab)
        return cls(found, locate(found, workspace))

    @property
    def engine(self) -> Engine:
        if self._engine is None:
            self._engine = connect()
        return self._engine

    def start(self, say: Say, *, port: int | None = None) -> Stack:
        """Lay out the workspace and bring the stack up: as it is, revived, or new.

        port: for the lab's first service when it is started new. Raises ServiceFault, EngineFault.
        """
        from checker import needs
        from checker.stack import kinds

        kinds(self.lab)  # a lab that asks for what there is not is told before anything is made
        with workspace.exclusive(self.workspace, f"lab start {self.lab.number}"):
            sweep(self.engine)
            made = workspace.create(self.lab, self.workspace)
            if made:
                say(f"Laid out {len(made)} files in {self.workspace.path}.")
            found = self.stack(required=False)
            named = {entry.name for entry in self.lab.services}
            whole = found is not None and {*found.services, *found.real} == named
            if found and whole and found.up:
                say("The services are running already.")
                stack = found
            elif found and whole:
                say("Starting the services again; what they stored is kept.")
                stack = stacks.revive(self.engine, found)
            else:
                needs.provide(self.engine, [self.lab], say)
                if found:
                    stacks.remove(self.engine, self.workspace.owner)
                say("Starting " + ", ".join(service.name for service in self.lab.services) + ".")
                ports = {self.lab.services[0].name: {MAIN: port}} if port and self.lab.services else {}
                stack = stacks.start(
                    self.engine,
                    self.lab,
                    self.workspace.owner,
                    throwaway=False,
                    place=self.workspace.path,
                    values=found.values if found else None,
                    ports=ports
                    if not found
                    else {name: entry.ports for name, entry in found.services.items()},
                    environ=dockerhub.environment(),
                )
            workspace.write_given_files(self.lab, self.workspace, stack.values)
            workspace.start_history(self.workspace, stack.owner)
        return stack

    def stack(self, *, required: bool = True) -> Stack | None:
        """The practice stack; None, or UsageError if `required`, when it was never started."""
        found = stacks.find(self.engine, self.workspace.owner)
        if found is None and required:
            raise UsageError(
                f"Lab {self.lab.name} is not started in {self.workspace.path}.",
                f"Run `lab start {self.lab.number}`.",
            )
        return found

    def values(self) -> Mapping[str, str]:
        return self.started().values

    def registry(self) -> RegistryClient:
        """A client for the lab's registry. Raises UsageError where the lab has none of its own."""
        from checker.views import view

        stack = self.started()
        for service in stack.services.values():
            seen = view(self.engine, service, stack.keys.get(service.name, ""))
            client = getattr(seen, "registry", seen)
            if isinstance(client, RegistryClient):
                return client
        raise UsageError(f"Lab {self.lab.name} has no registry.")

    def environment(self) -> dict[str, str]:
        """What answers find in their environment."""
        return answers.environment(self.engine, self.workspace, self.started().values, self.lab.tools)

    def write_answer(self, step: str, text: str) -> Path:
        """Write a step's answer; the one before is kept in `.lab/backup/`."""
        return workspace.write_answer(self.workspace, find_step(self.lab, step), text)

    def run(self, step: str, on_output: Callable[[str], None]) -> AnswerRun | None:
        """Run a step's answer; None if the step's answer is a file that is only looked at."""
        found = find_step(self.lab, step)
        env = self.environment()
        if not self.workspace.answer(found).is_file():
            raise UsageError(
                f"The answer {self.workspace.answer(found)} is missing.",
                f"Write it, or `lab reset {self.lab.number} {found.name}` to get the starter's back.",
            )
        if not found.is_script:
            return None
        with workspace.exclusive(self.workspace, f"lab run {self.lab.number} {found.name}"):
            ran = Ran(env, secret_names(self.lab))
            ran.load(self.workspace.private / RAN)
            try:
                return answers.run(
                    self.workspace, found, env, on_output, watch=answers.watch(self.workspace, ran)
                )
            finally:
                ran.save(self.workspace.private / RAN)

    def try_script(self, text: str, on_output: Callable[[str], None]) -> AnswerRun:
        """Run any bash text the way answers are run; nothing of it is recorded."""
        env = self.environment()
        script = self.workspace.private / "tmp" / "try.sh"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text, encoding="utf-8")
        try:
            return answers.run_script(self.workspace, script, env, on_output, time_limit=TRY_LIMIT)
        finally:
            script.unlink(missing_ok=True)

    def check(self, step: str | None = None, texts: Mapping[str, Written] | None = None) -> LabReport:
        """Judge one step, or all of them, by the world as it is now.

        texts: the answers to show, as they were before they were run; as they are now if not given.
        """
        from checker import verify

        if texts is None:
            texts = answers.written(self.lab, self.workspace)
        wanted = None if step is None else frozenset({find_step(self.lab, step).name})
        stack = self.started()
        with ExitStack() as closing:
            report = verify.check(
                self.engine,
                self.lab,
                stack,
                self.workspace,
                steps=wanted,
                closing=closing,
            )
        return answers.with_written(report, texts)

    def hint(self, step: str) -> tuple[Hint, str]:
        """A step's next hint (the last one again after that), and what was wrong with the state file."""
        found = find_step(self.lab, step)
        if not found.hints:
            raise UsageError(f"Step {found.name} has no hints.")
        state, trouble = workspace.read_state(self.workspace)
        number = min(state.hints.get(found.name, 0) + 1, len(found.hints))
        state.hints[found.name] = number
        workspace.write_state(self.workspace, state)
        return Hint(found.hints[number - 1], number, len(found.hints)), trouble

    def reset(self, step: str | None, say: Say) -> None:
        """Put a step's answer back to the starter's; without a step all of them, and end the stack."""
        steps: tuple[Step, ...] = self.lab.steps if step is None else (find_step(self.lab, step),)
        with workspace.exclusive(self.workspace, f"lab reset {self.lab.number}"):
            kept = workspace.reset(self.lab, self.workspace, steps)
            for path in kept:
                say(f"Your answer is kept in {path.relative_to(self.workspace.path)}.")
            state, _ = workspace.read_state(self.workspace)
            for entry in steps:
                state.hints.pop(entry.name, None)
            workspace.write_state(self.workspace, state)
        if step is None:
            self.stop(say)

    def stop(self, say: Say) -> bool:
        """End the stack and remove what the run made in the engine; answers stay. False if there was none."""
        found = self.stack(required=False)
        if found is None:
            return False
        with workspace.exclusive(self.workspace, f"lab stop {self.lab.number}"):
            remove_run(self.engine, found)
            for kept in ("probes.json", RAN):
                (self.workspace.private / kept).unlink(missing_ok=True)
        say(f"Stopped lab {self.lab.name}. Your answers stay in {self.workspace.path}.")
        return True

    def started(self) -> Stack:
        """The practice stack; UsageError if it was never started."""
        found = self.stack()
        assert found is not None
        return found
