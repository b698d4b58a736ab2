"""Options that several commands have. Nothing here is slow to import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

RENDERINGS = (
    ("json", "Report as JSON; `lab report` reads it."),
    ("junit", "JUnit XML."),
    ("markdown", "Summary in Markdown."),
    ("html", "Web page of the class: sort, filter, comment."),
    ("csv", "Gradebook as CSV; see --csv-for."),
    ("feedback", "Feedback: a web page for each learner, in this folder."),
    ("gradescope", "Gradescope's results.json; a folder gets one file for each learner."),
    ("classroom", "GitHub Classroom's autograding form; a folder gets one file for each learner."),
    ("codequality", "GitLab's code quality report."),
)
"""Name of the option and what it writes."""


def renderings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option that says where to write which form of a report.

    They arrive as the keyword arguments of `checker.cli.rendering.Files`.
    """
    options = [
        click.option(
            f"--{name}",
            name,
            type=click.Path(path_type=Path),
            help=help_text,
            metavar="FOLDER" if name == "feedback" else "FILE",
        )
        for name, help_text in RENDERINGS
    ]
    options.append(
        click.option(
            "--csv-for",
            type=click.Choice(("plain", "canvas", "moodle")),
            default="plain",
            show_default=True,
            help="Which system the gradebook is for.",
        )
    )
    options.append(
        click.option(
            "--rules",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Grading rules (grading.toml): weights, partial credit, late work, extra credit.",
        )
    )
    options.append(
        click.option(
            "--marks",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="Manual grading: points and comments, as the class's page saved them.",
        )
    )
    for option in reversed(options):
        command = option(command)
    return command


def examples(*lines: str) -> str:
    """Return an epilogue of examples, one a line."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


workspace_option = click.option(
    "--workspace",
    "-w",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder with the answers, if not the one here or workspace/LAB.",
)


def suggest_labs(_context: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
    """Labs to complete a word with."""
    from checker.cli import completing

    return completing.labs(begun)


def suggest_steps(context: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
    """Steps to complete a word with."""
    from checker.cli import completing

    return completing.steps(context.params.get("lab"), begun)


def suggest_labs_and_steps(_context: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
    """Labs to complete a word with, and the steps of the lab that is meant where none is named."""
    from checker.cli import completing

    return [*completing.labs(begun), *completing.steps(None, begun)]


def suggest_mistakes(context: click.Context, _param: click.Parameter, begun: str) -> list[Any]:
    """Mistakes and alternatives of the step that stands before, to complete a word with."""
    from checker.cli import completing

    return completing.mistakes(context.params.get("lab"), context.params.get("step"), begun)


lab_argument = click.argument("lab", required=False, shell_complete=suggest_labs_and_steps)
step_argument = click.argument("step", required=False, shell_complete=suggest_steps)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the report as JSON and nothing else."
)
