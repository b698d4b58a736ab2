"""The magics against a session that only remembers what it was asked."""

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from checker.base.errors import EngineFault, UsageError
from checker.base.model import Lab, Step
from checker.base.results import AnswerRun, Finding, LabReport, OnStep, Outcome, StepReport, Versions, unheard
from checker.lab import progress
from checker.lab.progress import Progress
from checker.lab.workspace import Workspace
from checker.notebook import magics as module

WRONG = Finding(
    code="no-answer", expected="A file.", observed="There is <none>.", action="Write the file `a.txt`."
)
STEPS = (
    Step(name="one", title="The first", points=10, hints=("Look closer.", "Look there.")),
    Step(name="two", title="The second", points=5, answer="two.yaml"),
)


class FakeSession:
    """Passes a step whose answer says `good`."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(
            name="09-tiny",
            folder=folder,
            notebook=folder / "09-tiny.ipynb",
            title="Tiny",
            version="1.0",
            summary="",
            minutes=1,
            services=(),
            values={},
            steps=STEPS,
        )
        self.workspace = Workspace(folder)
        notebook = {"cells": [{"cell_type": "markdown", "metadata": {}, "source": "# Tiny"}]}
        (folder / "09-tiny.ipynb").write_text(json.dumps(notebook))
        (folder / ".lab").mkdir()
        self.ran: list[str] = []
        self.hints = 0
        self.stopped = False
        self.raises: BaseException | None = None

    def start(self, say: Callable[[str], None]) -> None:
        say("Starting the registry.")

    def stop(self, say: Callable[[str], None]) -> None:
        say("Stopping the registry.")

    def values(self) -> dict[str, str]:
        return {"TEAM": "amber", "GREETING": "<b>hi</b>"}

    def write_answer(self, step: str, text: str) -> Path:
        path = self.workspace.path / next(one.answer_path for one in STEPS if one.name == step)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def run(self, step: str, on_output: Callable[[str], None]) -> AnswerRun | None:
        if self.raises:
            raise self.raises
        if step == "two":
            return None
        self.ran.append(step)
        on_output("working\n")
        if self.stopped:
            return AnswerRun(exit_code=None, seconds=60.0, output="working\n", timed_out=True)
        return AnswerRun(exit_code=7, seconds=0.1, output="working\n")

    def try_script(self, text: str, on_output: Callable[[str], None]) -> AnswerRun:
        on_output(f"tried {text.strip()}\n")
        return AnswerRun(exit_code=4 if "fail" in text else 0, seconds=0.1, output="")

    def check(
        self, step: str | None = None, *, ran: Collection[str] = (), on_step: OnStep = unheard
    ) -> LabReport:
        self.told_ran = list(ran)
        verdicts = []
        for one in STEPS:
            if step not in (None, one.name):
                continue
            path = self.workspace.path / one.answer_path
            good = path.exists() and "good" in path.read_text()
            verdicts.append(
                StepReport(
                    step=one.name,
                    title=one.title,
                    outcome=Outcome.PASS if good else Outcome.FAIL,
                    points=one.points if good else 0,
                    max_points=one.points,
                    findings=() if good else (WRONG,),
                )
            )
        for verdict in verdicts:
            on_step(verdict)
        progress.note_checked(self.lab, self.workspace, verdicts, ran=ran)
        return LabReport(lab="09-tiny", title="Tiny", path="x", steps=tuple(verdicts), versions=Versions())

    def progress(self) -> Progress:
        return progress.read(self.workspace)[0]

    def earlier_hints(self, step: str) -> list[SimpleNamespace]:
        hints = next(one.hints for one in STEPS if one.name == step)
        return [SimpleNamespace(text=hints[n], number=n + 1, total=len(hints)) for n in range(self.hints)]

    def hint(self, step: str) -> tuple[SimpleNamespace, str]:
        hints = next(one.hints for one in STEPS if one.name == step)
        if not hints:
            raise UsageError(f"The step {step} has no hints.")
        self.hints += 1
        return SimpleNamespace(text=hints[self.hints - 1], number=self.hints, total=len(hints)), ""


def finally_shown(outputs: list[Any]) -> dict[str, dict[str, str]]:
    """What stands below a cell in the end: an update takes the place of what it updates."""
    shown: dict[str, dict[str, str]] = {}
    for number, output in enumerate(outputs):
        shown[(output.transient or {}).get("display_id", str(number))] = output.data
    return shown


class Notebook:
    """Runs cells, and gives back what a person would see."""

    def __init__(self, session: FakeSession) -> None:
        self.session = session
        self.shell = InteractiveShell.instance()
        self.shell.run_line_magic("load_ext", "checker.notebook")

    def cell(self, source: str) -> str:
        with capture_output() as seen:
            result = self.shell.run_cell(source)
        assert result.success, result.error_in_exec
        shown = list(finally_shown(seen.outputs).values())
        assert all({"text/plain", "text/html"} <= data.keys() for data in shown)
        self.html = "".join(data["text/html"] for data in shown)
        text: str = seen.stdout + "".join(data["text/plain"] for data in shown) + seen.stderr
        assert "Traceback" not in text
        return text


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook in which nothing has been run."""
    session = FakeSession(tmp_path)
    monkeypatch.setattr(module, "open_session", lambda _name: session)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = Notebook(session)
    yield notebook
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(fresh: Notebook) -> Notebook:
    """A notebook in which the lab has been started."""
    assert "Tiny, is ready" in fresh.cell("%lab start 09")
    return fresh


def test_a_step_is_kept_run_and_judged(notebook: Notebook) -> None:
    text = notebook.cell("%%step one\necho $TEAM {braces} bad\n")
    assert (notebook.session.workspace.path / "steps/one.sh").read_text() == "echo $TEAM {braces} bad\n"
    assert text.startswith("working\n✗ fail  one: The first  0/10")
    assert notebook.session.told_ran == ["one"]
    assert "Write the file `a.txt`." in text
    assert "exit code 7" in text
    assert "%hint one" in text
    assert "There is &lt;none&gt;." in notebook.html
    passed = notebook.cell("%%step one\ngood\n")
    assert "✓ pass  one: The first  10/10" in passed
    assert passed.endswith("1 of 2 steps, 10 of 15 points; next: two")


def test_a_pass_offers_the_model_answer_and_in_a_class_does_not(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    solution = notebook.session.lab.folder / "solution/steps/one.sh"
    solution.parent.mkdir(parents=True)
    solution.write_text("echo '<model>'\n")

    notebook.cell("%%step one\ngood\n")
    assert "<summary>Compare with the model answer</summary>" in notebook.html
    assert "echo &#x27;&lt;model&gt;&#x27;" in notebook.html

    for name, value in (("REGISTRY_LAB_CLASS", "http://127.0.0.1:1"), ("REGISTRY_LAB_SOLUTIONS", "off")):
        with monkeypatch.context() as during:
            during.setenv(name, value)
            notebook.cell("%%step one\ngood\n")
            assert "model answer" not in notebook.html


def test_when_all_is_passed_a_card_says_how_to_hand_in(notebook: Notebook) -> None:
    notebook.cell("%%step one\ngood\n")

    assert "All 2 steps are passed, 15 points. Hand in with %submit." in notebook.cell("%%step two\ngood\n")


def test_an_answer_that_was_stopped_is_headed_by_that(notebook: Notebook) -> None:
    notebook.session.stopped = True

    text = notebook.cell("%%step one\nsleep 100\n")

    assert "one: stopped at its time limit, after 60 s" in text
    assert text.index("Does it wait for input") < text.index("Write the file")


def test_an_answer_that_is_no_script_is_only_looked_at(notebook: Notebook) -> None:
    assert "✓ pass  two" in notebook.cell("%%step two\nlevel: good\n")
    assert notebook.session.ran == []


@pytest.mark.parametrize("body", ["", "\n", "# later\n\n   # more\n"])
def test_a_cell_without_commands_never_replaces_an_answer(notebook: Notebook, body: str) -> None:
    assert "nothing was run" in notebook.cell(f"%%step one\n{body}")
    notebook.cell("%%step one\ngood\n")
    assert "steps/one.sh was left as it is" in notebook.cell(f"%%step one\n{body}")
    assert (notebook.session.workspace.path / "steps/one.sh").read_text() == "good\n"
    assert notebook.session.ran == ["one"]


def test_trying_records_nothing(notebook: Notebook) -> None:
    assert notebook.cell("%%try\nls\n") == "tried ls\n"
    assert "exit code 4" in notebook.cell("%%try\nfail\n")
    assert "no commands" in notebook.cell("%%try")
    assert not (notebook.session.workspace.path / "steps").exists()


def test_checks_hints_and_values(notebook: Notebook) -> None:
    notebook.cell("%%step two\ngood\n")
    assert notebook.cell("%check").splitlines() == [
        "✗ one fail        0/10 no-answer",
        "✓ two pass         5/5",
        "1 of 2 steps passed, 5 of 15 points, 33.3 %",
        "",
        "✗ fail  one: The first  0/10",
        "",
        "[no-answer]",
        "Expected: A file.",
        "Seen: There is <none>.",
        "Next: Write the file `a.txt`.",
    ]
    assert "✓ pass  two" in notebook.cell("%check two")
    assert "Hint 1 of 2 for one\n1. Look closer.\nThere is another" in notebook.cell("%hint one")
    assert "Hint 2 of 2 for one\n1. Look closer.\n2. Look there.\nThat was the last one." in notebook.cell(
        "%hint one"
    )
    assert notebook.cell("%values") == "TEAM      amber\nGREETING  <b>hi</b>"
    assert "&lt;b&gt;" in notebook.html
    assert "is stopped" in notebook.cell("%lab stop")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("%%step nine\nx", "Its steps are: one, two."),
        ("%%step\nx", "takes the name of one step"),
        ("%hint", "takes the name of one step"),
        ("%hint two", "has no hints"),
        ("%check 'one", "a quote too many"),
        ("%lab begin", "%lab start NAME"),
    ],
)
def test_a_wrong_request_is_answered_with_the_right_one(notebook: Notebook, source: str, said: str) -> None:
    assert said in notebook.cell(source)


@pytest.mark.parametrize(
    "source", ["%%step one\nx", "%check", "%picture", "%values", "%%try\nx", "%lab stop"]
)
def test_before_the_start_everything_says_how_to_start(fresh: Notebook, source: str) -> None:
    assert "%lab start" in fresh.cell(source)


def test_no_fault_ever_reaches_a_learner_as_a_traceback(notebook: Notebook) -> None:
    session = notebook.session
    session.raises = EngineFault("No engine answers.", "Start it.")
    assert "not your answer's fault" in notebook.cell("%%step one\nx")
    session.raises = KeyboardInterrupt()
    assert "Interrupted." in notebook.cell("%%step one\nx")
    session.raises = ZeroDivisionError("oh")
    assert "no answer of yours is to blame" in notebook.cell("%%step one\nx")
    assert "ZeroDivisionError" in (session.workspace.private / "defect.log").read_text()
