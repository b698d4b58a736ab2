"""Commands around a lab's own solution: `lab author test` and `lab demo`."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from checker import author, cleanup, needs, replay
from checker.catalog import Catalog
from checker.engine import Engine, connect
from checker.errors import ExitCode, UsageError
from checker.model import AnswerRun, Lab, Outcome, Step
from checker.stack.stack import Say, Stack
from checker.workspace import Workspace

if TYPE_CHECKING:
    from rich.console import Console


def test_labs(wanted: str | None, only: str | None, console: "Console") -> int:
    """Print every proof as it is known; 0 if all hold, else 1."""
    from rich.text import Text

    catalog = Catalog()
    labs = [catalog.lab(wanted)] if wanted else catalog.labs()
    engine = connect()
    cleanup.sweep(engine)
    replay.sweep()
    needs.provide(engine, labs, lambda text: console.print(Text(text, style="dim")))
    broken = 0
    for lab in labs:
        console.print(Text(f"{lab.name}: {lab.title}", style="bold"))
        for proof in _proofs(engine, catalog, lab, only):
            mark, style = ("holds", "green") if proof.holds else ("broken", "red")
            console.print(Text.assemble((f"{mark:>6} ", style), proof.name, (f"  {proof.note}", "dim")))
            for problem in proof.problems:
                console.print(Text(f"         {problem}"))
            broken += not proof.holds
    return ExitCode.FAILED if broken else ExitCode.PASSED


def demo_lab(wanted: str, console: "Console", say: Say) -> int:
    """Play a lab's solution, narrated, and grade it; 0 if every step passed."""
    from checker.commands.practice import end_own_engine
    from checker.provide import ensure_engine
    from checker.report import terminal

    lab = Catalog().lab(wanted)
    engine = ensure_engine(say, may_install=True)
    cleanup.sweep(engine)
    replay.sweep()
    try:
        needs.provide(engine, [lab], say)
        fill = author.laid_out(lab.folder / "starter", lab.folder / "solution")
        report = replay.replay(engine, lab, fill, "the shipped solution", Narrator(lab, console))
        console.print()
        terminal.render_result(report, console)
    finally:
        end_own_engine(engine, say)
    return ExitCode.PASSED if report.outcome is Outcome.PASS else ExitCode.FAILED


class Narrator:
    """Shows a replay to people: each step's title, its answer, what it printed, how long it took."""

    def __init__(self, lab: Lab, console: "Console") -> None:
        self._lab = lab
        self._console = console
        self._began = time.monotonic()

    def on_stack(self, stack: Stack, place: Workspace) -> None:
        from rich.table import Table
        from rich.text import Text

        self._console.print(Text(f"{self._lab.title}\n{self._lab.summary}", style="bold"))
        addresses = ", ".join(f"{name} at {service.address}" for name, service in stack.services.items())
        self._console.print(
            Text(f"Fresh and real, up after {time.monotonic() - self._began:.1f} s: {addresses}")
        )
        table = Table(box=None, show_header=False, padding=(0, 2))
        for name, value in stack.values.items():
            table.add_row(Text(name, style="cyan"), Text(value))
        self._console.print(table)

    def on_answer(self, step: Step, text: str) -> None:
        from rich.padding import Padding
        from rich.rule import Rule
        from rich.syntax import Syntax
        from rich.text import Text

        self._console.print()
        self._console.print(Rule(Text(f"{step.name}: {step.title}"), align="left"))
        kind = "bash" if step.is_script else "text"
        code = Syntax(text.strip(), kind, theme="ansi_dark", background_color="default", word_wrap=True)
        self._console.print(Padding(code, (0, 0, 0, 2)))

    def on_output(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(text.rstrip("\n"), style="dim"))

    def on_ran(self, step: Step, run: AnswerRun | None) -> None:
        from rich.text import Text

        if run:
            self._console.print(Text(f"exit code {run.exit_code} after {run.seconds:.1f} s", style="dim"))


def _proofs(engine: Engine, catalog: Catalog, lab: Lab, only: str | None) -> Iterator[author.Proof]:
    """All proofs, or those of the mistake or alternative called `only`."""
    if only is None:
        yield from author.prove(engine, catalog, lab)
        return
    mistakes, alternatives = catalog.mistakes(lab), catalog.alternatives(lab)
    names = [entry.name for entry in mistakes] + [entry.name for entry in alternatives]
    if only not in names:
        raise UsageError(
            f"Lab {lab.name} ships neither a mistake nor an alternative {only!r}.",
            f"There are: {', '.join(names)}.",
        )
    yield from (author.prove_mistake(engine, lab, entry) for entry in mistakes if entry.name == only)
    yield from (author.prove_alternative(engine, lab, entry) for entry in alternatives if entry.name == only)
