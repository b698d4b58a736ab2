"""What a report keeps of answers for people to read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.base.model import Lab
from checker.base.results import AnswerRun, AnswerText, LabReport, Outcome, StepReport, Versions
from checker.cli import practice
from checker.judge import answertext, verify
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from checker.practice.session import Session
from checker.stack.stack import Stack
from tests.helpers import TinyLab


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


def test_answers_are_kept_as_they_were_handed_in(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "steps/pin.sh").write_bytes(b"echo \xff\n")

    written = answertext.written(lab, Workspace(place))

    assert written["push"] == AnswerText(path="steps/push.sh", text=(place / "steps/push.sh").read_text())
    assert written["pin"].text == "echo \N{REPLACEMENT CHARACTER}\n"
    assert written["note"] == AnswerText(path="note.txt", text="Tags move.\n")


def test_of_a_long_answer_the_beginning_is_kept(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "note.txt").write_text("x" * (answertext.WRITTEN_LIMIT + 1))

    note = answertext.written(lab, Workspace(place))["note"]

    assert (len(note.text), note.truncated) == (answertext.WRITTEN_LIMIT, True)


def test_much_of_an_answer_is_cut_between_characters_whatever_it_is(
    lab: Lab, tiny: TinyLab, tmp_path: Path
) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "note.txt").write_text("\N{SNOWMAN}" * (2 << 20))
    (place / "steps/push.sh").write_bytes(b"\xff" * answertext.WRITTEN_LIMIT)

    found = answertext.written(lab, Workspace(place))

    assert found["note"] == AnswerText(
        path="note.txt", text="\N{SNOWMAN}" * answertext.WRITTEN_LIMIT, truncated=True
    )
    assert found["push"].text == "\N{REPLACEMENT CHARACTER}" * answertext.WRITTEN_LIMIT
    assert not found["push"].truncated


def test_what_leads_elsewhere_or_never_ends_is_no_answer(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (tmp_path / "secret").write_text("not theirs")
    for name in ("note.txt", "steps/push.sh", "steps/pin.sh"):
        (place / name).unlink()
    (place / "note.txt").symlink_to(tmp_path / "secret")
    (place / "steps/push.sh").symlink_to("push.sh")
    os.mkfifo(place / "steps/pin.sh")

    assert answertext.written(lab, Workspace(place)) == {}


def test_what_is_no_answer_is_not_kept(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "steps/push.sh").unlink()
    (place / "steps/push.sh").mkdir()
    (place / "steps/pin.sh").unlink()
    (place / "note.txt").write_text("")

    assert answertext.written(lab, Workspace(place)) == {}


class NoStack(Session):
    """A practice whose steps all pass; running an answer changes every answer."""

    def __init__(self, lab: Lab, place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(lab, place)
        monkeypatch.setattr(Session, "engine", None)
        monkeypatch.setattr(Session, "started", lambda _: Stack("", lab.name, {}, {}, (), ()))
        monkeypatch.setattr(verify, "check", self._passed)

    def _passed(self, *_: object, steps: frozenset[str] | None, **__: object) -> LabReport:
        passed = tuple(
            StepReport(step=step.name, title=step.title, outcome=Outcome.PASS, points=1, max_points=1)
            for step in self.lab.steps
            if steps is None or step.name in steps
        )
        return LabReport(lab=self.lab.name, title="", path="", steps=passed, versions=Versions())

    def run(self, step: str, on_output: Callable[[str], None]) -> AnswerRun:
        for each in self.lab.steps:
            self.workspace.answer(each).write_text("another one\n")
        return AnswerRun(exit_code=0, seconds=0.0, output="")


@pytest.fixture
def session(lab: Lab, tiny: TinyLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    return NoStack(lab, Workspace(tiny.solve(tmp_path / "ada")), monkeypatch)


def test_a_practice_shows_answers_as_they_are(session: Session) -> None:
    (session.workspace.path / "steps/pin.sh").unlink()

    steps = {step.step: step.written for step in practice.check_lab(session, None, quiet=True).steps}

    assert steps["note"] == AnswerText(path="note.txt", text="Tags move.\n")
    assert steps["pin"] is None
    (session.workspace.path / "note.txt").write_text("They do.\n")
    (note,) = practice.check_lab(session, "note", quiet=True).steps
    assert note.written == AnswerText(path="note.txt", text="They do.\n")


@pytest.mark.parametrize("names", [(), ("push",), ("push", "note")])
def test_answers_that_are_run_are_shown_as_they_were_before(names: tuple[str, ...], session: Session) -> None:
    before = answertext.written(session.lab, session.workspace)

    steps = practice.run_steps(session, names, quiet=True).results[0].steps

    assert {step.step: step.written for step in steps} == {
        name: before[name] for name in names or ("push", "pin", "note")
    }
    assert answertext.written(session.lab, session.workspace)["push"].text == "another one\n"
