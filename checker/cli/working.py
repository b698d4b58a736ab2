"""What a terminal shows while an answer runs and while it is checked: its output, the time, and the limit.

On a terminal one line at the bottom tells what is going on and goes away again; elsewhere there is the output alone.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from checker.base.model import Step
from checker.base.plain import plain, plain_line
from checker.base.results import StepReport
from checker.report import wording

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.progress import Progress

Output = Callable[[str], None]


class Working:
    """Shows the work of one command on the error stream. quiet: show nothing."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._console: RichConsole | None = None
        if not quiet and sys.stderr and sys.stderr.isatty():
            from rich.console import Console

            console = Console(file=sys.stderr, highlight=False)
            self._console = console if console.is_terminal and not console.is_dumb_terminal else None

    @contextmanager
    def running(self, step: Step, command: str) -> Iterator[Output]:
        """Show that an answer runs; yields what takes its output."""
        if self._quiet:
            yield lambda _text: None
        elif self._console is None:
            print(f"$ {command}", file=sys.stderr)
            yield _echo
        else:
            limit = f"limit {step.time_limit:.0f} s"
            with self._line(f"Running {step.name}", limit) as shown:
                shown.console.print(_text(f"$ {command}"), style="dim")
                lines = _WorkingLines(shown.console)
                try:
                    yield lines.add
                finally:
                    lines.close()

    @contextmanager
    def checking(self) -> Iterator[Callable[[StepReport], None]]:
        """Show that answers are checked; yields what takes each verdict as it is known."""
        if self._console is None:
            yield lambda _report: None
            return
        with self._line("Checking ...", "") as shown:

            def tell(report: StepReport) -> None:
                shown.update(
                    shown.task_ids[0],
                    description=f"Checking ... {wording.symbol(report)} {plain_line(report.step)}",
                )

            yield tell

    @contextmanager
    def _line(self, about: str, limit: str) -> "Iterator[Progress]":
        from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        assert self._console is not None
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            TextColumn(limit, markup=False),
        )
        with Progress(
            *columns, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
        ) as shown:
            shown.add_task(about, total=None)
            yield shown


@contextmanager
def proving(console: "RichConsole") -> Iterator[Callable[[str, str], None]]:
    """Show what is being tried, and for how long; yields what takes its name and the step that runs for it.

    What is printed on the console meanwhile comes above that line. Without a terminal nothing is shown.
    """
    if not console.is_terminal or console.is_dumb_terminal:
        yield lambda _name, _step: None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as shown:
        task = shown.add_task("Trying ...", total=None)

        def tell(name: str, step: str) -> None:
            about = plain_line(f"Trying {name} ...{f' runs {step}' if step else ''}")
            if step:
                shown.update(task, description=about)
            else:
                shown.reset(task, description=about)  # the time is that of each trial

        yield tell


class _WorkingLines:
    """Prints whole lines above the bottom one: half a line would be painted over."""

    def __init__(self, console: "RichConsole") -> None:
        self._console = console
        self._rest = ""

    def add(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._print(line)

    def close(self) -> None:
        if self._rest:
            self._print(self._rest)
            self._rest = ""

    def _print(self, line: str) -> None:
        self._console.print(_text(line.rstrip("\r").rpartition("\r")[2]), soft_wrap=True)


def _text(line: str) -> object:
    from rich.text import Text

    return Text(plain(line))


def _echo(text: str) -> None:
    print(text, end="", flush=True, file=sys.stderr)
