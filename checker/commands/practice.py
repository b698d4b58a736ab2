"""Commands of a learner's practice: run, check, watch, shell, notebook, stop."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checker import answers
from checker.engine import Engine, home
from checker.errors import EnvironmentFault, ExitCode, LabError, ServiceFault, UsageError
from checker.model import LabReport, Report, StepReport
from checker.session import Session
from checker.stack.stack import Say

if TYPE_CHECKING:
    from rich.console import Console

    from checker.watch import Change


def as_report(*results: LabReport) -> Report:
    return Report(mode="practice", generated_at=now(), results=results)


def now() -> str:
    """The time of day in UTC as RFC 3339 writes it, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_steps(session: Session, steps: tuple[str, ...], *, quiet: bool) -> Report:
    """Run answers in the order given (all of the lab's if none) and check the steps run.

    quiet: keep what the answers print to the report.
    """
    import msgspec

    from checker.catalog import find_step

    names = [find_step(session.lab, step).name for step in steps] or [step.name for step in session.lab.steps]
    runs = {}
    texts = answers.written(session.lab, session.workspace)  # before one of them writes another
    for name in names:
        if not quiet:
            print(f"$ bash {session.workspace.answer(find_step(session.lab, name))}", file=sys.stderr)
        runs[name] = session.run(name, (lambda _text: None) if quiet else _echo)
    result = session.check(names[0] if len(names) == 1 else None, texts)
    chosen = [step for step in result.steps if step.step in runs]
    reports: list[StepReport] = [msgspec.structs.replace(step, answer=runs[step.step]) for step in chosen]
    return as_report(msgspec.structs.replace(result, steps=tuple(reports)))


def check_lab(session: Session, step: str | None) -> Report:
    return as_report(session.check(step))


def check_started() -> Report:
    """Check every lab whose usual workspace has a stack."""
    from checker.catalog import Catalog

    sessions = [Session.open(name) for name in Catalog().names()]
    started = [
        session for session in sessions if session.workspace.path.is_dir() and session.stack(required=False)
    ]
    if not started:
        raise UsageError(
            "No lab is started here.", "`lab list` shows the labs, `lab start 01` starts the first."
        )
    return as_report(*(session.check() for session in started))


def watch_lab(session: Session, console: "Console") -> int:
    """Check whenever something changed, until interrupted. Ends when the registry does."""
    from rich.text import Text

    from checker.report import terminal
    from checker.watch import changes

    shown: tuple[StepReport, ...] | None = None
    with suppress(KeyboardInterrupt):
        for batch in changes(session):
            for fault in [change.fault for change in batch if change.fault]:
                raise ServiceFault(fault, f"`lab start {session.lab.number}` brings it back.")
            report = session.check()
            why = _why(batch)
            if why or _differs(report.steps, shown):
                if shown is not None:
                    at = f"{datetime.now(UTC).astimezone():%H:%M:%S}"
                    console.print(Text(f"{at} {why or 'something changed'}", style="dim"))
                terminal.render_result(report, console)
            if shown is None:
                console.print(
                    Text("Watching. Save an answer or push something; Ctrl-C ends it.", style="dim")
                )
            shown = report.steps
    return ExitCode.PASSED


def open_shell(session: Session, say: Say) -> int:
    """A shell of the learner's own kind in the workspace; its exit code."""
    answers.make_room(session.workspace)
    inside = session.environment() | {"TERM": os.environ.get("TERM", "dumb"), "HOME": str(home())}
    number = session.lab.number
    say(f"A shell for lab {number}, in {session.workspace.path}. `env` shows the values, `exit` leaves.")
    inside |= {"PS1": f"(lab {number}) \\w $ ", "GIT_CONFIG_GLOBAL": os.devnull}
    inside["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{inside['PATH']}"
    try:
        return subprocess.run(
            ["bash", "--norc"], cwd=session.workspace.path, env=inside, check=False
        ).returncode
    except OSError as error:
        raise EnvironmentFault(f"bash cannot be started: {error.strerror}.", "Install bash.") from error


def serve_notebook(lab: str, port: int | None, browser: bool | None, say: Say) -> int:
    """Provide an engine, start the lab, serve JupyterLab until interrupted, then leave nothing running."""
    from checker.notebook.server import open_notebook
    from checker.provide import ensure_engine

    session = Session.open(lab)
    engine = ensure_engine(say, may_install=True)
    try:
        session.start(say)
        wanted = (
            browser if browser is not None else bool(os.environ.get("DISPLAY") or sys.platform == "darwin")
        )
        return open_notebook(session.lab, session.workspace.path.parent, say=say, port=port, browser=wanted)
    finally:
        # A second Ctrl-C must not leave half of it running.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        say("Stopping; your answers and your notebook stay.")
        try:
            session.stop(say)
            end_own_engine(engine, say)
        except LabError as error:
            say(f"{error.message} {error.action}")


def end_own_engine(engine: Engine, say: Say) -> None:
    """End the engine if it is one that we started and no stack is left in it."""
    from checker.provide import stop_own_engine
    from checker.stack import stack as stacks

    if not stacks.stacks(engine):
        engine.close()
        stop_own_engine(say)


def stop_everything(say: Say, *, images: bool) -> None:
    """End all stacks, probes and listeners, remove replays' folders, end the engine if it is ours."""
    from checker import replay
    from checker.cleanup import remove_base_images, remove_everything, remove_run
    from checker.engine import candidates, connect
    from checker.isolation import able, stock
    from checker.provide import stop_own_engine
    from checker.stack import stack as stacks

    try:
        engine = connect() if candidates() else None
    except LabError as error:
        say(f"{error.message} So nothing of ours runs in it.")
        engine = None
    if engine is not None:
        ended = sum(remove_run(engine, stack) for stack in stacks.stacks(engine))
        counts = remove_everything(engine)
        counts["containers"] += ended
        if images:
            remove_base_images(engine)
        say("Removed " + ", ".join(f"{count} {what}" for what, count in counts.items()) + ".")
    replay.sweep()
    able.sweep()
    if images:
        stock.remove()
    stop_own_engine(say)


def _differs(now: tuple[StepReport, ...], before: tuple[StepReport, ...] | None) -> bool:
    """Whether any verdict is another than before; how long it took does not count."""
    verdicts = [(step.outcome, step.findings, step.reason) for step in now]
    return before is None or verdicts != [(step.outcome, step.findings, step.reason) for step in before]


def _why(batch: list["Change"]) -> str:
    saved = sorted({change.saved for change in batch if change.saved not in ("", ".")})
    parts = [f"saved {', '.join(saved)}"] if saved else []
    for event in [change.event for change in batch if change.event]:
        name = event.tag or event.digest[:19]
        parts.append(f"{event.action} {event.repository}:{name}")
    if not parts and any(change.saved == "." for change in batch):
        parts.append("files changed")
    return "; ".join(dict.fromkeys(parts))


def _echo(text: str) -> None:
    print(text, end="", flush=True, file=sys.stderr)
