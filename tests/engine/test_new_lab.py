"""A new lab is a folder and a notebook; `lab author test` proves it, and sees whatever is wrong with it."""

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from checker import author
from checker.catalog import Catalog
from checker.engine import Engine
from tests.helpers import PIN, PUSH, Command, TinyLab

pytestmark = pytest.mark.engine


def test_a_lab_from_a_folder_of_its_own_is_listed_shown_and_proved(lab: Command, tiny: TinyLab) -> None:
    listed, shown, proved = lab("list"), lab("show", "90", "pin"), lab("author", "test", "90")

    assert (listed.code, shown.code, proved.code) == (0, 0, 0), proved.out
    assert "90-tiny  Tiny" in listed.out
    assert "Write your answer in steps/pin.sh" in shown.out
    proofs = [line for line in proved.out.splitlines() if line.lstrip().startswith("holds")]
    assert [line.split("holds", 1)[1].strip() for line in proofs] == [
        "lab.toml, notebook and files agree",
        "hints do not contain the solution",
        "the untouched workspace fails every step",
        "the solution passes every step",
        "mistake says-so  push: not-pushed",
    ]


def cannot_fail(tiny: TinyLab) -> None:
    tiny.edit("checks.py", 'if not (workspace.read("note.txt") or "").strip():', "if False:")


def is_an_error_when_untouched(tiny: TinyLab) -> None:
    tiny.edit("checks.py", "    if image is None:", "    assert image.digest\n    if image is None:")


def solution_fails(tiny: TinyLab) -> None:
    tiny.write("solution/steps/pin.sh", PIN.replace("RepoDigests", "RepoTags"))


def solution_passes_but_complains(tiny: TinyLab) -> None:
    tiny.write("solution/steps/pin.sh", PIN + "exit 4\n")


def other_finding(tiny: TinyLab) -> None:
    tiny.edit("mistakes/says-so/mistake.toml", "not-pushed", "not-this-run")


def breaks_another_step(tiny: TinyLab) -> None:
    tiny.write("mistakes/says-so/note.txt", "")


def is_no_mistake(tiny: TinyLab) -> None:
    tiny.write("mistakes/says-so/steps/push.sh", PUSH + "# another way to say it\n")


def changes_nothing(tiny: TinyLab) -> None:
    tiny.write("mistakes/says-so/steps/push.sh", PUSH)


def of_no_step(tiny: TinyLab) -> None:
    tiny.edit("mistakes/says-so/mistake.toml", '"push"', '"pull"')


def hint_tells(tiny: TinyLab) -> None:
    told = '"The engine knows the digest."'
    tiny.edit("lab.toml", told, json.dumps(f"Write: {PIN.strip()}"))


def notebook_differs(tiny: TinyLab) -> None:
    tiny.notebook.write_text(tiny.notebook.read_text().replace("%%step pin", "%%step push"))


def notebook_lacks_a_section(tiny: TinyLab) -> None:
    tiny.notebook.write_text(tiny.notebook.read_text().replace('{"step": "note"}', "{}"))


def stray_file(tiny: TinyLab) -> None:
    tiny.write("notes-to-self.md", "Do not ship.\n")


def no_mistakes(tiny: TinyLab) -> None:
    for path in (tiny.folder / "mistakes/says-so").rglob("*"):
        if path.is_file():
            path.unlink()
    (tiny.folder / "mistakes/says-so/steps").rmdir()
    (tiny.folder / "mistakes/says-so").rmdir()


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (changes_nothing, "mistake says-so changes nothing in the solution"),
        (of_no_step, "mistake says-so is of 'pull', which is no step"),
        (hint_tells, "hint 1 of step pin contains a line of the solution"),
        (notebook_differs, "the notebook has step cells for push, push"),
        (notebook_lacks_a_section, "the notebook has no text for step note"),
        (stray_file, "notes-to-self.md does not belong into a lab's folder"),
        (no_mistakes, "the lab ships no mistakes"),
    ],
)
def test_a_defect_of_the_files_is_told_before_anything_runs(
    engine: Engine, tiny: TinyLab, defect: Callable[[TinyLab], None], said: str
) -> None:
    defect(tiny)
    catalog = Catalog(tiny.root)

    of_files = islice(author.prove(engine, catalog, catalog.lab("90")), 2)

    assert said in " ".join(problem for proof in of_files for problem in proof.problems)


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (cannot_fail, "step note is pass, not fail."),
        (is_an_error_when_untouched, "step push is error, not fail."),
        (solution_fails, "step pin is fail: not-pinned"),
        (solution_passes_but_complains, "the answer of step pin ended with exit code 4"),
    ],
)
def test_a_defect_of_checks_or_solution_is_told(
    lab: Command, tiny: TinyLab, defect: Callable[[TinyLab], None], said: str
) -> None:
    defect(tiny)

    done = lab("author", "test", "90")

    assert done.code == 1, done.out + done.err
    assert said in " ".join(done.out.split())
    assert any(line.lstrip().startswith("broken") for line in done.out.splitlines())


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (other_finding, "step push is fail with not-pushed"),
        (breaks_another_step, "step note is fail as well: no-note"),
        (is_no_mistake, "step push is pass with no finding"),
    ],
)
def test_a_defect_of_a_mistake_is_told(
    lab: Command, tiny: TinyLab, defect: Callable[[TinyLab], None], said: str
) -> None:
    defect(tiny)

    done = lab("author", "test", "90", "--mistake", "says-so")

    assert done.code == 1, done.out + done.err
    assert said in " ".join(done.out.split())


def test_an_alternative_has_to_pass_every_step(lab: Command, tiny: TinyLab) -> None:
    tiny.alternative("in-words", "push", {"steps/push.sh": PUSH + "# another way to say it\n"})
    right = lab("author", "test", "90", "--mistake", "in-words")
    tiny.write("alternatives/in-words/steps/push.sh", "echo Pushed.\n")
    wrong = lab("author", "test", "90", "--mistake", "in-words")

    assert (right.code, wrong.code) == (0, 1), right.out + wrong.out
    assert right.out.split("holds", 1)[1].strip() == "alternative in-words  push: pass"
    assert "step push is fail: not-pushed" in " ".join(wrong.out.split())


def test_alternatives_of_two_steps_are_tried_in_one_replay(tiny: TinyLab) -> None:
    tiny.alternative("in-words", "push", {"steps/push.sh": PUSH + "# another way to say it\n"})
    tiny.alternative("longer", "note", {"note.txt": "Tags move, digests do not.\n"})
    catalog = Catalog(tiny.root)

    [group] = author.groups(catalog.lab("90"), catalog.alternatives(catalog.lab("90")))

    assert [alternative.name for alternative in group] == ["in-words", "longer"]


def test_one_mistake_can_be_tried_alone(lab: Command, tiny: TinyLab) -> None:
    one, none = (lab("author", "test", "90", "--mistake", name) for name in ("says-so", "unheard-of"))

    assert (one.code, none.code) == (0, 2)
    assert len(one.out.splitlines()) == 2
    assert "There are: says-so." in none.err


def test_a_missing_notebook_is_told_with_its_place(lab: Command, tiny: TinyLab) -> None:
    tiny.notebook.unlink()

    done = lab("author", "test", "90")

    assert done.code == 3
    assert str(Path("notebooks/90-tiny.ipynb")) in done.err
