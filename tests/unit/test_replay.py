"""What a replay keeps of a submission for people to read."""

from pathlib import Path

import pytest

from checker import replay
from checker.catalog import Catalog
from checker.model import Lab, Written
from checker.workspace import Workspace
from tests.helpers import TinyLab


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


def test_answers_are_kept_as_they_were_handed_in(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "steps/pin.sh").write_bytes(b"echo \xff\n")

    written = replay.written(lab, Workspace(place))

    assert written["push"] == Written(path="steps/push.sh", text=(place / "steps/push.sh").read_text())
    assert written["pin"].text == "echo \N{REPLACEMENT CHARACTER}\n"
    assert written["note"] == Written(path="note.txt", text="Tags move.\n")


def test_of_a_long_answer_the_beginning_is_kept(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "note.txt").write_text("x" * (replay.WRITTEN_LIMIT + 1))

    note = replay.written(lab, Workspace(place))["note"]

    assert (len(note.text), note.truncated) == (replay.WRITTEN_LIMIT, True)


def test_what_is_no_answer_is_not_kept(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "steps/push.sh").unlink()
    (place / "steps/push.sh").mkdir()
    (place / "steps/pin.sh").unlink()
    (place / "note.txt").write_text("")

    assert replay.written(lab, Workspace(place)) == {}
