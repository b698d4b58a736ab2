"""Mistakes: whole files and changes of a few lines, laid over the solution."""

import stat
from pathlib import Path

import pytest

from checker.base.errors import BrokenLab
from checker.base.model import Lab, Mistake
from checker.judge import author, overlays
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab

ABOUT = 'step = "push"\nfinding = "not-pushed"\nwhy = "It looks done."\n'
TWO_LINES = "echo one\necho two\n"


def change(old: str, new: str, file: str = "steps/push.sh") -> str:
    return f"\n[[changes]]\nfile = '{file}'\nold = '''\n{old}'''\nnew = '''\n{new}'''\n"


def of(tiny: TinyLab, *changes: str, **files: str) -> tuple[Lab, Mistake]:
    """The tiny lab with a solution of two lines, and a mistake with these changes and files."""
    tiny.write("solution/steps/push.sh", TWO_LINES)
    tiny.mistake("late", "push", "not-pushed", files | {"mistake.toml": ABOUT + "".join(changes)})
    catalog = Catalog(tiny.root)
    lab = catalog.lab("90")
    (mistake,) = (entry for entry in catalog.mistakes(lab) if entry.name == "late")
    return lab, mistake


def filled(tmp_path: Path, lab: Lab, *mistakes: Mistake) -> Path:
    target = tmp_path / "workspace"
    overlays.laid_out(lab, *mistakes)(target)
    return target


def test_changes_are_made_in_the_solution_one_after_the_other(tiny: TinyLab, tmp_path: Path) -> None:
    lab, mistake = of(tiny, change("echo two\n", "echo three\n"), change("echo three\n", "echo four\n"))

    assert (filled(tmp_path, lab, mistake) / "steps/push.sh").read_text() == "echo one\necho four\n"
    assert overlays.files(mistake) == {Path("steps/push.sh")}
    assert list(overlays.problems(lab, mistake, "it")) == []


def test_lines_are_taken_out_and_a_file_keeps_its_mode(tiny: TinyLab, tmp_path: Path) -> None:
    lab, mistake = of(tiny, "\n[[changes]]\nfile = 'steps/push.sh'\nold = 'echo two'\nnew = ''\n")
    (tiny.folder / "solution/steps/push.sh").chmod(0o755)

    made = filled(tmp_path, lab, mistake) / "steps/push.sh"

    assert made.read_text() == "echo one\n\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o755


def test_a_file_beside_it_is_laid_over_whole_and_what_says_what_it_is_is_no_answer(
    tiny: TinyLab, tmp_path: Path
) -> None:
    lab, mistake = of(tiny, change("echo one\n", "echo 1\n"), **{"note.txt": "Another.\n"})

    made = filled(tmp_path, lab, mistake)

    assert (made / "note.txt").read_text() == "Another.\n"
    assert not (made / "mistake.toml").exists()
    assert overlays.files(mistake) == {Path("steps/push.sh"), Path("note.txt")}


@pytest.mark.parametrize(
    ("old", "told"),
    [("echo", "2 times"), ("echo seven\n", "0 times"), ("", "empty")],
    ids=["twice", "not-there", "empty"],
)
def test_lines_that_are_not_there_once_are_told_and_nothing_is_replayed(
    tiny: TinyLab, tmp_path: Path, old: str, told: str
) -> None:
    lab, mistake = of(tiny, f"\n[[changes]]\nfile = 'steps/push.sh'\nold = '''{old}'''\nnew = 'x'\n")

    assert told in "".join(overlays.problems(lab, mistake, "mistake late"))
    with pytest.raises(BrokenLab, match=told):
        filled(tmp_path, lab, mistake)


def test_a_change_that_changes_nothing_is_no_mistake(tiny: TinyLab) -> None:
    lab, mistake = of(tiny, change("echo one\n", "echo one\n"))

    assert list(overlays.problems(lab, mistake, "mistake late")) == [
        "mistake late changes nothing in the solution"
    ]


@pytest.mark.parametrize(
    ("other", "files", "apart"),
    [
        (change("echo two\n", ""), {}, False),
        (change("echo one\n", ""), {}, True),
        (change("echo one\necho two\n", "echo\n"), {}, True),
        ("", {"steps/push.sh": "echo\n"}, True),
        ("", {"note.txt": ""}, False),
    ],
    ids=["other-lines", "the-same-line", "more-lines", "the-whole-file", "another-file"],
)
def test_mistakes_that_change_the_same_lines_are_tried_apart(
    tiny: TinyLab, tmp_path: Path, other: str, files: dict[str, str], apart: bool
) -> None:
    lab, late = of(tiny, change("echo one\n", "echo 1\n"))
    tiny.mistake("said", "note", "no-note", files | {"mistake.toml": ABOUT.replace("push", "note") + other})
    (said,) = (entry for entry in Catalog(tiny.root).mistakes(lab) if entry.name == "said")

    assert overlays.independent(lab, late, said) is not apart
    assert overlays.independent(lab, said, late) is not apart
    assert len(author.groups(lab, [late, said])) == (2 if apart else 1)


def test_changes_of_other_lines_are_both_made(tiny: TinyLab, tmp_path: Path) -> None:
    lab, late = of(tiny, change("echo one\n", "echo 1\n"))
    tiny.mistake(
        "said", "note", "no-note", {"mistake.toml": ABOUT.replace("push", "note") + change("echo two\n", "")}
    )
    (said,) = (entry for entry in Catalog(tiny.root).mistakes(lab) if entry.name == "said")

    for order in ([late, said], [said, late]):
        assert (filled(tmp_path, lab, *order) / "steps/push.sh").read_text() == "echo 1\n"


@pytest.mark.parametrize("wrong", ["file = 'x'\nold = 'a'", "file = 'x'\nold = 'a'\nnew = 'b'\nwhy = 'c'"])
def test_a_change_that_is_half_written_is_the_labs_fault(tiny: TinyLab, wrong: str) -> None:
    with pytest.raises(BrokenLab, match=r"late/mistake\.toml"):
        of(tiny, f"\n[[changes]]\n{wrong}\n")
