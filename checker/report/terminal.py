"""The report for people at a terminal, drawn with rich at any width from about 50 columns.

Foreign text only ever travels as `Text`, which rich does not search for markup, and every line of it
stands behind a margin, so that nothing quoted can pass for a line of ours.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from checker.base.model import Lab
from checker.base.plain import plain, plain_line, tail
from checker.base.results import AnswerRun, Finding, LabReport, Outcome, Report, StepReport
from checker.lab.progress import Progress, next_step
from checker.report import wording

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod, RenderableType
    from rich.table import Table
    from rich.text import Text

COLOURS = {
    Outcome.PASS: "green",
    Outcome.FAIL: "red",
    Outcome.SKIPPED: "bright_black",
    Outcome.ERROR: "magenta",
}
BAR_WIDTH = 24


def render(report: Report, console: "Console", *, output_lines: int = 0) -> None:
    """Print every result and, for several workspaces, a table of them all.

    output_lines: how many lines to show of what answers printed whose step is not passed.
    """
    for number, result in enumerate(report.results):
        if number:
            console.print()
        render_result(result, console, output_lines=output_lines)
    if len(report.results) > 1:
        console.print()
        console.print(_overview(report, console))
    if lines := list(wording.about_the_class(report)):
        from rich.text import Text

        console.print()
        for line in lines:
            _behind_margin(Text(line, overflow="fold"), console)


def render_result(result: LabReport, console: "Console", *, output_lines: int = 0) -> None:
    """Print one lab's graded table, its findings, what is worth a look, and the sum."""
    from rich.text import Text

    _print_line(Text(f"{plain_line(result.lab)}: {plain_line(result.title)}", style="bold"), console)
    _behind_margin(Text(plain_line(result.path), style="bright_black", overflow="fold"), console)
    if result.steps:
        console.print()
        console.print(_steps(result.steps, console))
    for step in result.steps:
        if step.outcome in (Outcome.FAIL, Outcome.ERROR) and not step.untouched:
            console.print()
            _headline(step, console)
            _explain(step, console, output_lines)
    if why := wording.trouble(result):
        console.print()
        console.print(_outcome(Outcome.ERROR, console))
        _behind_margin(Text(why), console)
    for warning in result.warnings:
        console.print()
        console.print(Text("Worth a look", style="yellow"))
        _behind_margin(Text(plain(warning)), console)
    if result.steps:
        console.print()
        _sum(result, console)


def render_step(step: StepReport, console: "Console", *, output_lines: int = 0) -> None:
    """Print one step's verdict: a headline, and unless it passed, everything there is to say."""
    from rich.text import Text

    _headline(step, console)
    if step.untouched:
        _behind_margin(Text(wording.TO_BEGIN.format(step=plain_line(step.step))), console)
    elif step.outcome is not Outcome.PASS:
        _explain(step, console, output_lines)


def render_progress(lab: Lab, record: Progress, result: LabReport, console: "Console") -> None:
    """Print where a learner is with a lab: a table of the steps, what is wrong with those tried, and the sum."""
    from rich.text import Text

    _print_line(Text(f"{plain_line(lab.name)}: {plain_line(lab.title)}", style="bold"), console)
    _behind_margin(Text(plain_line(result.path), style="bright_black", overflow="fold"), console)
    console.print()
    console.print(_steps(result.steps, console))
    for step in result.steps:
        if step.outcome in (Outcome.FAIL, Outcome.ERROR) and not step.untouched:
            console.print()
            render_step(step, console)
    for warning in result.warnings:
        console.print()
        _behind_margin(Text(plain(warning)), console)
    console.print()
    following = next_step(lab, record)
    if any(following and step.step == following.name and step.untouched for step in result.steps):
        assert following is not None
        said = wording.TO_BEGIN.format(step=following.name)
        console.print(Text(f"{following.name}: {said}"))
    render_sum(lab, record, console)


def render_sum(lab: Lab, record: Progress, console: "Console", *, after: str = "") -> None:
    """Print `3 of 8 steps passed, 35 of 100 points; next: patch`, with a bar where there is room."""
    from rich.text import Text

    words = Text(wording.progressed(lab, record, after=after), style="bold")
    bar = bar_of(record.points, lab.points, console)
    if len(bar) + 2 + len(words) <= console.width:
        console.print(Text.assemble(bar, "  ", words))
    else:
        console.print(words)


def _headline(step: StepReport, console: "Console") -> None:
    from rich.text import Text

    line = _verdict(step, console)
    if step.max_points:
        line.append(f"  {step.points}/{step.max_points}", style="bright_black")
    line.append_text(Text.assemble("  ", (plain_line(step.step), "bold"), f": {wording.headline(step)}"))
    _print_line(line, console)


def _explain(step: StepReport, console: "Console", output_lines: int) -> None:
    from rich.text import Text

    blocks: list[RenderableType] = [_finding(finding) for finding in step.findings]
    if remarks := wording.remarks(step):
        stopped = step.answer is not None and step.answer.timed_out
        blocks.insert(0 if stopped else len(blocks), Text("\n".join(remarks)))
    if output_lines and step.answer and step.answer.output.strip():
        blocks.append(_output(step.answer, output_lines))
    for number, block in enumerate(blocks):
        if number:
            _behind_margin(Text(""), console)
        _behind_margin(block, console)


def _finding(finding: Finding) -> "Table":
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    styles = {"Expected": "", "Seen": "", "Next": "bold"}
    for label, text in wording.parts(finding):
        grid.add_row(Text(label, style="cyan"), Text(text, style=styles[label]))
    return grid


def _output(run: AnswerRun, lines: int) -> "Text":
    from rich.text import Text

    cut = "\n... cut here: it printed more than is kept" if run.truncated else ""
    return Text(f"The answer printed:\n{tail(run.output, lines)}{cut}", style="bright_black")


def _steps(steps: Sequence[StepReport], console: "Console") -> "Table":
    from rich.text import Text

    table = _table(("Step", "left"), ("Outcome", "left"), ("Points", "right"), ("Finding", "left"))
    for step in steps:
        table.add_row(
            Text(plain_line(step.step)),
            _verdict(step, console),
            Text(wording.points(step)),
            Text("" if step.untouched else wording.codes(step)),
        )
    return table


def _overview(report: Report, console: "Console") -> "Table":
    from rich.text import Text

    table = _table(("Outcome", "left"), ("Points", "right"), ("Percent", "right"), ("Workspace", "left"))
    for result in report.results:
        table.add_row(
            _outcome(result.outcome, console),
            Text(f"{result.points}/{result.max_points}"),
            Text(wording.percent(result.percent)),
            Text(plain_line(result.path)),
        )
    return table


def _table(*columns: "tuple[str, JustifyMethod]") -> "Table":
    """Only the last column holds text of any length, so a wrapped line always has an edge before it."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.MINIMAL, pad_edge=False, show_edge=False, border_style="bright_black")
    for name, side in columns:
        table.add_column(name, justify=side, no_wrap=name != columns[-1][0], overflow="fold")
    return table


def _sum(result: LabReport, console: "Console") -> None:
    from rich.text import Text

    words = Text(wording.summed(result), style="bold")
    bar = _bar(result, console)
    if len(bar) + 2 + len(words) <= console.width:
        console.print(Text.assemble(bar, "  ", words))
    else:
        console.print(bar)
        console.print(words)


def _bar(result: LabReport, console: "Console") -> "Text":
    colour = COLOURS[Outcome.ERROR if result.outcome is Outcome.ERROR else Outcome.PASS]
    return bar_of(result.points, result.max_points, console, colour=colour)


def bar_of(
    points: int,
    most: int,
    console: "Console",
    *,
    width: int = BAR_WIDTH,
    colour: str = COLOURS[Outcome.PASS],
) -> "Text":
    """Return a bar of so many characters. It is rounded down, so that only a full score fills it."""
    from rich.text import Text

    done = width * points // most if most else 0
    full, empty = ("#", "-") if console.options.ascii_only else ("━", "─")
    return Text.assemble((full * done, colour), (empty * (width - done), "bright_black"))


def _verdict(step: StepReport, console: "Console") -> "Text":
    from rich.text import Text

    colour = COLOURS[Outcome.SKIPPED if step.untouched else step.outcome]
    symbol = wording.symbol(step, ascii_only=console.options.ascii_only)
    return Text(f"{symbol} {wording.standing(step)}", style=colour)


def _outcome(outcome: Outcome, console: "Console") -> "Text":
    from rich.text import Text

    symbols = wording.ASCII_SYMBOLS if console.options.ascii_only else wording.SYMBOLS
    return Text(f"{symbols[outcome]} {outcome}", style=COLOURS[outcome])


def _print_line(text: "Text", console: "Console") -> None:
    """Print on one line, cut where the terminal ends."""
    console.print(text, no_wrap=True, overflow="crop" if console.options.ascii_only else "ellipsis")


def _behind_margin(inner: "RenderableType", console: "Console") -> None:
    """Print something with a line down its left side; wrapped lines stay behind it too."""
    from rich.segment import Segment, Segments

    def lines() -> Iterator[Segment]:
        margin = Segment("  | " if console.options.ascii_only else "  │ ", console.get_style("bright_black"))
        options = console.options.update_width(max(console.width - 4, 1))
        for line in console.render_lines(inner, options, pad=False):
            yield margin
            yield from line
            yield Segment.line()

    console.print(Segments(lines()), end="")
