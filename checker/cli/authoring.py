"""Commands of authors and of a lab's own solution: `lab author new`, `lab author test` and `lab demo`."""

import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from checker.base.errors import ExitCode, UsageError
from checker.base.model import Alternative, Lab, Mistake, Step
from checker.base.results import AnswerRun, Outcome
from checker.base.say import Say
from checker.cli import working
from checker.engine.connection import Engine, connect
from checker.judge import author, overlays, replay
from checker.lab import newlab
from checker.lab.catalog import Catalog, default_root, find_step
from checker.lab.workspace import Workspace
from checker.stack import cleanup, needs
from checker.stack.stack import Stack

if TYPE_CHECKING:
    from rich.console import Console

LEFT = 34
"""Columns for the names of files."""


def new_lab(wanted: str, folder: Path | None, tell: Say) -> int:
    """Lay out a new lab and say what is where. Raises UsageError, EnvironmentFault."""
    new = newlab.planned(wanted, folder)
    newlab.lay_out(new)
    elsewhere = new.root != default_root()
    before = f"REGISTRY_LAB_ROOT={shlex.quote(str(new.root))} " if elsewhere else ""
    tell(f"Lab {new.name} is laid out in {new.root}, with one step, {newlab.STEP}. Now make it yours:")
    for part, holds in newlab.PARTS.items():
        tell(f"  {part.format(name=new.name):<{LEFT}}{holds}".rstrip())
    tell(f"It is right as it is. Prove it after each change: {before}lab author test {new.number}")
    return ExitCode.PASSED


def test_labs(wanted: str | None, step: str | None, only: str | None, console: "Console") -> int:
    """Print every proof as it is known; 0 if all hold, else 1.

    step: only what a lab ships for this step, judged by it alone. only: one mistake or alternative.
    """
    from rich.text import Text

    catalog = Catalog()
    labs = [catalog.lab(wanted)] if wanted else catalog.labs()
    overlays = _overlays(catalog, labs[0], step, only) if step else []
    engine = connect()
    cleanup.sweep(engine)
    replay.sweep()
    needs.provide(engine, labs, lambda text: console.print(Text(text, style="dim")))
    broken = 0
    with working.proving(console) as tell:
        for lab in labs:
            console.print(Text(f"{lab.name}: {lab.title}", style="bold"))
            proofs = (
                (author.prove_quickly(engine, lab, entry, tell) for entry in overlays)
                if step
                else _proofs(engine, catalog, lab, only, tell)
            )
            for proof in proofs:
                mark, style = ("holds", "green") if proof.holds else ("broken", "red")
                console.print(Text.assemble((f"{mark:>6} ", style), proof.name, (f"  {proof.note}", "dim")))
                for problem in proof.problems:
                    console.print(Text(f"         {problem}"))
                broken += not proof.holds
    return ExitCode.FAILED if broken else ExitCode.PASSED


def demo_lab(wanted: str, console: "Console", say: Say) -> int:
    """Play a lab's solution, narrated, and grade it; 0 if every step passed."""
    from checker.cli.practice import end_own_engine
    from checker.engine.provide import ensure_engine
    from checker.report import terminal

    lab = Catalog().lab(wanted)
    engine = ensure_engine(say, may_install=True)
    cleanup.sweep(engine)
    replay.sweep()
    try:
        needs.provide(engine, [lab], say)
        fill = overlays.laid_out(lab)
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


def _overlays(catalog: Catalog, lab: Lab, step: str, only: str | None) -> list[Mistake | Alternative]:
    """Return what a lab ships for one step: all of it, or what is called `only`. Raises UsageError if there
    is none."""
    name = find_step(lab, step).name
    every: list[Mistake | Alternative] = [*catalog.mistakes(lab), *catalog.alternatives(lab)]
    there = [entry for entry in every if entry.step == name]
    found = [entry for entry in there if only is None or entry.name == only]
    if found:
        return found
    if only is None:
        raise UsageError(
            f"Lab {lab.name} ships no mistake and no alternative for step {name}.",
            f"Write one: {lab.folder / 'mistakes'}/NAME/mistake.toml, and the wrong answer beside it.",
        )
    of = next((entry.step for entry in every if entry.name == only), "")
    raise UsageError(
        f"{only} is of step {of}, not of {name}."
        if of
        else f"Step {name} of lab {lab.name} has neither a mistake nor an alternative {only!r}.",
        f"There are: {', '.join(entry.name for entry in there) or 'none'}.",
    )


def _proofs(
    engine: Engine, catalog: Catalog, lab: Lab, only: str | None, tell: author.Tell
) -> Iterator[author.Proof]:
    """Yield all proofs, or those of the mistake or alternative called `only`."""
    if only is None:
        yield from author.prove(engine, catalog, lab, tell)
        return
    mistakes, alternatives = catalog.mistakes(lab), catalog.alternatives(lab)
    names = [entry.name for entry in mistakes] + [entry.name for entry in alternatives]
    if only not in names:
        raise UsageError(
            f"Lab {lab.name} ships neither a mistake nor an alternative {only!r}.",
            f"There are: {', '.join(names)}.",
        )
    for mistake in mistakes:
        if mistake.name == only:
            yield author.prove_mistake(engine, lab, mistake, tell)
    for alternative in alternatives:
        if alternative.name == only:
            yield author.prove_alternative(engine, lab, alternative, tell)
