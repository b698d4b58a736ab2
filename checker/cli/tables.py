"""Small tables that commands print; reports have renderers of their own."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from checker.base.plain import plain_line
from checker.lab.progress import Standing

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod

    from checker.base.results import Alike
    from checker.cli.doctor import DoctorItem
    from checker.practice.whereabouts import Suggestion, Whereabouts

NARROW = 72
"""Columns of a terminal below which fewer words are said."""


def examined(items: list["DoctorItem"], console: "Console") -> None:
    """What `lab doctor` found, and below it what to do about what is missing."""
    table = Table(box=None, pad_edge=False)
    for title in ("", "what", "seen"):
        table.add_column(title)
    for item in items:
        mark = Text("ok", style="green") if item.ok else Text("missing", style="red")
        table.add_row(mark, Text(item.name), Text(item.seen, overflow="fold"))
    console.print(table)
    for item in items:
        if not item.ok and item.action:
            console.print(Text(f"{item.name}: {item.action}"))


def whereabouts(labs: list["Whereabouts"], suggestions: list["Suggestion"], console: "Console") -> None:
    """Where the learner is: a line a lab, what runs, and what to do next."""
    listed(labs, console)
    running = [one for one in labs if one.running]
    console.print()
    for one in running:
        console.print(Text(f"Running: {one.lab.name}, answers in {_near(one.place.path)}", overflow="fold"))
    if not running:
        console.print(Text("No lab is running."))
    console.print()
    console.print(Text("Next:"))
    wide = max((len(one.command) for one in suggestions), default=0)
    for suggestion in suggestions:
        command = f"{suggestion.command:{wide}}"
        console.print(Text.assemble("  ", (command, "bold"), f"  {suggestion.does}"))


def listed(labs: list["Whereabouts"], console: "Console") -> None:
    """All labs, a line each: how much of it is done."""
    from checker.report.terminal import bar_of

    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    sides: tuple[JustifyMethod, ...] = ("left", "left", "left", "right", "right", "left")
    for justify in sides:
        table.add_column(justify=justify, no_wrap=True)
    narrow = console.width < NARROW
    done = [
        f"{one.record.passed}/{len(one.lab.steps)}"
        if narrow
        else _passed(one.record.passed, len(one.lab.steps))
        for one in labs
    ]
    points = [f"{one.record.points}/{one.lab.points}" for one in labs]
    # Where there is little room the bar gives way first, and then the title: numbers are never cut.
    numbers = sum(max(map(len, texts), default=0) for texts in (done, points)) + len("01") + len("running")
    room = console.width - numbers - 5 * 2
    title = max((len(one.lab.title) for one in labs), default=0)
    width = max(min(24, room - title), 8)
    for one, steps, of in zip(labs, done, points, strict=True):
        table.add_row(
            Text(one.lab.number, style="bold"),
            Text(_cut(one.lab.title, room - width, console)),
            bar_of(one.record.points, one.lab.points, console, width=width),
            Text(steps),
            Text(of),
            Text("running", style="green") if one.running else Text(""),
        )
    console.print(table)


def steps_of(one: "Whereabouts", console: "Console") -> None:
    """One lab's steps: how each stands, and its points."""
    lab = one.lab
    console.print(Text(f"{lab.name}  {lab.title}", style="bold"))
    console.print(Text(f"{lab.summary} About {lab.minutes} minutes, {lab.points} points.", style="dim"))
    console.print()
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    sides: tuple[JustifyMethod, ...] = ("right", "left", "left", "right", "left")
    for justify in sides:
        table.add_column(justify=justify, no_wrap=justify != "left")
    styles = {Standing.PASSED: "green", Standing.TRIED: "yellow", Standing.NOT_BEGUN: "bright_black"}
    for number, step in enumerate(lab.steps, start=1):
        known = one.record.step(step.name)
        table.add_row(
            str(number),
            Text(str(known.standing), style=styles[known.standing]),
            Text(step.name, style="bold"),
            f"{known.points}/{step.points}",
            Text(step.title),
        )
    console.print(table)


def _cut(text: str, most: int, console: "Console") -> str:
    """Return the text, cut where it is longer than that, and it shows."""
    dots = "..." if console.options.ascii_only else "…"
    return text if len(text) <= most else text[: max(most - len(dots), 0)].rstrip() + dots


def _passed(count: int, of: int) -> str:
    return f"{count} of {of} {'step' if of == 1 else 'steps'}"


def _near(path: Path) -> str:
    """Return a path as it is typed from here, where that is shorter."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def compared(groups: Iterable["Alike"], tell: Callable[[str], None]) -> None:
    """Groups of answers that look alike, a line each, and what that means."""
    some = list(groups)
    for group in some:
        tell(f"{plain_line(group.lab)} {plain_line(group.step)}: {group.percent:.0f} % the same in")
        for path in group.paths:
            tell(f"  {plain_line(path)}")
    if some:
        tell("Short answers can be alike without anybody copying: read them before you conclude anything.")
    else:
        tell("No answers are alike beyond what the task itself makes alike.")
