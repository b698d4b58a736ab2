"""What a replay keeps of a submission for people to read."""

import os
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


def test_much_of_an_answer_is_cut_between_characters_whatever_it_is(
    lab: Lab, tiny: TinyLab, tmp_path: Path
) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "note.txt").write_text("\N{SNOWMAN}" * (2 << 20))
    (place / "steps/push.sh").write_bytes(b"\xff" * replay.WRITTEN_LIMIT)

    found = replay.written(lab, Workspace(place))

    assert found["note"] == Written(
        path="note.txt", text="\N{SNOWMAN}" * replay.WRITTEN_LIMIT, truncated=True
    )
    assert found["push"].text == "\N{REPLACEMENT CHARACTER}" * replay.WRITTEN_LIMIT
    assert not found["push"].truncated


def test_what_leads_elsewhere_or_never_ends_is_no_answer(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (tmp_path / "secret").write_text("not theirs")
    for name in ("note.txt", "steps/push.sh", "steps/pin.sh"):
        (place / name).unlink()
    (place / "note.txt").symlink_to(tmp_path / "secret")
    (place / "steps/push.sh").symlink_to("push.sh")
    os.mkfifo(place / "steps/pin.sh")

    assert replay.written(lab, Workspace(place)) == {}


def test_what_is_no_answer_is_not_kept(lab: Lab, tiny: TinyLab, tmp_path: Path) -> None:
    place = tiny.solve(tmp_path / "ada")
    (place / "steps/push.sh").unlink()
    (place / "steps/push.sh").mkdir()
    (place / "steps/pin.sh").unlink()
    (place / "note.txt").write_text("")

    assert replay.written(lab, Workspace(place)) == {}
