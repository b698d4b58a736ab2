"""Options that several commands have. Nothing here is slow to import."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

RENDERINGS = (
    ("json", "The report, for machines and for `lab report`."),
    ("junit", "JUnit XML."),
    ("markdown", "A Markdown summary."),
    ("html", "One page of the whole class, for a browser."),
    ("csv", "A gradebook; see --csv-for."),
    ("feedback", "A folder: a page for each learner, with what practice shows and no more."),
    ("gradescope", "Gradescope's results.json; a folder gets one file for each learner."),
    ("classroom", "GitHub Classroom's autograding form; a folder gets one file for each learner."),
    ("codequality", "GitLab's code quality report."),
)
"""Name of the option and what it writes."""


def renderings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every option that says where to write which form of a report.

    They arrive as the keyword arguments of `checker.commands.rendering.Files`.
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
            help="What is to read the gradebook.",
        )
    )
    options.append(
        click.option(
            "--rules",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="A grading.toml: weights, partial credit, late work, extra credit.",
        )
    )
    for option in reversed(options):
        command = option(command)
    return command
