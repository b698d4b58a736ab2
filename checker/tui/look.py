"""The text on the screen: pure functions of the lab and of the record of progress."""

from rich.text import Text

from checker.base.model import Lab, Step
from checker.base.plain import plain, plain_line
from checker.base.results import Outcome
from checker.lab.progress import Progress, Standing, StepProgress
from checker.practice.hints import Hint
from checker.practice.picture import Tree, describe

SIGNS = {Standing.PASSED: "✓", Standing.TRIED: "✗", Standing.NOT_BEGUN: "·"}
STYLES = {Standing.PASSED: "green", Standing.TRIED: "red", Standing.NOT_BEGUN: "bright_black"}
ERROR = ("!", "yellow", "error")
BAR = 16


def heading(lab: Lab, record: Progress) -> Text:
    """Return the top line: which lab, how much of it is done."""
    done = BAR * record.points // lab.points if lab.points else 0
    return Text.assemble(
        (f"Lab {lab.number} {plain_line(lab.title)}", "bold"),
        "  ",
        ("━" * done, "green"),
        ("─" * (BAR - done), "bright_black"),
        f"  {record.passed} of {len(lab.steps)} steps, {record.points}/{lab.points} points",
    )


def sign(known: StepProgress) -> tuple[str, str, str]:
    """Return a step's sign, its style, and the same as a word."""
    if known.outcome is Outcome.ERROR:
        return ERROR
    return SIGNS[known.standing], STYLES[known.standing], str(known.standing)


def row(step: Step, known: StepProgress) -> Text:
    """Return a step's line in the list."""
    symbol, style, _ = sign(known)
    return Text.assemble((symbol, style), f" {plain_line(step.name)}", no_wrap=True, overflow="ellipsis")


def detail(step: Step, known: StepProgress, hints: list[Hint]) -> Text:
    """Return what is known about a step: its verdict, the finding, the hints that were shown."""
    symbol, style, word = sign(known)
    text = Text.assemble(
        (f"{plain_line(step.title)}\n", "bold"),
        (f"{symbol} {word}", style),
        f"  {known.points}/{step.points} points  {plain_line(step.answer_path)}\n",
    )
    if known.standing is Standing.NOT_BEGUN and known.outcome is not Outcome.ERROR:
        text.append("\nThere is no answer yet. Press t to read the task, e to write the answer.\n")
    else:
        for finding in known.findings:
            for label, said in (
                ("Expected", finding.expected),
                ("Seen", finding.observed),
                ("Next", finding.action),
            ):
                text.append(f"\n{label}\n", style="bold cyan")
                text.append(f"{plain(said).strip()}\n")
        if known.reason:
            text.append(f"\n{plain(known.reason)}\n")
        if known.outcome is Outcome.ERROR:
            text.append("This is not your answer's fault and costs no points.\n")
    for hint in hints:
        text.append(f"\nHint {hint.number} of {hint.total}\n", style="bold magenta")
        text.append(f"{plain(hint.text)}\n")
    return text


def picture(tree: Tree | None, trouble: str = "") -> Text:
    """Return what the registry holds, in characters; or why that cannot be said."""
    if tree is None:
        return Text(plain(trouble) or "Asking the registry ...", style="bright_black")
    text = Text(no_wrap=True, overflow="ellipsis")
    for line in plain(describe(tree)).splitlines():
        inner = line.lstrip()
        style = "bold" if inner.startswith(("registry ", "repository ")) else ""
        text.append(f"{line}\n", style=style)
    return text
