"""What several commands do: find out which lab is meant, print, and say how it ended."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from checker.base.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from checker.base.results import LabReport, Report
    from checker.practice.session import Session


def meant(lab: str | None, step: str | None, workspace: Path | None = None) -> tuple[str, str | None]:
    """Return which lab is meant and which step, where the first word may be either."""
    from checker.practice.whereabouts import addressed

    words = tuple(word for word in (lab, step) if word is not None)
    named, rest = addressed(words, workspace)
    if len(rest) > 1:
        raise UsageError(
            f"There is no lab {rest[0]!r}.", "Name the lab first and then one step; see `lab list`."
        )
    return named, rest[0] if rest else None


def open_session(lab: str, workspace: Path | None) -> "Session":
    from checker.practice.session import Session

    return Session.open(lab, workspace=workspace)


def console() -> "Console":
    from rich.console import Console

    return Console(highlight=False)


def show_report(report: "Report", as_json: bool) -> int:
    """Print a report in the wanted form; the exit code that goes with it."""
    if as_json:
        from checker.report import jsonform

        click.echo(jsonform.to_json(report))
    else:
        from checker.report import terminal

        if len(report.results) == 1 and len(report.results[0].steps) == 1:
            terminal.render_step(report.results[0].steps[0], console())
        else:
            terminal.render(report, console())
    return exit_code(*report.results)


def exit_code(*results: "LabReport") -> int:
    """0 if every step passed, 3 if the machine or a lab is at fault somewhere, else 1."""
    from checker.base.results import Outcome

    outcomes = {result.outcome for result in results}
    if Outcome.ERROR in outcomes:
        return ExitCode.ENVIRONMENT
    return ExitCode.PASSED if outcomes <= {Outcome.PASS} else ExitCode.FAILED
