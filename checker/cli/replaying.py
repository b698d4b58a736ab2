"""Replay many submissions: in rooms or without, several in parallel, going on where an earlier run ended."""

import re
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import msgspec

from checker.base.errors import EnvironmentFault, UsageError
from checker.base.results import MOST_PARTS, AnswerRun, LabReport
from checker.base.say import Say
from checker.engine.connection import Engine
from checker.grading import journal
from checker.grading.forkserver import ForkServer
from checker.grading.pool import GradingEvent, Task, replay_all
from checker.sandbox.room import image_cache, support
from checker.stack.kind import images as of_lab

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


_NUMBER = re.compile(r"[0-9]{1,9}")

Chosen = TypeVar("Chosen")


class GradingOptions(msgspec.Struct, frozen=True):
    """How to replay.

    jobs: side by side. shard: (i, n), only every n-th from the i-th on. resume: a file that keeps what is done.
    unprotected: without rooms, also side by side. scheduler: address of a Dask scheduler whose workers do it.
    """

    jobs: int = 1
    shard: tuple[int, int] | None = None
    resume: Path | None = None
    unprotected: bool = False
    scheduler: str | None = None


class View(Protocol):
    """Shows how a grading goes on."""

    def __enter__(self) -> "View": ...
    def __exit__(self, *_: object) -> None: ...
    def show(self, event: GradingEvent) -> None: ...


def shard_of(text: str) -> tuple[int, int]:
    """`2/5` as numbers. Raises UsageError."""
    part, _, parts = text.partition("/")
    if not (
        _NUMBER.fullmatch(part) and _NUMBER.fullmatch(parts) and 1 <= int(part) <= int(parts) <= MOST_PARTS
    ):
        raise UsageError(
            f"{text!r} is no part of a class.",
            f"Write it as 2/5: the second of five parts. There can be {MOST_PARTS}.",
        )
    return int(part), int(parts)


def chosen(every: Sequence[Chosen], shard: tuple[int, int] | None) -> list[Chosen]:
    """Return what of a class is in a part: neighbours in different ones, as learners who hand in large
    things often are."""
    return list(every) if shard is None else list(every[shard[0] - 1 :: shard[1]])


def results(
    engine: Engine | None,
    root: Path,
    tasks: Sequence[Task],
    options: GradingOptions,
    console: "Console",
    say: Say,
) -> Generator[tuple[int, LabReport]]:
    """Yield the report of every task as it comes, with the task's number; first those that were done before.

    engine: this machine's; None where a cluster's workers have theirs. Says which protection there is not. Raises
    EnvironmentFault where several would run unprotected unasked.
    """
    reason = _unprotected(engine, options, say) if engine else ""
    kept = journal.read(options.resume, tasks) if options.resume else {}
    if kept:
        say(f"{len(kept)} of {len(tasks)} are done already, says {options.resume}.")
    yield from kept.items()
    waiting = [task for task in tasks if task.number not in kept]
    if not waiting:
        return
    with ExitStack() as held:
        view: View
        if engine is None:
            from checker.grading import dask  # few have Dask

            events = dask.replay_on(str(options.scheduler), waiting, unprotected=options.unprotected)
            view = _GradingLines(len(waiting), len(waiting), say)
        else:
            stocks = {
                task.lab.name: "" if reason else str(image_cache.ready(engine, of_lab(task.lab)))
                for task in {task.lab.name: task for task in waiting}.values()
            }
            events = replay_all(held.enter_context(ForkServer()), waiting, options.jobs, stocks, root)
            on_terminal = options.jobs > 1 and console.is_terminal
            view = (
                _Live(len(waiting), console)
                if on_terminal
                else _GradingLines(len(waiting), options.jobs, say)
            )
        held.enter_context(view)
        for event in events:
            view.show(event)
            if event.report is not None:
                if options.resume:
                    journal.add(options.resume, event.task, event.report)
                yield event.task.number, event.report


def _unprotected(engine: Engine, options: GradingOptions, say: Say) -> str:
    """Return why answers run on this machine and its engine; empty if they do not. Says it."""
    support.sweep()
    reason = "it was asked for" if options.unprotected else support.missing(engine)
    if reason and not options.unprotected and options.jobs > 1:
        raise EnvironmentFault(
            f"Submissions cannot be kept apart here: {reason}.",
            "Grade one after the other (`--jobs 1`), or add `--unprotected` if you trust all of them.",
        )
    if reason:
        say(f"Without protection, as {reason}: {support.WITHOUT}.")
    elif lacking := support.unlimited():
        say(f"Not all can be limited here: {', '.join(lacking)}.")
    return reason


class _GradingLines:
    """One line after the other."""

    def __init__(self, total: int, jobs: int, say: Say) -> None:
        self._total, self._jobs, self._say = total, jobs, say
        self._begun: set[int] = set()
        self._done = 0

    def __enter__(self) -> "_GradingLines":
        return self

    def __exit__(self, *_: object) -> None: ...

    def show(self, event: GradingEvent) -> None:
        if event.again:
            self._say(f"  {event.task.path}: {event.again} It is tried once more.")
        elif event.report is not None:
            self._done += 1
            if event.report.error:
                self._say(f"  not graded: {event.report.error}")
            if self._jobs > 1:
                self._say(f"[{self._done}/{self._total}] {event.task.path}: {_verdict(event.report)}")
        elif self._jobs == 1 and event.step:
            self._say(f"  {event.step}: {_ran(event.run)}")
        elif self._jobs == 1 and event.task.number not in self._begun:
            self._begun.add(event.task.number)
            self._say(f"[{len(self._begun)}/{self._total}] {event.task.path}")


class _Live:
    """A table of those that are at work, redrawn as things happen; those that are done scroll by above it."""

    def __init__(self, total: int, console: "Console") -> None:
        from rich.live import Live

        self._total, self._console = total, console
        self._done = 0
        self._again = 0
        self._at: dict[int, tuple[str, str, float]] = {}
        # Nothing is drawn by a thread: this process makes others by forking.
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "_Live":
        self._live.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.__exit__(None, None, None)

    def show(self, event: GradingEvent) -> None:
        from rich.text import Text

        number = event.task.number
        if event.report is not None:
            self._done += 1
            self._at.pop(number, None)
            self._console.print(Text(f"{event.task.path}: {_verdict(event.report)}"))
        elif event.again:
            self._again += 1
            self._at.pop(number, None)
        else:
            began = self._at.get(number, ("", "", time.monotonic()))[2]
            at = f"{event.step}: {_ran(event.run)}" if event.step else "starting"
            self._at[number] = (str(event.task.path), at, began)
        self._live.update(self._table(), refresh=True)

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        again = f", {self._again} tried again" if self._again else ""
        table = Table("Submission", "At", "Seconds", title=f"{self._done} of {self._total} done{again}")
        for path, at, began in self._at.values():
            table.add_row(Text(path), Text(at), f"{time.monotonic() - began:.0f}")
        return table


def _verdict(report: LabReport) -> str:
    if report.error:
        return "not graded"
    return f"{report.points} of {report.max_points} points, {report.seconds:.1f} s"


def _ran(run: AnswerRun | None) -> str:
    if run is None:
        return "nothing to run"
    how = "ended at its time limit" if run.timed_out else f"exit code {run.exit_code}"
    return f"{how}, {run.seconds:.1f} s"
