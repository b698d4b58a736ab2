"""Commands for learners.

Modules that are slow to import are imported where they are used: `lab --help` needs none of them.
"""

import os
import sys
from pathlib import Path

import click

from checker.base.errors import ExitCode, UsageError
from checker.cli.common import console, exit_code, meant, open_session, show_report
from checker.cli.endings import say
from checker.cli.options import (
    examples,
    json_option,
    lab_argument,
    step_argument,
    suggest_labs,
    suggest_steps,
    workspace_option,
)


@click.command(epilog=examples("lab start 01", "lab start names-and-tags --port 5001"))
@click.argument("lab", shell_complete=suggest_labs)
@workspace_option
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the registry on 127.0.0.1.")
def start(lab: str, workspace: Path | None, port: int | None) -> int:
    """Lay out the workspace and start the lab's services."""
    session = open_session(lab, workspace)
    stack = session.start(say, port=port)
    number = session.lab.number
    for name, service in stack.services.items():
        click.echo(f"{name} is ready at {service.address}.")
    click.echo(f"Your answers live in {session.workspace.path}.")
    click.echo(
        f"Next: `lab show {number}` to read, `lab shell {number}` to try things, `lab run {number} STEP`."
    )
    return ExitCode.PASSED


@click.command(epilog=examples("lab show 01", "lab show 01 build", "lab show build"))
@lab_argument
@step_argument
def show(lab: str | None, step: str | None) -> int:
    """Print what a lab is about, all of it or one step.

    LAB may be left out where one lab is running.
    """
    from rich.markdown import Markdown

    from checker.lab import lesson
    from checker.lab.catalog import Catalog, find_step

    named, step = meant(lab, step)
    found = Catalog().lab(named)
    name = find_step(found, step).name if step else None
    console().print(Markdown(lesson.text(found, name)))
    return ExitCode.PASSED


@click.command(epilog=examples("lab run build", "lab run 01 release patch", "lab run 01 --all"))
@lab_argument
@click.argument("steps", nargs=-1, shell_complete=suggest_steps)
@click.option("--all", "every", is_flag=True, help="Run all answers, in order.")
@workspace_option
@json_option
def run(lab: str | None, steps: tuple[str, ...], every: bool, workspace: Path | None, as_json: bool) -> int:
    """Run the answer of a step and check the step.

    LAB may be left out where one lab is running.
    """
    from checker.cli.practice import run_steps
    from checker.practice.whereabouts import addressed

    named, steps = addressed((lab, *steps) if lab else steps, workspace)
    if bool(steps) == every:
        raise UsageError(
            "Name the steps to run, or --all.",
            f"For instance `lab run STEP`; `lab list {named}` has the steps.",
        )
    session = open_session(named, workspace)
    report = run_steps(session, steps, quiet=as_json)
    code = show_report(report, as_json)
    if not as_json and len(steps) == 1 and code == ExitCode.PASSED:
        from checker.report.terminal import render_sum

        render_sum(session.lab, session.progress(), console(), after=report.results[0].steps[0].step)
    return code


@click.command(epilog=examples("lab check", "lab check 01", "lab check release --json"))
@lab_argument
@step_argument
@workspace_option
@json_option
def check(lab: str | None, step: str | None, workspace: Path | None, as_json: bool) -> int:
    """Check a step, a lab, or every lab that is started here. Runs no answer.

    LAB may be left out where one lab is running.
    """
    from checker.cli.practice import as_report, check_lab, started_here

    if lab is None and workspace is None:
        started = started_here()
        if as_json or len(started) > 1:
            return show_report(as_report(*(session.check() for session in started)), as_json)
        session = started[0]
    else:
        named, step = meant(lab, step, workspace)
        session = open_session(named, workspace)
    result = check_lab(session, step, quiet=as_json)
    if as_json or step or not result.steps:
        return show_report(as_report(result), as_json)
    from checker.report.terminal import render_progress

    render_progress(session.lab, session.progress(), result, console())
    return exit_code(result)


@click.command(epilog=examples("lab hint release", "lab hint 01 release --all"))
@lab_argument
@step_argument
@click.option("--all", "every", is_flag=True, help="Show the hints again that were shown already.")
@workspace_option
def hint(lab: str | None, step: str | None, every: bool, workspace: Path | None) -> int:
    """Show the next hint for a step.

    LAB may be left out where one lab is running, STEP where it is the next one.
    """
    named, step = meant(lab, step, workspace)
    session = open_session(named, workspace)
    if step is None:
        from checker.lab.progress import next_step

        following = next_step(session.lab, session.progress())
        if following is None:
            raise UsageError("Every step is passed.", f"Name the step: `lab hint {session.lab.number} STEP`.")
        step = following.name
    if every:
        for shown in session.earlier_hints(step):
            click.echo(f"Hint {shown.number} of {shown.total}: {shown.text}")
        return ExitCode.PASSED
    found, trouble = session.hint(step)
    if trouble:
        say(trouble)
    click.echo(f"Hint {found.number} of {found.total}: {found.text}")
    return ExitCode.PASSED


@click.command(epilog=examples("lab watch", "lab watch 01 --plain"))
@lab_argument
@workspace_option
@click.option("--plain", is_flag=True, help="Print line by line, as it does where there is no terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each change, for a program.")
def watch(lab: str | None, workspace: Path | None, plain: bool, as_json: bool) -> int:
    """Have every save and every push checked at once.

    On a terminal it is full screen: the steps, the finding at hand, what the registry holds, and a key for
    everything. LAB may be left out where one lab is running.
    """
    from checker.cli import watching

    session = open_session(meant(lab, None, workspace)[0], workspace)
    if as_json:
        return watching.watch_json(session)
    if plain or not full_screen():
        return watching.watch_lines(session, console())
    from checker.tui.run import watch as watch_full_screen

    return watch_full_screen(session, say)


@click.command(epilog=examples("lab reset release", "lab reset 01"))
@lab_argument
@step_argument
@workspace_option
def reset(lab: str | None, step: str | None, workspace: Path | None) -> int:
    """Start a step, or the whole lab, over. Old answers are kept in .lab/backup."""
    if lab is None and workspace is None:
        raise UsageError("Name the lab or the step to start over.", "For instance `lab reset 01`.")
    named, step = meant(lab, step, workspace)
    open_session(named, workspace).reset(step, click.echo)
    click.echo(f"{f'Step {step}' if step else f'Lab {named}'} is back to where it started.")
    return ExitCode.PASSED


@click.command(epilog=examples("lab stop", "lab stop 01", "lab stop --all"))
@lab_argument
@click.option("--all", "every", is_flag=True, help="End everything, also what crashes left behind.")
@click.option("--images", is_flag=True, help="With --all: remove the base images from the engine as well.")
@workspace_option
def stop(lab: str | None, every: bool, images: bool, workspace: Path | None) -> int:
    """End a lab's services. Answers stay, what was pushed goes."""
    from checker.cli.practice import stop_everything

    if (lab is not None and every) or (images and not every):
        raise UsageError("Name one lab, or --all.", "For instance `lab stop 01` or `lab stop --all`.")
    if every:
        stop_everything(say, images=images)
        return ExitCode.PASSED
    named, _ = meant(lab, None, workspace)
    if not open_session(named, workspace).stop(say):
        click.echo(f"Lab {named} is not running.")
    return ExitCode.PASSED


@click.command(
    epilog=examples("lab submit", "lab submit 01 --to ada.tar.gz", "lab submit -w 01-names-and-tags")
)
@lab_argument
@workspace_option
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="The archive: .zip, .tar.gz, .tar."
)
@click.option("--git", "history", is_flag=True, help="Take the workspace's git history along.")
def submit(lab: str | None, workspace: Path | None, to: Path | None, history: bool) -> int:
    """Make the archive to hand in, without credentials or caches, and say what is in it."""
    from checker.practice import handing

    return handing.submit(lab, workspace, to, history, say, click.echo)


@click.command(epilog=examples("lab shell", "lab shell 01"))
@lab_argument
@workspace_option
def shell(lab: str | None, workspace: Path | None) -> int:
    """Open a shell with the lab's values and its own DOCKER_CONFIG.

    LAB may be left out where one lab is running.
    """
    from checker.practice.shell import open_shell

    return open_shell(open_session(meant(lab, None, workspace)[0], workspace), say)


@click.command("help-me", epilog=examples("lab help-me", "lab help-me 01 --done"))
@lab_argument
@click.option("--done", is_flag=True, help="Take your hand down again.")
@workspace_option
def help_me(lab: str | None, done: bool, workspace: Path | None) -> int:
    """Raise your hand on the class's live board."""
    from checker.practice import help as helping

    session = open_session(meant(lab, None, workspace)[0], workspace)
    return helping.help_me(session, wanted=not done, tell=click.echo)


def full_screen() -> bool:
    """Return whether there is a terminal that can be drawn on."""
    return (
        all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))
        and os.environ.get("TERM", "dumb") != "dumb"
    )


COMMANDS: tuple[click.Command, ...] = (
    start,
    show,
    run,
    check,
    hint,
    watch,
    reset,
    stop,
    submit,
    shell,
    help_me,
)
