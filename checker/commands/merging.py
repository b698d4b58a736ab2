"""`lab merge`: the reports of parts of a class as one report."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from checker.catalog import Catalog
from checker.commands.rendering import Files, ready, write
from checker.errors import UsageError
from checker.model import LabReport, Outcome, Report
from checker.stack.stack import Say

if TYPE_CHECKING:
    from rich.console import Console


def merge_reports(
    sources: tuple[Path, ...], files: Files, fail_under: float | None, console: "Console", say: Say
) -> int:
    """Merge, write and show; the exit code `lab grade` would have ended with. Raises UsageError."""
    from checker.commands.grading import verdict
    from checker.report import jsonform, terminal

    catalog = Catalog()
    ready(files, catalog)
    parts = []
    for source in sources:
        try:
            parts.append(jsonform.from_json(source.read_bytes()))
        except OSError as error:
            raise UsageError(
                f"Cannot read {source}: {error.strerror}.", "Name reports written by --json."
            ) from None
    report, doubled = merged(parts)
    for path in doubled:
        say(f"{path} was graded differently in two parts; the first counts.")
    write(report, files, catalog)
    terminal.render(report, console, output_lines=10)
    return verdict(report, fail_under)


def merged(parts: Iterable[Report]) -> tuple[Report, list[str]]:
    """One report in which every submission is once; and the paths on which two parts do not agree.

    What one part could not grade counts as another graded it. Results are in the order of their paths, so that
    it does not matter who did what.
    """
    parts = list(parts)
    found: dict[tuple[str, str], LabReport] = {}
    doubled: list[str] = []
    for result in (result for part in parts for result in part.results):
        key = (result.path, result.lab)
        before = found.get(key)
        if before is None or (before.outcome is Outcome.ERROR and result.outcome is not Outcome.ERROR):
            found[key] = result
        elif result.outcome is not Outcome.ERROR and before.points != result.points:
            doubled.append(result.path)
    report = msgspec.structs.replace(
        parts[0],
        generated_at=max(part.generated_at for part in parts),
        results=tuple(found[key] for key in sorted(found)),
        missing=tuple({each.person.identifier: each for part in parts for each in part.missing}.values()),
        unmatched=tuple(dict.fromkeys(path for part in parts for path in part.unmatched)),
        alike=tuple(dict.fromkeys(each for part in parts for each in part.alike)),
    )
    return report, doubled
