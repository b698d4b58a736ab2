"""`lab grade`: many workspaces, one report, several renderings."""

import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from checker.archives import archive
from checker.base.errors import ExitCode, UsageError
from checker.base.plain import plain_line
from checker.base.results import LabReport, Outcome, Report, Shard
from checker.base.say import Say
from checker.cli.rendering import Files, answers, ready, rules_of, write
from checker.cli.replaying import GradingOptions, chosen, results
from checker.engine.connection import connect
from checker.grading import journal
from checker.grading.intake import roster, times
from checker.grading.intake.classwork import Classwork, collect
from checker.grading.pool import Task
from checker.judge import replay
from checker.lab.catalog import Catalog
from checker.lab.progress import now
from checker.report.grades import grade
from checker.report.gradingrules import GradingRules
from checker.stack import cleanup, needs

if TYPE_CHECKING:
    from rich.console import Console

LEFT_SHOWN = 20
"""Things that are not graded and said each on a line of its own."""


class Class(msgspec.Struct, frozen=True):
    """What an instructor says about a class: the roster's file, and until when submissions were not late."""

    roster: Path | None = None
    due: str | None = None


def grade_paths(
    paths: tuple[Path, ...],
    lab: str | None,
    about: Class,
    files: Files,
    fail_under: float | None,
    options: GradingOptions,
    console: "Console",
    say: Say,
) -> int:
    """Grade every workspace at the paths; the exit code of the whole.

    fail_under: percent every workspace has to reach; without it every step has to pass. What is done
    when an interrupt comes is still written. Raises UsageError before anything runs.
    """
    catalog = Catalog()
    work = classwork(catalog, paths, lab, about)
    ready(files, catalog)
    tell_left(work, about, say)
    count = len(work.submissions) + len(work.lost)
    tasks = chosen([Task(n, one.lab, one.path) for n, one in enumerate(work.submissions)], options.shard)
    work = msgspec.structs.replace(work, lost=tuple(chosen(work.lost, options.shard)))
    if options.shard and not tasks and not work.lost:
        say(f"Nothing of {count} is in this part.")
    engine = None
    if tasks and options.scheduler is None:  # where there is nothing to run, nothing has to be able to
        engine = connect()
        cleanup.sweep(engine)
        replay.sweep()
        needs.provide(engine, [task.lab for task in tasks], say)
    found: dict[int, LabReport] = {}
    try:
        with closing(results(engine, catalog.root, tasks, options, console, say)) as coming:
            found.update(coming)
    except KeyboardInterrupt:
        if options.resume:  # the interrupt may have come just after a result was kept
            found = {**journal.read(options.resume, tasks), **found}
        if found:
            say(f"Interrupted: the report has the {len(found)} of {len(tasks)} workspaces that were done.")
            write(work.stamped(report_of(found, tasks, options)), files, catalog)
        raise
    report = work.stamped(report_of(found, tasks, options))
    write(report, files, catalog)
    rules = rules_of(files, catalog)
    _render(report, catalog, console, rules)
    return verdict(report, fail_under, rules)


def tell_left(work: Classwork, about: Class, say: Say) -> None:
    """Say what lies among the submissions and is not graded."""
    roster_file = about.roster.resolve() if about.roster else None
    left = [one for one in work.left if one.path.resolve() != roster_file]
    for one in left[:LEFT_SHOWN]:
        say(f"Not graded: {plain_line(str(one.path))}. {plain_line(one.why)}")
    if len(left) > LEFT_SHOWN:
        names = ", ".join(plain_line(str(one.path)) for one in left[LEFT_SHOWN:])
        say(f"Not graded either, for the like reasons: {names}.")


def verdict(report: Report, fail_under: float | None, rules: GradingRules | None = None) -> int:
    """3 if anything is in error, else 0 if every workspace is good enough, under the rules if any, else 1."""
    if report.outcome is Outcome.ERROR:
        return ExitCode.ENVIRONMENT
    if fail_under is None:
        return ExitCode.PASSED if report.outcome is Outcome.PASS else ExitCode.FAILED
    percents = (
        [lab.percent for lab in grade(report, rules).labs] if rules else [r.percent for r in report.results]
    )
    return ExitCode.PASSED if all(percent >= fail_under for percent in percents) else ExitCode.FAILED


def classwork(catalog: Catalog, paths: tuple[Path, ...], lab: str | None, about: Class) -> Classwork:
    """Find all that was handed in at the paths. Raises UsageError where there is nothing to grade."""
    only = catalog.lab(lab) if lab else None
    due = times.parse(about.due) if about.due else None
    people = roster.read(about.roster) if about.roster else None
    for path in paths:
        if not path.is_dir() and not (path.is_file() and archive.is_archive(path)):
            raise UsageError(
                f"{path} is no folder and no archive.",
                "Name workspaces, repositories, zip or tar.gz files, or a folder of those.",
            )
    work = collect(paths, catalog.labs(), only=only, roster=people, due=due)
    for path in paths:
        if not any(place.is_relative_to(path) for place in work.paths):
            raise UsageError(
                f"{path} is not called like a lab, and holds no folder that is, and no answers.",
                f"Name the lab: `lab grade --lab 01 {path}`.",
            )
    return work


def report_of(found: dict[int, LabReport], tasks: Sequence[Task], options: GradingOptions) -> Report:
    """In the order of what was handed in, whatever was done first. A part that is not all done has no number."""
    number, of = options.shard or (1, 1)
    done = len(found) == len(tasks)
    return Report(
        mode="replay",
        generated_at=now(),
        results=tuple(found[number] for number in sorted(found)),
        shard=Shard(parts=(number,) if done else (), of=of) if of > 1 else None,
    )


def _render(report: Report, catalog: Catalog, console: "Console", rules: GradingRules | None) -> None:
    from checker.report import github, markdown, terminal

    in_actions = os.environ.get("GITHUB_ACTIONS") == "true"
    if in_actions:
        token = os.urandom(16).hex()
        # What answers printed may look like a command to the runner: none is obeyed in between.
        sys.stdout.write(github.stop_commands(token))
        terminal.render(report, console, output_lines=10)
        sys.stdout.write(github.resume_commands(token))
        sys.stdout.write(github.to_commands(report, answers=answers(catalog)))
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown.to_markdown(report, grades=grade(report, rules) if rules else None))
        return
    terminal.render(report, console, output_lines=10)
