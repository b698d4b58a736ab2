"""The `lab` command: options, texts and exit codes. What it does is done elsewhere.

Modules that are slow to import are imported where they are used: `lab --help` needs none of them.
"""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checker import __version__, streams
from checker.commands.options import renderings
from checker.endings import finish, guarded, say
from checker.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from checker.model import LabReport, Report
    from checker.session import Session

EXAMPLES = """\b
Examples:
  lab start 01              lay out the workspace and start the registry
  lab show 01 build         read what the step is about
  lab run 01 build          run your answer and see whether it is right
  lab check                 look at everything again
  lab stop --all            leave no trace

\b
Exit codes: 0 all passed, 1 some step failed, 2 wrong usage,
3 the environment is at fault (engine, registry, broken lab).
"""


def examples(*lines: str) -> str:
    """An epilogue of examples, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


workspace_option = click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder with the answers, if not the one here or workspace/LAB.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON and nothing else."
)


@click.group(
    epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="lab")
@click.option(
    "--online",
    is_flag=True,
    help="Scan with Trivy's own advisories, fetched from the internet, not with the lab's few.",
)
def cli(online: bool) -> None:
    """Practise with real container registries; every step is checked by looking at the real thing."""
    if online:
        from checker.scanning.trivy import CHOICE

        os.environ[CHOICE] = "online"  # for whatever this command starts, too


@cli.command(epilog=examples("lab doctor", "lab doctor --fix"))
@click.option("--fix", is_flag=True, help="Provide what is missing: an engine, the images.")
def doctor(fix: bool) -> int:
    """Say what this machine has and what is missing."""
    from checker import doctor as clinic
    from checker.commands.tables import examined

    items = clinic.examine(fix, say)
    examined(items, console())
    return ExitCode.PASSED if all(item.ok for item in items) else ExitCode.ENVIRONMENT


@cli.command("list", epilog=examples("lab list"))
def list_labs() -> int:
    """List the labs and their steps."""
    from checker.catalog import Catalog
    from checker.commands.tables import listed

    listed(Catalog().labs(), console())
    return ExitCode.PASSED


@cli.command(epilog=examples("lab init my-answers", "lab init my-answers 01 02"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("labs", nargs=-1)
def init(folder: Path, labs: tuple[str, ...]) -> int:
    """Lay out a folder to work in: a workspace and a notebook for each lab."""
    from checker.commands import beginning

    return beginning.init(folder, labs, say, click.echo)


@cli.command(epilog=examples("lab start 01", "lab start names-and-tags --port 5001"))
@click.argument("lab")
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


@cli.command(epilog=examples("lab show 01", "lab show 01 build"))
@click.argument("lab")
@click.argument("step", required=False)
def show(lab: str, step: str | None) -> int:
    """Print the notebook's text, all of it or one step's."""
    from rich.markdown import Markdown

    from checker import lesson
    from checker.catalog import Catalog, find_step

    found = Catalog().lab(lab)
    name = find_step(found, step).name if step else None
    console().print(Markdown(lesson.text(found, name)))
    return ExitCode.PASSED


@cli.command(epilog=examples("lab run 01 build", "lab run 01 release patch", "lab run 01 --all"))
@click.argument("lab")
@click.argument("steps", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Run all answers, in order.")
@workspace_option
@json_option
def run(lab: str, steps: tuple[str, ...], every: bool, workspace: Path | None, as_json: bool) -> int:
    """Run the answer of a step and check the step."""
    from checker.commands.practice import run_steps

    if bool(steps) == every:
        raise UsageError(
            "Name the steps to run, or --all.", f"For instance `lab run {lab} build`; see `lab list`."
        )
    return show_report(run_steps(open_session(lab, workspace), steps, quiet=as_json), as_json)


@cli.command(epilog=examples("lab check", "lab check 01", "lab check 01 release --json"))
@click.argument("lab", required=False)
@click.argument("step", required=False)
@workspace_option
@json_option
def check(lab: str | None, step: str | None, workspace: Path | None, as_json: bool) -> int:
    """Check a step, a lab, or every lab that is started here. Runs no answer."""
    from checker.commands.practice import check_lab, check_started

    if lab is None:
        return show_report(check_started(), as_json)
    return show_report(check_lab(open_session(lab, workspace), step), as_json)


@cli.command(epilog=examples("lab hint 01 release"))
@click.argument("lab")
@click.argument("step")
@workspace_option
def hint(lab: str, step: str, workspace: Path | None) -> int:
    """Show the next hint for a step."""
    session = open_session(lab, workspace)
    found, trouble = session.hint(step)
    if trouble:
        say(trouble)
    click.echo(f"Hint {found.number} of {found.total}: {found.text}")
    return ExitCode.PASSED


@cli.command(epilog=examples("lab watch 01"))
@click.argument("lab")
@workspace_option
def watch(lab: str, workspace: Path | None) -> int:
    """Check again at every save and every push.

    Reacts to saved answers and to the registry's own notifications of pushes and deletions.
    """
    from checker.commands.practice import watch_lab

    return watch_lab(open_session(lab, workspace), console())


@cli.command(epilog=examples("lab reset 01 release", "lab reset 01"))
@click.argument("lab")
@click.argument("step", required=False)
@workspace_option
def reset(lab: str, step: str | None, workspace: Path | None) -> int:
    """Start a step, or the whole lab, over. Old answers are kept in .lab/backup."""
    open_session(lab, workspace).reset(step, click.echo)
    click.echo(
        f"Step {step} is back to where it started." if step else f"Lab {lab} is back to where it started."
    )
    return ExitCode.PASSED


@cli.command(epilog=examples("lab stop 01", "lab stop --all"))
@click.argument("lab", required=False)
@click.option("--all", "every", is_flag=True, help="End everything, also what crashes left behind.")
@click.option("--images", is_flag=True, help="With --all: remove the base images from the engine as well.")
@workspace_option
def stop(lab: str | None, every: bool, images: bool, workspace: Path | None) -> int:
    """End a lab's services. Answers stay, what was pushed goes."""
    from checker.commands.practice import stop_everything

    if (lab is None) != every or (images and not every):
        raise UsageError("Name one lab, or --all.", "For instance `lab stop 01` or `lab stop --all`.")
    if lab is None:
        stop_everything(say, images=images)
    elif not open_session(lab, workspace).stop(say):
        click.echo(f"Lab {lab} is not running.")
    return ExitCode.PASSED


@cli.command(
    epilog=examples("lab submit", "lab submit 01 --to ada.tar.gz", "lab submit -w 01-names-and-tags")
)
@click.argument("lab", required=False)
@workspace_option
@click.option(
    "--to", type=click.Path(path_type=Path, dir_okay=False), help="The archive: .zip, .tar.gz, .tar."
)
@click.option("--git", "history", is_flag=True, help="Take the workspace's git history along.")
def submit(lab: str | None, workspace: Path | None, to: Path | None, history: bool) -> int:
    """Make the archive to hand in, without credentials or caches, and say what is in it."""
    from checker.commands import handing

    return handing.submit(lab, workspace, to, history, say, click.echo)


@cli.command(epilog=examples("lab similar submissions", "lab similar submissions --roster class.csv"))
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--lab", help="The lab the paths are of, if their names don't say.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV of the class, to tell people apart.")
def similar(paths: tuple[Path, ...], lab: str | None, roster: Path | None) -> int:
    """List answers that are the same but for names, for a person to compare. Grades nothing."""
    from checker.catalog import Catalog
    from checker.commands import grading, tables

    work = grading.classwork(Catalog(), paths, lab, grading.Class(roster))
    tables.compared(work.alike, click.echo)
    return ExitCode.PASSED


@cli.command(
    epilog=examples(
        "lab grade workspace/01-names-and-tags",
        "lab grade submissions/*/01-names-and-tags --json report.json --fail-under 60",
        "lab grade submissions --roster class.csv --due 2026-01-31T23:59+01:00 --json report.json",
    )
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--lab", help="The lab the paths are of, if their names don't say.")
@click.option(
    "--roster", type=click.Path(path_type=Path), help="CSV of the class: who is missing, whose is what."
)
@click.option("--due", metavar="TIME", help="What came later (ISO 8601) is marked as late.")
@click.option(
    "--jobs", "-j", type=click.IntRange(1), default=1, show_default=True, help="So many side by side."
)
@click.option("--shard", metavar="I/N", help="Only the I-th of N parts; see `lab merge`.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep what is done in FILE, and do only what is not done yet.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Have the workers of this Dask scheduler do it, `tcp://127.0.0.1:8786`.",
)
@click.option("--unprotected", is_flag=True, help="Run answers as you, on this machine and its engine.")
@renderings
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), help="Pass when every workspace reaches this percentage."
)
def grade(
    paths: tuple[Path, ...],
    lab: str | None,
    roster: Path | None,
    due: str | None,
    jobs: int,
    shard: str | None,
    resume: Path | None,
    scheduler: str | None,
    unprotected: bool,
    fail_under: float | None,
    **outputs: Any,
) -> int:
    """Replay workspaces and grade what the answers do.

    Every workspace gets a fresh stack with fresh values; nothing in it can change the checks or the report.
    PATHS are workspaces, repositories, zip or tar.gz files, or folders of those.
    """
    from checker.commands import grading
    from checker.commands.rendering import Files
    from checker.commands.replaying import Way, shard_of

    if scheduler and jobs > 1:
        raise UsageError(
            "--jobs is for this machine, and with --scheduler others do the work.",
            "Give it to them: `dask worker ADDRESS --nthreads 4`.",
        )
    way = Way(jobs, shard_of(shard) if shard else None, resume, unprotected, scheduler)
    about, files = grading.Class(roster, due), Files(**outputs)
    return grading.grade_paths(paths, lab, about, files, fail_under, way, console(), say)


@cli.command(
    epilog=examples(
        "lab report report.json",
        "lab report parts/*.json --html class.html --csv grades.csv --csv-for moodle --rules grading.toml",
        "lab report report.json --learner ada --gradescope results.json",
    )
)
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@renderings
@click.option("--learner", help="Only what is this learner's.")
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), help="Pass when every workspace reaches this percentage."
)
def report(reports: tuple[Path, ...], learner: str | None, fail_under: float | None, **outputs: Any) -> int:
    """Render the report of a grading again, in any form; nothing is graded.

    REPORTS are what `lab grade --json` wrote, several if parts of a class were graded apart. Without a form
    they are shown here.
    """
    from checker.commands.rendering import Files, render_again

    return render_again(reports, Files(**outputs), learner, fail_under, console(), say)


@cli.command(epilog=examples("lab merge part-*.json --json report.json --markdown summary.md"))
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@renderings
@click.option(
    "--fail-under", type=click.FloatRange(0, 100), help="Pass when every workspace reaches this percentage."
)
def merge(parts: tuple[Path, ...], fail_under: float | None, **outputs: Any) -> int:
    """Make one report of those that `lab grade --shard` wrote on several machines.

    Every submission is in it once; what one part could not grade counts as another graded it. Parts that are
    missing are said, and then the exit code is 3.
    """
    from checker.commands.merging import merge_reports
    from checker.commands.rendering import Files

    return merge_reports(parts, Files(**outputs), fail_under, console(), say)


@cli.group()
def author() -> None:
    """For people who write labs."""


@author.command("test", epilog=examples("lab author test", "lab author test 01"))
@click.argument("lab", required=False)
@click.option("--mistake", "-m", help="Try only this mistake or alternative.")
def author_test(lab: str | None, mistake: str | None) -> int:
    """Prove that checks are neither too lax nor too strict."""
    from checker.commands.authoring import test_labs

    return test_labs(lab, mistake, console())


@cli.command(epilog=examples("lab demo", "lab demo 01"))
@click.argument("lab", default="01")
def demo(lab: str) -> int:
    """Play a lab with its own solution.

    It runs in a stack of its own that is thrown away; a practice of yours is not touched.
    """
    from checker.commands.authoring import demo_lab

    return demo_lab(lab, console(), say)


@cli.command(epilog=examples("lab notebook", "lab notebook 01 --port 8888"))
@click.argument("lab", default="01")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of JupyterLab on 127.0.0.1.")
@click.option("--browser/--no-browser", default=None, help="Open a browser (default: if there is a display).")
def notebook(lab: str, port: int | None, browser: bool | None) -> int:
    """Start a lab and serve its notebook in JupyterLab until Ctrl-C."""
    from checker.commands.practice import serve_notebook

    return serve_notebook(lab, port, browser, say)


@cli.command(epilog=examples("lab shell 01"))
@click.argument("lab")
@workspace_option
def shell(lab: str, workspace: Path | None) -> int:
    """Open a shell with the lab's values and its own DOCKER_CONFIG."""
    from checker.commands.practice import open_shell

    return open_shell(open_session(lab, workspace), say)


def open_session(lab: str, workspace: Path | None) -> "Session":
    from checker.session import Session

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
    from checker.model import Outcome

    outcomes = {result.outcome for result in results}
    if Outcome.ERROR in outcomes:
        return ExitCode.ENVIRONMENT
    return ExitCode.PASSED if outcomes <= {Outcome.PASS} else ExitCode.FAILED


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the `lab` command: every way of ending becomes an exit code and a message."""
    streams.make_lenient()
    # A SIGTERM ends a command the way Ctrl-C does: with everything cleaned up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(finish(guarded(lambda: cli.main(arguments, prog_name="lab", standalone_mode=False))))


if __name__ == "__main__":
    main()
