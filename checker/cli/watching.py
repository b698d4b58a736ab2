"""`lab watch`: line by line, as JSON for another program, or full screen."""

import os
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from checker.base.errors import ExitCode, LabError
from checker.base.results import Outcome, StepReport
from checker.practice.following import Update, follow
from checker.practice.session import Session
from checker.practice.watch import Changes, NoticedChange

if TYPE_CHECKING:
    from rich.console import Console


class WatchRequest(msgspec.Struct, frozen=True):
    """What a program that reads `lab watch --json` may write to it, one JSON object a line.

    check: steps to judge now, everything if there is none. ran: whether their answers were just run.
    """

    check: tuple[str, ...] = ()
    ran: bool = False


def watch_lines(session: Session, console: "Console") -> int:
    """Print verdicts whenever one changes, until interrupted. Ends when the registry does."""
    from rich.text import Text

    from checker.report import terminal

    console.file = sys.stdout  # pytest takes the name sys.stdout while a check runs
    shown: dict[str, tuple[object, ...]] = {}

    def tell(update: Update) -> None:
        if update.report is None:
            return
        changed = [step for step in update.report.steps if shown.get(step.step) != _verdict(step)]
        shown.update({step.step: _verdict(step) for step in update.report.steps})
        if update.event == "ready":
            terminal.render_progress(session.lab, session.progress(), update.report, console)
            console.print(Text("Watching. Save an answer or push something; Ctrl-C ends it.", style="dim"))
        elif update.why or changed:
            at = f"{datetime.now(UTC).astimezone():%H:%M:%S}"
            console.print(Text(f"{at} {update.why or 'something changed'}", style="dim"))
            for step in changed:
                terminal.render_step(step, console)
            terminal.render_sum(session.lab, session.progress(), console)
        if update.message:
            console.print(Text(update.message, style="yellow"))

    with suppress(KeyboardInterrupt), Changes(session) as changes:
        follow(session, changes, tell)
    return ExitCode.PASSED


def watch_json(session: Session) -> int:
    """Print each update as a line of JSON, and obey requests on standard input; its end ends this.

    What a line means is said in `checker.practice.following.Update`; verdicts are in the record of progress.
    """
    out = sys.stdout.buffer  # as above
    lock = threading.Lock()

    def tell(update: Update) -> None:
        form = {
            "event": update.event,
            "why": update.why,
            "steps": update.steps,
            "seconds": round(update.seconds, 3),
            "message": update.message,
        }
        with lock:
            out.write(msgspec.json.encode(form) + b"\n")
            out.flush()

    with suppress(KeyboardInterrupt, BrokenPipeError), Changes(session) as changes:
        threading.Thread(target=_obey, args=(session, changes), daemon=True).start()
        try:
            follow(session, changes, tell)
        except LabError as error:
            tell(Update(event="fault", message=error.told))
            return error.exit_code
    return ExitCode.PASSED


def _obey(session: Session, changes: Changes) -> None:
    names = [step.name for step in session.lab.steps]
    with os.fdopen(os.dup(0), "rb") as source:
        for line in source:
            try:
                request = msgspec.json.decode(line, type=WatchRequest)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
            wanted = tuple(step for step in request.check if step in names) or tuple(names)
            changes.put(NoticedChange(asked=wanted, ran=request.ran))
    changes.put(NoticedChange(over=True))


def _verdict(step: StepReport) -> tuple[object, ...]:
    """Return what of a verdict is worth telling again when it changes; how long it took is not."""
    return (step.outcome, step.findings, step.reason, step.outcome is not Outcome.PASS and step.begun)
