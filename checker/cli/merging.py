"""`lab merge`: the reports of parts of a class as one report."""

from pathlib import Path
from typing import TYPE_CHECKING

from checker.base.errors import ExitCode
from checker.base.say import Say
from checker.cli.rendering import Files, ready, rules_of, together, write
from checker.lab.catalog import Catalog

if TYPE_CHECKING:
    from rich.console import Console


def merge_reports(
    sources: tuple[Path, ...], files: Files, fail_under: float | None, console: "Console", say: Say
) -> int:
    """Merge, write and show; the exit code `lab grade` would have ended with, 3 if a part is missing.

    Raises UsageError.
    """
    from checker.cli.grading import verdict
    from checker.report import terminal

    catalog = Catalog()
    ready(files, catalog)
    report, whole = together(sources, say)
    write(report, files, catalog)
    terminal.render(report, console, output_lines=10)
    return verdict(report, fail_under, rules_of(files, catalog)) if whole else ExitCode.ENVIRONMENT
