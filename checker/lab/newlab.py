"""Laying out a new lab: a folder and a notebook with one step, which passes `lab author test` as it is."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from checker.base.errors import EnvironmentFault, UsageError
from checker.lab.catalog import FOLDER, NAME, Catalog, default_root

TEMPLATES = Path(__file__).with_name("templates") / "newlab"
STEP = "push"
MISTAKE = "push-only-tagged"
PARTS = {
    "labs/{name}/": "",
    "  lab.toml": "title, services, values, and steps with hints",
    "  checks.py": "looks at what the answer did, and fails with a finding",
    "  starter/": "what the learner's workspace begins with",
    "  solution/": "a model answer, laid over starter/",
    "  mistakes/": "wrong answers, laid over solution/, and the finding of each",
    "notebooks/{name}.ipynb": "what the learner reads",
}
"""What is laid out, and what it is for."""
LONGEST = 60
"""Characters that a lab's name may have: it is part of names of containers and networks."""
CELL = "=== "
"""How a line begins that begins a cell: `=== code ID`, and marks behind it.

step: the cell belongs to the step. notebook: it says nothing in a terminal. output: what it prints is another
thing each time.
"""


class NewLab(msgspec.Struct, frozen=True):
    """A lab that is to be laid out below `root`."""

    root: Path
    name: str

    @property
    def number(self) -> str:
        return self.name.partition("-")[0]

    @property
    def title(self) -> str:
        return self.name.partition("-")[2].replace("-", " ").capitalize()

    @property
    def folder(self) -> Path:
        return self.root / "labs" / self.name

    @property
    def notebook(self) -> Path:
        return self.root / "notebooks" / f"{self.name}.ipynb"

    def files(self) -> dict[str, str]:
        """Return the text of each file in the lab's folder, by its path there."""
        answer = f"steps/{STEP}.sh"
        return {
            "lab.toml": self._filled("lab.toml"),
            "checks.py": self._filled("checks.py"),
            f"starter/{answer}": self._filled("starter.sh"),
            f"solution/{answer}": self._filled("solution.sh"),
            f"mistakes/{MISTAKE}/mistake.toml": self._filled("mistake.toml"),
            f"mistakes/{MISTAKE}/{answer}": self._filled("mistake.sh"),
        }

    def notebook_text(self) -> str:
        """Return the notebook, as the file that JupyterLab reads."""
        document = {
            "cells": list(_cells(self._filled("notebook.txt"))),
            "metadata": {
                "kernelspec": {
                    "display_name": "Python 3 (ipykernel)",
                    "language": "python",
                    "name": "python3",
                },
                "language_info": {"name": "python"},
            },
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _filled(self, template: str) -> str:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined

        # Not HTML, and all that is filled in are names of lower case letters, digits and hyphens.
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,  # noqa: S701
        )
        found = environment.get_template(f"{template}.j2")
        return found.render(name=self.name, number=self.number, title=self.title, step=STEP)


def planned(wanted: str, folder: Path | None = None) -> NewLab:
    """Return the lab that is called `wanted`: `20-my-topic`, or `my-topic` with the next free number.

    folder: holds labs/ and notebooks/, or will; the place where this project's own labs lie if None.
    Raises UsageError for a name that is none, and for a name, number or topic that another lab has.
    """
    root = Path(os.path.abspath(folder)) if folder else default_root()  # noqa: PTH100 -- keep links
    if folder is None and root.name == "content" and root.parent == Path(__file__).resolve().parents[1]:
        raise UsageError(
            "The labs lie in the installed package, where an update would remove a new one.",
            f"Name a folder of your own: `lab author new {wanted} --dir my-labs`.",
        )
    taken = Catalog(root).names() if (root / "labs").is_dir() else []
    numbers = [int(name[:2]) for name in taken]
    name = wanted
    if NAME.fullmatch(wanted) and not wanted[0].isdigit():
        name = f"{max(numbers, default=0) + 1:02d}-{wanted}"
    if not FOLDER.fullmatch(name) or name.partition("-")[2].isdigit() or len(name) > LONGEST:
        raise UsageError(
            f"{wanted!r} is no name for a lab.",
            "Take lower case words with hyphens, with a number of two digits before them or without: "
            f"`20-my-topic` or `my-topic`, of at most {LONGEST} characters.",
        )
    number, _, topic = name.partition("-")
    for other in taken:
        if number == other[:2] or topic == other[3:]:
            raise UsageError(
                f"There is a lab {other} already, and each has a number and a topic of its own.",
                "Choose another name; `lab list` shows what there is.",
            )
    new = NewLab(root, name)
    for path in (new.folder, new.notebook):
        if os.path.lexists(path):
            raise UsageError(f"{path} is there already, and is left as it is.", "Choose another name.")
    return new


def lay_out(new: NewLab) -> None:
    """Write the lab's folder and notebook: all of it or nothing. Raises EnvironmentFault."""
    made = False
    try:
        new.folder.parent.mkdir(parents=True, exist_ok=True)
        new.notebook.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=new.folder.parent) as folder:
            draft = Path(folder) / new.name
            for relative, text in new.files().items():
                path = draft / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            new.folder.mkdir()  # fails if somebody was faster; what is moved over it takes its place
            made = True
            draft.replace(new.folder)
        with new.notebook.open("x", encoding="utf-8") as file:
            file.write(new.notebook_text())
    except OSError as error:
        if made:
            shutil.rmtree(new.folder, ignore_errors=True)
        raise EnvironmentFault(
            f"The lab cannot be written to {new.root}: {error.strerror or error}.",
            "Make room there, or name another folder with --dir.",
        ) from error


def _cells(text: str) -> Iterator[dict[str, Any]]:
    for part in f"\n{text}".split(f"\n{CELL}")[1:]:
        heading, _, source = part.partition("\n")
        kind, identifier, *marks = heading.split()
        metadata: dict[str, Any] = {}
        if "step" in marks:
            metadata["registry_lab"] = {"step": STEP}
        if "notebook" in marks:
            metadata["registry_lab"] = {"only": "notebook"}
        if "output" in marks:
            metadata["tags"] = ["nbval-ignore-output"]
        cell = {
            "cell_type": kind,
            "id": identifier,
            "metadata": metadata,
            "source": source.rstrip("\n").splitlines(keepends=True),
        }
        yield cell | ({"execution_count": None, "outputs": []} if kind == "code" else {})
