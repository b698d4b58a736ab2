"""Small tables of the command line that are no reports."""

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from checker.doctor import Item
    from checker.model import Lab


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
