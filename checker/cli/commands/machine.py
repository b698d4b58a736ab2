"""Commands about the machine and about all labs: what is installed, which labs there are, where to begin.

Modules that are slow to import are imported where they are used: `lab --help` needs none of them.
"""

from pathlib import Path

import click

from checker.base.errors import ExitCode
from checker.cli.common import console
from checker.cli.endings import say
from checker.cli.options import examples, suggest_labs


@click.command(epilog=examples("lab doctor", "lab doctor --fix"))
@click.option("--fix", is_flag=True, help="Provide what is missing: an engine, the images.")
def doctor(fix: bool) -> int:
    """Say what this machine has and what is missing."""
    from checker.cli import doctor as clinic
    from checker.cli.tables import examined

    items = clinic.examine(fix, say)
    examined(items, console())
    return ExitCode.PASSED if all(item.ok for item in items) else ExitCode.ENVIRONMENT


@click.command("list", epilog=examples("lab list", "lab list 01"))
@click.argument("lab", required=False, shell_complete=suggest_labs)
def list_labs(lab: str | None) -> int:
    """List the labs, or the steps of one, with how far you are."""
    from checker.cli import tables
    from checker.lab.catalog import Catalog
    from checker.practice import whereabouts

    catalog = Catalog()
    wanted = catalog.lab(lab).name if lab else ""
    labs = whereabouts.all_labs(catalog)
    if wanted:
        tables.steps_of(next(one for one in labs if one.lab.name == wanted), console())
    else:
        tables.listed(labs, console())
    return ExitCode.PASSED


@click.command(epilog=examples("lab init my-answers", "lab init my-answers 01 02"))
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.argument("labs", nargs=-1)
def init(folder: Path, labs: tuple[str, ...]) -> int:
    """Lay out a folder to work in: a workspace and a notebook for each lab."""
    from checker.cli import beginning

    return beginning.init(folder, labs, say, click.echo)


@click.command(epilog=examples("lab notebook", "lab notebook 01 --port 8888"))
@click.argument("lab", required=False, shell_complete=suggest_labs)
@click.option("--port", type=click.IntRange(1, 65535), help="Port of JupyterLab on 127.0.0.1.")
@click.option("--browser/--no-browser", default=None, help="Open a browser (default: if there is a display).")
def notebook(lab: str | None, port: int | None, browser: bool | None) -> int:
    """Serve all notebooks in JupyterLab until Ctrl-C, with the start page open.

    With LAB that lab is started, and its notebook is open. What was running before goes on running afterwards.
    """
    from checker.cli.notebooks import serve

    return serve(lab, port, browser, say)


@click.command(
    epilog=examples("lab completion bash --install", "lab completion zsh", "lab completion fish --install")
)
@click.argument("kind", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--install", is_flag=True, help="Write it to where the shell looks for it.")
def completion(kind: str, install: bool) -> int:
    """Complete commands, labs and steps in your shell.

    Prints the script, or writes it with --install and says where.
    """
    from checker.cli import completing

    return completing.provide(
        kind, click.get_current_context().find_root().command, click.echo, install=install
    )


COMMANDS: tuple[click.Command, ...] = (
    doctor,
    list_labs,
    init,
    notebook,
    completion,
)
