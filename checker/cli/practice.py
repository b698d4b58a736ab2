"""Commands of a learner's practice: run, check, watch, shell, notebook, stop."""

from checker.base.errors import LabError, UsageError
from checker.base.results import LabReport, Report, StepReport
from checker.base.say import Say
from checker.cli.working import Working
from checker.engine.connection import Engine
from checker.judge import answertext
from checker.lab import progress
from checker.practice.session import Session


def as_report(*results: LabReport) -> Report:
    return Report(mode="practice", generated_at=progress.now(), results=results)


def run_steps(session: Session, steps: tuple[str, ...], *, quiet: bool) -> Report:
    """Run answers in the order given (all of the lab's if none) and check the steps run.

    quiet: keep what the answers print to the report.
    """
    import msgspec

    from checker.lab.catalog import find_step

    names = [find_step(session.lab, step).name for step in steps] or [step.name for step in session.lab.steps]
    runs = {}
    texts = answertext.written(session.lab, session.workspace)  # before one of them writes another
    working = Working(quiet=quiet)
    for name in names:
        step = find_step(session.lab, name)
        with working.running(step, f"bash {session.workspace.answer(step)}") as on_output:
            runs[name] = session.run(name, on_output)
    only = names[0] if len(names) == 1 else None
    with working.checking() as on_step:
        result = session.check(only, texts, ran=runs.keys(), on_step=on_step)
    chosen = [step for step in result.steps if step.step in runs]
    reports: list[StepReport] = [msgspec.structs.replace(step, answer=runs[step.step]) for step in chosen]
    return as_report(msgspec.structs.replace(result, steps=tuple(reports)))


def check_lab(session: Session, step: str | None, *, quiet: bool) -> LabReport:
    with Working(quiet=quiet).checking() as on_step:
        return session.check(step, on_step=on_step)


def started_here() -> list[Session]:
    """Return the practices whose usual workspace has a stack, at least one. Raises UsageError."""
    from checker.lab.catalog import Catalog

    sessions = [Session.open(name) for name in Catalog().names()]
    started = [
        session for session in sessions if session.workspace.path.is_dir() and session.stack(required=False)
    ]
    if not started:
        raise UsageError(
            "No lab is started here.", "`lab list` shows the labs, `lab start 01` starts the first."
        )
    return started


def end_own_engine(engine: Engine, say: Say) -> None:
    """End the engine if it is one that we started and no stack is left in it."""
    from checker.engine.provide import stop_own_engine
    from checker.stack import stack as stacks

    if not stacks.stacks(engine):
        engine.close()
        stop_own_engine(say)


def stop_everything(say: Say, *, images: bool) -> None:
    """End all stacks, probes and listeners, remove replays' folders, end the engine if it is ours."""
    from checker.engine.connection import candidates, connect
    from checker.engine.provide import stop_own_engine
    from checker.judge import replay
    from checker.sandbox.room import image_cache, support
    from checker.stack import stack as stacks
    from checker.stack.cleanup import remove_base_images, remove_everything, remove_run

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
    support.sweep()
    if images:
        image_cache.remove()
    stop_own_engine(say)
