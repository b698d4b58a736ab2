"""Commands for authors of labs.

Modules that are slow to import are imported where they are used: `lab --help` needs none of them.
"""

from pathlib import Path

import click

from checker.base.errors import UsageError
from checker.cli.common import console
from checker.cli.endings import say
from checker.cli.options import examples, suggest_labs, suggest_mistakes, suggest_steps


@click.group()
def author() -> None:
    """For people who write labs."""


@author.command("new", epilog=examples("lab author new my-topic", "lab author new 20-my-topic --dir my-labs"))
@click.argument("name")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder that holds labs/ and notebooks/, or will; else where the lab's own are.",
)
def author_new(name: str, folder: Path | None) -> int:
    """Lay out a lab of one step, with notebook, check, solution and a mistake.

    NAME is a topic, as `my-topic`, or a topic with its number, as `20-my-topic`. Nothing is overwritten.
    """
    from checker.cli.authoring import new_lab

    return new_lab(name, folder, click.echo)


@author.command(
    "test",
    epilog=examples(
        "lab author test", "lab author test 01", "lab author test 01 patch patch-minor-left-behind"
    ),
)
@click.argument("lab", required=False, shell_complete=suggest_labs)
@click.argument("step", required=False, shell_complete=suggest_steps)
@click.argument("overlay", metavar="[MISTAKE]", required=False, shell_complete=suggest_mistakes)
@click.option("--mistake", "-m", help="Try only this mistake or alternative.")
def author_test(lab: str | None, step: str | None, overlay: str | None, mistake: str | None) -> int:
    """Prove that checks are neither too lax nor too strict.

    With a STEP only its mistakes and alternatives are tried, with a MISTAKE only that one: answers run up to the
    step, and no other step is judged. That takes seconds. Without, everything is proved.
    """
    from checker.cli.authoring import test_labs

    if overlay and mistake:
        raise UsageError("Two mistakes are named.", f"Name one: `lab author test {lab} {step} {overlay}`.")
    return test_labs(lab, step, overlay or mistake, console())


@click.command(epilog=examples("lab demo", "lab demo 01"))
@click.argument("lab", default="01")
def demo(lab: str) -> int:
    """Play a lab with its own solution.

    It runs in a stack of its own that is thrown away; a practice of yours is not touched.
    """
    from checker.cli.authoring import demo_lab

    return demo_lab(lab, console(), say)


COMMANDS: tuple[click.Command, ...] = (
    author,
    demo,
)
