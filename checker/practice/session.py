"""A learner's practice: one workspace, its stack, and what can be done with both.

The command line and the notebook are two front ends of this class.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

import msgspec

from checker.base.errors import EnvironmentFault, ServiceFault, UsageError
from checker.base.model import Lab, Step
from checker.base.results import AnswerRun, AnswerText, LabReport, OnStep, StepReport, unheard
from checker.base.say import Say
from checker.classboard import client
from checker.engine.connection import Engine, connect
from checker.inspect.registry import RegistryClient
from checker.judge import answers, answertext
from checker.lab import progress, workspace
from checker.lab.catalog import Catalog, find_step
from checker.lab.progress import Progress
from checker.lab.values import secret_names
from checker.lab.workspace import Workspace, locate
from checker.practice.hints import Hint
from checker.secrets.ran import RAN, Ran
from checker.stack import dockerhub, removing, starting
from checker.stack import stack as stacks
from checker.stack.cleanup import remove_run, sweep
from checker.stack.container import ServiceEnded
from checker.stack.running import MAIN
from checker.stack.stack import Stack

SERVICE_LOG = "service.log"
TRY_LIMIT = 120.0
"""Seconds a script that is only tried may take."""


class Session:
    """Practice of one lab in one workspace."""

    def __init__(self, lab: Lab, place: Workspace) -> None:
        self.lab = lab
        self.workspace = place
        self._engine: Engine | None = None

    @classmethod
    def open(cls, lab: str, *, root: Path | None = None, workspace: Path | None = None) -> "Session":
        """Return the practice of the lab so called. root holds `labs/`; workspace is the folder if not the
        usual."""
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
        from checker.stack import needs
        from checker.stack.kind import kinds

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
                stack = starting.revive(self.engine, found)
            else:
                needs.provide(self.engine, [self.lab], say)
                if found:
                    removing.remove(self.engine, self.workspace.owner)
                say("Starting " + ", ".join(service.name for service in self.lab.services) + ".")
                ports = {self.lab.services[0].name: {MAIN: port}} if port and self.lab.services else {}
                if found:
                    ports = {name: dict(entry.ports) for name, entry in found.services.items()}
                stack = self._started_anew(found.values if found else None, ports, say)
            workspace.write_given_files(self.lab, self.workspace, stack.values)
            workspace.start_history(self.workspace, stack.owner)
        return stack

    def _started_anew(
        self, values: Mapping[str, str] | None, ports: Mapping[str, Mapping[str, int]], say: Say
    ) -> Stack:
        """Start fresh services. Where one of them ends at once, that is said and tried once more.

        Raises ServiceFault with the line of its log that says why.
        """

        def start() -> Stack:
            return starting.start(
                self.engine,
                self.lab,
                self.workspace.owner,
                throwaway=False,
                place=self.workspace.path,
                values=values,
                ports=ports,
                environ=dockerhub.environment(),
            )

        try:
            return start()
        except ServiceEnded as ended:
            say(f"{ended.message} Starting it once more.")
        try:
            return start()
        except ServiceEnded as ended:
            log = self.workspace.private / SERVICE_LOG
            with suppress(OSError):
                log.write_text(ended.log + "\n", encoding="utf-8")
            raise ServiceFault(
                f"{ended.message} It was started twice.",
                f"The whole log is in {log}. `lab doctor` says whether this machine lacks something; "
                f"`lab stop {self.lab.number}` and `lab start {self.lab.number}` begin afresh.",
            ) from ended

    def stack(self, *, required: bool = True) -> Stack | None:
        """Return the practice stack; None, or UsageError if `required`, when it was never started."""
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
        """Return a client for the lab's registry. Raises UsageError where the lab has none of its own."""
        from checker.stack.views import view

        stack = self.started()
        for service in stack.services.values():
            seen = view(self.engine, service, stack.keys.get(service.name, ""))
            client = getattr(seen, "registry", seen)
            if isinstance(client, RegistryClient):
                return client
        raise UsageError(f"Lab {self.lab.name} has no registry.")

    def environment(self) -> dict[str, str]:
        """Return what answers find in their environment."""
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

    def check(
        self,
        step: str | None = None,
        texts: Mapping[str, AnswerText] | None = None,
        *,
        ran: Collection[str] = (),
        on_step: OnStep = unheard,
    ) -> LabReport:
        """Judge one step, or all of them, by the world as it is now, and write the verdicts to the record of progress.

        texts: the answers to show, as they were before they were run; as they are now if not given. ran: the steps
        whose answers were run just before. on_step: is told each verdict as it is known. A record that cannot be
        written is a warning of the report.
        """
        from checker.judge import verify

        if texts is None:
            texts = answertext.written(self.lab, self.workspace)
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
                on_step=on_step,
            )
        report = answertext.with_written(self.lab, report, texts)
        try:
            self.note(report.steps, ran)
        except EnvironmentFault as fault:
            said = f"Your progress could not be written down. {fault.message} {fault.action}"
            report = msgspec.structs.replace(report, warnings=(*report.warnings, said))
        return report

    def note(self, steps: Collection[StepReport], ran: Collection[str] = ()) -> Progress:
        """Write verdicts to the record of progress; returns the new record. Raises EnvironmentFault."""
        before = self.progress()
        after = progress.note_checked(self.lab, self.workspace, steps, ran=ran)
        if after.steps != before.steps:
            client.tell(self.lab, self.workspace)
        return after

    def ask_for_help(self, *, wanted: bool) -> None:
        """Raise the learner's hand on the class's board, or lower it. Raises EnvironmentFault."""
        progress.note_help(self.lab, self.workspace, wanted=wanted)
        client.tell(self.lab, self.workspace)

    def progress(self) -> Progress:
        """Return the record of this practice as it is now; an empty one where it is missing or damaged."""
        return progress.read(self.workspace)[0]

    def hint(self, step: str) -> tuple[Hint, str]:
        """Show a step's next hint (the last one again after that).

        Also returns what was wrong with the record of progress, or nothing.
        """
        found = find_step(self.lab, step)
        if not found.hints:
            raise UsageError(f"Step {found.name} has no hints.")
        known, trouble = progress.read(self.workspace)
        number = min(known.step(found.name).hints + 1, len(found.hints))
        progress.note_hint(self.lab, self.workspace, found.name, number)
        client.tell(self.lab, self.workspace)
        return Hint(found.hints[number - 1], number, len(found.hints)), trouble

    def earlier_hints(self, step: str) -> list[Hint]:
        """Return the hints of a step that were shown already, the first one first."""
        found = find_step(self.lab, step)
        shown = found.hints[: self.progress().step(found.name).hints]
        return [Hint(text, number, len(found.hints)) for number, text in enumerate(shown, start=1)]

    def reset(self, step: str | None, say: Say) -> None:
        """Put a step's answer back to the starter's; without a step all of them, and end the stack."""
        steps: tuple[Step, ...] = self.lab.steps if step is None else (find_step(self.lab, step),)
        with workspace.exclusive(self.workspace, f"lab reset {self.lab.number}"):
            kept = workspace.reset(self.lab, self.workspace, steps)
            for path in kept:
                say(f"Your answer is kept in {path.relative_to(self.workspace.path)}.")
            progress.forget(self.workspace, [entry.name for entry in steps])
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
        """Return the practice stack; UsageError if it was never started."""
        found = self.stack()
        assert found is not None
        return found
