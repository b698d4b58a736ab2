"""The shipped notebooks, with the solution's answers where a learner would write their own."""

import os
import re
import sys
from pathlib import Path

import nbformat

from checker.base.model import Lab
from checker.lab.catalog import Catalog
from checker.lab.lesson import STEP_CELL

CHECK_CELL = re.compile(r"%check\s+([a-z0-9-]+)")


def filled(lab: Lab) -> nbformat.NotebookNode:
    """The lab's notebook as it is after a learner wrote every answer of the shipped solution into it."""
    notebook = nbformat.read(lab.notebook, as_version=4)
    for cell in notebook.cells:
        if step := step_of(cell):
            answer = lab.folder / "solution" / _required(lab, step)
            cell.source = f"%%step {step}\n{answer.read_text(encoding='utf-8')}"
    return notebook


def step_of(cell: nbformat.NotebookNode) -> str:
    """The step a cell answers; empty for any other cell."""
    found = STEP_CELL.match(cell.source) if cell.cell_type == "code" else None
    return found.group(1) if found else ""


def judged_in(cell: nbformat.NotebookNode) -> str:
    """The step whose verdict a cell shows: the one it answers, or the one it checks."""
    found = CHECK_CELL.fullmatch(cell.source) if cell.cell_type == "code" else None
    return found.group(1) if found else step_of(cell)


def labs() -> list[Lab]:
    return Catalog().labs()


def kernel_environment(place: Path) -> dict[str, str]:
    """Jupyter kept inside `place`, the kernel this very Python, and workspaces in `place/workspace`."""
    return {
        **os.environ,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))),
        "JUPYTER_CONFIG_DIR": str(place / "jupyter/config"),
        "JUPYTER_DATA_DIR": str(place / "jupyter/data"),
        "JUPYTER_RUNTIME_DIR": str(place / "jupyter/runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "IPYTHONDIR": str(place / "ipython"),
        "REGISTRY_LAB_WORKSPACE": str(place / "workspace"),
    }


def _required(lab: Lab, name: str) -> str:
    step = lab.step(name)
    assert step is not None, f"{lab.notebook.name} has a cell for {name}, which lab.toml does not know"
    return step.answer_path
