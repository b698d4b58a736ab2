"""How long a class takes: in rooms, side by side, two hundred, and beside two other graders of notebooks.

The other graders are installed from the package index into a folder that goes with the measurement, nowhere else.
"""

import os
import shutil
import subprocess
import tempfile
import textwrap
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat

from checker.base.model import Lab
from checker.engine.connection import Engine
from checker.judge import overlays
from tests.helpers import Command, TinyLab

NBGRADER, OTTER = "nbgrader==0.9.6", "otter-grader>=7,<8"
POLL = 0.05


class Graded:
    """`lab grade` over classes of one lab, in a cache of its own. peak: MB of memory the last one took at most."""

    def __init__(
        self, engine: Engine, root: Path, home: Path, lab: str, fill: Callable[[Path], object]
    ) -> None:
        self._command = Command(root, home, DOCKER_HOST=engine.docker_host)
        self._lab, self._fill = lab, fill
        self.peak = 0.0

    def timed(self, count: int, *options: str) -> Callable[[], float]:
        """What grades a class of so many when it is called, and gives its seconds."""
        return lambda: self.seconds(count, *options)

    def _folder(self, count: int) -> Path:
        """A class of so many who all have it right."""
        place = self._command.home / f"class-{count}"
        for number in range(count):
            if not (one := place / f"learner-{number}" / self._lab).exists():
                one.parent.mkdir(parents=True, exist_ok=True)
                self._fill(one)
        return place

    def seconds(self, count: int, *options: str) -> float:
        """Grade them; everybody has to get everything."""
        place = self._folder(count)
        began = time.perf_counter()
        process = self._command.spawn("grade", place, *options)
        self.peak = 0.0
        while process.popen.poll() is None:
            self.peak = max(self.peak, _resident(process.popen.pid))
            time.sleep(POLL)
        took = time.perf_counter() - began
        assert process.wait().code == 0, process.text
        return took


@contextmanager
def of_lab(engine: Engine, lab: Lab) -> Iterator[Graded]:
    """Classes of a shipped lab with its solution."""
    fill = overlays.laid_out(lab)
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        yield Graded(engine, lab.folder.parents[1], Path(folder) / "home", lab.name, fill)


@contextmanager
def of_tiny_lab(engine: Engine) -> Iterator[Graded]:
    """Classes of a lab of three steps."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        tiny = TinyLab(Path(folder) / "root")
        yield Graded(engine, tiny.root, Path(folder) / "home", tiny.name, tiny.solve)


@contextmanager
def other_graders(count: int) -> Iterator[dict[str, Callable[[], float]]]:
    """What grades so many notebooks of five cells, by name: each gives its seconds."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        place = Path(folder)
        made: dict[str, Callable[[], float]] = {}
        for name, package, prepare in (("nbgrader", NBGRADER, _nbgrader), ("otter", OTTER, _otter)):
            home = place / name
            venv.create(home / "venv", with_pip=True)
            pip = [str(home / "venv/bin/pip"), "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, package, "ipykernel", "setuptools<81"], check=True)
            made[name] = prepare(home, count)
        yield made


def _run(home: Path, *command: str) -> None:
    env = {
        "PATH": f"{home / 'venv/bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    done = subprocess.run(command, cwd=home, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _cells(*sources: str) -> list[nbformat.NotebookNode]:
    return [nbformat.v4.new_code_cell(source) for source in sources]


def _nbgrader(home: Path, count: int) -> Callable[[], float]:
    (home / "nbgrader_config.py").write_text('c = get_config()\nc.CourseDirectory.course_id = "bench"\n')
    notebook = nbformat.v4.new_notebook(
        cells=_cells("a = 1", "b = 2", "print(a)", "c = a + b", "assert c == 3")
    )
    about = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "task": False}
    notebook.cells[3].metadata["nbgrader"] = about | {"grade_id": "answer", "solution": True}
    notebook.cells[4].metadata["nbgrader"] = about | {
        "grade_id": "test", "grade": True, "locked": True, "points": 1
    }  # fmt: skip
    source = home / "source/ps1/p.ipynb"
    source.parent.mkdir(parents=True)
    nbformat.write(notebook, source)
    _run(home, "nbgrader", "generate_assignment", "ps1", "--create", "--force")
    for number in range(count):
        handed_in = home / f"submitted/learner-{number}/ps1/p.ipynb"
        handed_in.parent.mkdir(parents=True)
        shutil.copy(home / "release/ps1/p.ipynb", handed_in)

    def run() -> float:
        shutil.rmtree(home / "autograded", ignore_errors=True)
        began = time.perf_counter()
        _run(home, "nbgrader", "autograde", "ps1", "--force")
        return time.perf_counter() - began

    return run


def _otter(home: Path, count: int) -> Callable[[], float]:
    """`otter run` on each; the autograder is a zip with one test, as `otter generate` makes it."""
    (home / "tests").mkdir()
    (home / "tests/q1.py").write_text(
        textwrap.dedent(
            """\
            OK_FORMAT = True
            test = {
                "name": "q1", "points": 1,
                "suites": [{
                    "cases": [{"code": ">>> c\\n3"}],
                    "scored": True, "setup": "", "teardown": "", "type": "doctest",
                }],
            }
            """
        )
    )
    first = "# Initialize Otter\nimport otter\ngrader = otter.Notebook()"
    notebook = nbformat.v4.new_notebook(
        cells=_cells(first, "a = 1", "b = 2", "c = a + b", 'grader.check("q1")')
    )
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    names = [f"learner-{number}.ipynb" for number in range(count)]
    for name in names:
        nbformat.write(notebook, home / name)
        (home / f"out-{name}").mkdir()
    (home / "requirements.txt").write_text("")
    _run(home, "otter", "generate", "--tests-dir", "tests", "--output-path", "auto.zip", "--no-environment")

    def run() -> float:
        began = time.perf_counter()
        for name in names:
            _run(home, "otter", "run", "--autograder", "auto.zip", "--output-dir", f"out-{name}", name)
        return time.perf_counter() - began

    return run


def _resident(pid: int) -> float:
    """MB that a process and the one it makes workers with have in memory."""
    total = 0
    for path in (Path("/proc") / str(pid), *_children(pid)):
        try:
            text = (path / "status").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")), 0)
    return total / 1024


def _children(pid: int) -> list[Path]:
    try:
        text = (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text()
    except OSError:
        return []
    return [Path("/proc") / child for child in text.split()]
