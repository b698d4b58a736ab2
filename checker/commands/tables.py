"""Small tables of the command line that are no reports."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from checker.report.plain import plain_line

if TYPE_CHECKING:
    from rich.console import Console

    from checker.doctor import Item
    from checker.model import Alike, Lab


def examined(items: list["Item"], console: "Console") -> None:
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


def listed(labs: list["Lab"], console: "Console") -> None:
    """All labs with their steps."""
    for lab in labs:
        console.print(Text(f"{lab.name}  {lab.title}", style="bold"))
        console.print(Text(f"{lab.summary} About {lab.minutes} minutes, {lab.points} points.", style="dim"))
        table = Table(box=None, pad_edge=False, show_header=False)
        table.add_column(justify="right")
        table.add_column()
        table.add_column()
        table.add_column(justify="right")
        for number, step in enumerate(lab.steps, start=1):
            table.add_row(str(number), Text(step.name), Text(step.title), f"{step.points} points")
        console.print(table)


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
