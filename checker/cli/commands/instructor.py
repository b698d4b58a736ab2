"""Commands for instructors: grading, reports, the live board.

Modules that are slow to import are imported where they are used: `lab --help` needs none of them.
"""

from pathlib import Path
from typing import Any

import click

from checker.base.errors import ExitCode, UsageError
from checker.cli.common import console
from checker.cli.endings import say
from checker.cli.options import examples, renderings


@click.command(epilog=examples("lab similar submissions", "lab similar submissions --roster class.csv"))
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--lab", help="Lab that the submissions are for, if their names don't say.")
@click.option("--roster", type=click.Path(path_type=Path), help="CSV of the class, to tell people apart.")
def similar(paths: tuple[Path, ...], lab: str | None, roster: Path | None) -> int:
    """List answers that are the same but for names, for a person to compare. Grades nothing."""
    from checker.archives import shelf
    from checker.cli import grading, tables
    from checker.judge import replay
    from checker.lab.catalog import Catalog

    with replay.unmade_folder() as folder, shelf.using(folder):
        work = grading.classwork(Catalog(), paths, lab, grading.Class(roster))
    tables.compared(work.alike, click.echo)
    return ExitCode.PASSED


@click.command(
    epilog=examples(
        "lab grade workspace/01-names-and-tags",
        "lab grade submissions/*/01-names-and-tags --json report.json --fail-under 60",
        "lab grade submissions --roster class.csv --due 2026-01-31T23:59+01:00 --json report.json",
    )
)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--lab", help="Lab that the submissions are for, if their names don't say.")
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    help="Class list (CSV): names the learners, and finds who is missing.",
)
@click.option("--due", metavar="TIME", help="Deadline (ISO 8601); later submissions are marked as late.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Number of submissions graded in parallel.",
)
@click.option("--shard", metavar="I/N", help="Grade only the I-th of N parts of the class; see `lab merge`.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Journal: after an interruption, go on where it ended.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Grade on a Dask cluster, such as `tcp://127.0.0.1:8786`.",
)
@click.option(
    "--unprotected", is_flag=True, help="No sandbox: run submissions as you, on this machine's engine."
)
@renderings
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    help="Pass if every submission reaches this percentage (exit code 0).",
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
    """Grade submissions: run each again in a fresh registry, and check what it did.

    Each submission is run by itself, with new values; nothing in it can change the checks or the report.
    PATHS are workspaces, repositories, zip or tar.gz files, or folders of those.
    """
    from checker.archives import shelf
    from checker.cli import grading
    from checker.cli.rendering import Files
    from checker.cli.replaying import GradingOptions, shard_of
    from checker.judge import replay

    if scheduler and jobs > 1:
        raise UsageError(
            "--jobs is for this machine, and with --scheduler others do the work.",
            "Give it to them: `dask worker ADDRESS --nthreads 4`.",
        )
    way = GradingOptions(jobs, shard_of(shard) if shard else None, resume, unprotected, scheduler)
    about, files = grading.Class(roster, due), Files(**outputs)
    with replay.unmade_folder() as folder, shelf.using(folder):
        return grading.grade_paths(paths, lab, about, files, fail_under, way, console(), say)


@click.command(
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
    "--fail-under",
    type=click.FloatRange(0, 100),
    help="Pass if every submission reaches this percentage (exit code 0).",
)
def report(reports: tuple[Path, ...], learner: str | None, fail_under: float | None, **outputs: Any) -> int:
    """Render the report of a grading again, in any form; nothing is graded.

    REPORTS are what `lab grade --json` wrote, several if parts of a class were graded apart. Without a form
    they are shown here.
    """
    from checker.cli.rendering import Files, render_again

    return render_again(reports, Files(**outputs), learner, fail_under, console(), say)


@click.command(epilog=examples("lab merge part-*.json --json report.json --markdown summary.md"))
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@renderings
@click.option(
    "--fail-under",
    type=click.FloatRange(0, 100),
    help="Pass if every submission reaches this percentage (exit code 0).",
)
def merge(parts: tuple[Path, ...], fail_under: float | None, **outputs: Any) -> int:
    """Make one report of those that `lab grade --shard` wrote on several machines.

    Every submission is in it once; what one part could not grade counts as another graded it. Parts that are
    missing are said, and then the exit code is 3.
    """
    from checker.cli.merging import merge_reports
    from checker.cli.rendering import Files

    return merge_reports(parts, Files(**outputs), fail_under, console(), say)


@click.group("class")
def class_() -> None:
    """For a class with a live board."""


@class_.command(
    "serve",
    epilog=examples(
        "lab class serve --roster class.csv", "lab class serve --roster class.csv --db monday.db"
    ),
)
@click.option(
    "--roster",
    type=click.Path(path_type=Path),
    required=True,
    help="CSV of the class, as `lab grade` reads it.",
)
@click.option(
    "--bind", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to serve at."
)
@click.option("--port", type=click.IntRange(1, 65535), help="Port; without, the first free one from 8890 on.")
@click.option(
    "--db",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("class-board.db"),
    show_default=True,
    help="Where the board keeps what it knows.",
)
@click.option(
    "--codes",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where new join codes are written; without, beside the board's file.",
)
@click.option("--new-codes", is_flag=True, help="Give everybody a new join code; the old ones end.")
@click.option("--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificate.")
@click.option("--tls-key", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Its key.")
def class_serve(
    roster: Path,
    bind: str,
    port: int | None,
    db: Path,
    codes: Path | None,
    new_codes: bool,
    tls_cert: Path | None,
    tls_key: Path | None,
) -> int:
    """Serve a live board: who is where, who is stuck, who asks for help.

    Learners opt in. Their machines send names of steps, outcomes, codes of findings and counts of hints, and never
    answers, values or secrets.
    """
    from checker.cli import classes

    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key go together.")
    tls = (tls_cert, tls_key) if tls_cert and tls_key else None
    return classes.serve(roster, bind, port, db, codes, tls, anew=new_codes, say=say)


@class_.command("join", epilog=examples("lab class join http://127.0.0.1:8890 CODE"))
@click.argument("url")
@click.argument("code")
def class_join(url: str, code: str) -> int:
    """Take part in a class: from now on its board sees how you stand."""
    from checker.classboard import client

    client.join(url, code)
    click.echo(
        "You take part. The board is sent your steps, outcomes, codes of findings and hints; no answers."
    )
    return ExitCode.PASSED


@class_.command("leave", epilog=examples("lab class leave"))
def class_leave() -> int:
    """Take part no more."""
    from checker.classboard import client

    click.echo("You take part no more." if client.leave() else "You take part in no class.")
    return ExitCode.PASSED


COMMANDS: tuple[click.Command, ...] = (
    similar,
    grade,
    report,
    merge,
    class_,
)
