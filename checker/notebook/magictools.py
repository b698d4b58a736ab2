"""What the magics need: their arguments, what they print, where a notebook's answers go."""

import os
import shlex
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from checker.base.errors import UsageError
from checker.base.model import Lab, Step
from checker.classboard import client

if TYPE_CHECKING:
    from checker.practice.session import Session


SOLUTIONS = "REGISTRY_LAB_SOLUTIONS"
"""`off` keeps model answers from being shown; so does taking part in a class."""


def model_answer(lab: Lab, step: Step) -> tuple[str, str]:
    """Return a step's model answer, path and text; empty where a class is graded or it is switched off."""
    if client.in_class() or os.environ.get(SOLUTIONS, "").lower() in ("off", "no", "0", "false"):
        return "", ""
    path = lab.folder / "solution" / step.answer_path
    try:
        return step.answer_path, path.read_text(encoding="utf-8")
    except OSError:
        return "", ""


def words(line: str) -> list[str]:
    """Return the arguments of a magic. Raises UsageError for quotes that are not closed."""
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(
            "There is a quote too many in this line.", "Take it out and run the cell again."
        ) from None


def tell(message: str) -> None:
    """Show one line of progress at once."""
    print(message, flush=True)


def echo(output: str) -> None:
    """Show a piece of a running answer's output at once."""
    sys.stdout.write(output)
    sys.stdout.flush()


def open_session(name: str) -> "Session":
    from checker.lab.catalog import Catalog
    from checker.practice.session import Session

    lab = Catalog().lab(name)
    return Session.open(lab.name, workspace=answers_folder(lab))


def answers_folder(lab: Lab) -> Path | None:
    """Return where the answers of a notebook go that was opened without `lab notebook`; None for the usual
    place."""
    here = Path.cwd()
    if "REGISTRY_LAB_WORKSPACE" in os.environ or not (here / lab.notebook.name).is_file():
        return None
    return (here.parent / "workspace" if here == lab.notebook.parent else here) / lab.name


def kept_details(error: Exception, folder: Path | None) -> str:
    """Keep the traceback of a defect for whoever mends it; returns where it is, or else itself."""
    text = "".join(traceback.format_exception(error))
    if folder is not None and folder.is_dir():
        path = folder / "defect.log"
        with suppress(OSError):
            path.write_text(text, encoding="utf-8")
            return f"The details are in {path}."
    return f"The details: {text.strip().splitlines()[-1]}."
