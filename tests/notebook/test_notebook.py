"""Every shipped notebook, with the solution's answers in it, really run and then verified by nbval.

One fixture executes it against a fresh practice; nbval then runs the result a second time, as a
learner would who opens the notebook again the next day, and compares what comes out. Notebooks of labs that
take two hours of a learner's take minutes here, and are executed once; `NBVAL=all` has nbval run these too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from filled import filled, judged_in, kernel_environment, labs, step_of
from nbclient import NotebookClient

from checker.base.model import Lab
from checker.judge.answertext import has_commands
from checker.practice.session import Session

CELL_LIMIT = 300
"""Seconds one cell may take; the first one may have to provide the images."""
PLACES = "workspace of ä class"
LABS = labs()

pytestmark = pytest.mark.proof


class Executed(NamedTuple):
    lab: Lab
    notebook: nbformat.NotebookNode
    path: Path
    environment: dict[str, str]


@pytest.fixture(scope="module", params=LABS, ids=lambda lab: lab.name)
def executed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Executed]:
    """A notebook after all its cells ran, and the practice it belongs to."""
    lab: Lab = request.param
    place = tmp_path_factory.mktemp("notebook") / PLACES
    workspaces = place / "workspace"
    workspaces.mkdir(parents=True)
    environment = kernel_environment(place)
    path = workspaces / lab.notebook.name
    notebook = filled(lab)
    try:
        client = NotebookClient(
            notebook,
            timeout=CELL_LIMIT,
            kernel_name="python3",
            resources={"metadata": {"path": str(workspaces)}},
        )
        client.execute(env=environment)
        nbformat.write(notebook, path)
        yield Executed(lab, notebook, path, environment)
    finally:
        Session.open(lab.name, workspace=workspaces / lab.name).stop(print)


def shown(cell: nbformat.NotebookNode) -> str:
    """What a cell shows, as text."""
    texts = (out.get("text") or out.get("data", {}).get("text/plain", "") for out in cell.outputs)
    return "".join(texts)


@pytest.mark.engine
def test_every_step_passes_with_the_shipped_solution(executed: Executed) -> None:
    cards = {step: shown(cell) for cell in executed.notebook.cells if (step := judged_in(cell))}
    assert list(cards) == [step.name for step in executed.lab.steps]
    for name, text in cards.items():
        assert f"✓ pass  {name}: " in text, text


@pytest.mark.engine
def test_every_example_runs(executed: Executed) -> None:
    for cell in executed.notebook.cells:
        if cell.cell_type == "code":
            text = shown(cell)
            assert text, f"{cell.id} shows nothing"
            assert "exit code" not in text, text
            assert "your answer's fault" not in text, text


ALL = os.environ.get("NBVAL") == "all"
TWICE = [pytest.param(lab, id=lab.name) for lab in LABS if ALL or lab.minutes < 90]


@pytest.mark.engine
@pytest.mark.parametrize("executed", TWICE, indirect=True)
def test_nbval_finds_the_same_outputs_again(executed: Executed) -> None:
    nbval = ("--nbval", f"--nbval-sanitize-with={Path(__file__).parent / 'sanitise.cfg'}")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--quiet", *nbval, f"--nbval-cell-timeout={CELL_LIMIT}"),
            *(
                "-c",
                os.devnull,
                "-p",
                "no:cacheprovider",
                "-p",
                "no:xdist",
                f"--rootdir={executed.path.parent}",
            ),
            executed.path.name,
        ],
        cwd=executed.path.parent,
        env=executed.environment,
        capture_output=True,
        text=True,
        timeout=2 * CELL_LIMIT,
        check=False,
    )
    cells = sum(cell.cell_type == "code" for cell in executed.notebook.cells)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{cells} passed" in done.stdout


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_notebooks_are_shipped_clean(lab: Lab) -> None:
    notebook = nbformat.read(lab.notebook, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code[0].source == f"%reload_ext checker.notebook\n%lab start {lab.number}"
    assert not any(cell.outputs or cell.execution_count for cell in code)
    for cell in code:
        if step := step_of(cell):
            body = cell.source.partition("\n")[2]
            assert body.strip(), f"the cell of {step} needs a comment that says what goes there"
            assert not has_commands(body), f"the cell of {step} is not empty"
            assert cell.metadata.registry_lab.step == step


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.name)
def test_each_step_has_a_section_that_sets_its_task(lab: Lab) -> None:
    notebook = nbformat.read(lab.notebook, as_version=4)
    for step in lab.steps:
        section = "\n".join(
            cell.source
            for cell in notebook.cells
            if cell.cell_type == "markdown" and cell.metadata.get("registry_lab", {}).get("step") == step.name
        )
        assert section.startswith("## "), f"{step.name} has no section with a heading"
        assert "**Your task.**" in section, f"{step.name} sets no task"
