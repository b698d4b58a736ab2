"""A new lab is a folder and a notebook; `lab author test` proves it, and sees whatever is wrong with it."""

import json
import re
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from checker.engine.connection import Engine
from checker.judge import author
from checker.lab.catalog import Catalog
from tests.helpers import PIN, PUSH, Command, TinyLab

README = Path(__file__).parents[2] / "labs/README.md"

pytestmark = pytest.mark.engine


def test_a_lab_from_a_folder_of_its_own_is_listed_shown_and_proved(lab: Command, tiny: TinyLab) -> None:
    listed, shown, proved = lab("list"), lab("show", "90", "pin"), lab("author", "test", "90")

    assert (listed.code, shown.code, proved.code) == (0, 0, 0), proved.out
    assert "90  Tiny" in listed.out
    assert "Write your answer in steps/pin.sh" in shown.out
    proofs = [line for line in proved.out.splitlines() if line.lstrip().startswith("holds")]
    assert [line.split("holds", 1)[1].strip() for line in proofs] == [
        "lab.toml, notebook and files agree",
        "hints do not contain the solution",
        "the untouched workspace fails every step",
        "the solution passes every step",
        "mistake says-so  push: not-pushed",
    ]


def test_a_lab_brings_a_kind_of_service_of_its_own_as_the_readme_shows_it(
    lab: Command, tiny: TinyLab
) -> None:
    (example,) = re.findall(
        r"```python\n# labs/90-web/webserver\.py.*?\n(.*?)```", README.read_text("utf-8"), re.DOTALL
    )
    tiny.write("webserver.py", example)
    tiny.edit("lab.toml", "[values]", '[[services]]\nname = "web"\nkind = "webserver.py"\n\n[values]')
    tiny.edit(
        "checks.py",
        "def test_there_is_a_note(workspace):",
        "def test_there_is_a_note(workspace, web, values):\n    assert web.page() == values['WORD']",
    )

    proved, started = lab("author", "test", "90"), lab("start", "90")

    assert proved.code == 0, proved.out
    assert started.code == 0, started.err
    assert "web is ready at 127.0.0.1:" in started.out
    assert lab("stop", "90").code == 0


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


def test_a_lab_that_is_laid_out_passes_as_it_is(lab: Command, tmp_path: Path) -> None:
    made = lab("author", "new", "20-my-topic", "--dir", tmp_path / "mine")
    proved = lab("author", "test", "20", REGISTRY_LAB_ROOT=str(tmp_path / "mine"))

    assert (made.code, proved.code) == (0, 0), made.err + proved.out + proved.err
    assert f"REGISTRY_LAB_ROOT={tmp_path / 'mine'} lab author test 20" in made.out
    assert [line.split()[0] for line in proved.out.splitlines()[1:]] == ["holds"] * 5


def test_a_lab_that_is_laid_out_beside_others_leaves_them_alone(lab: Command, tiny: TinyLab) -> None:
    before = {path: path.read_bytes() for path in tiny.root.rglob("*") if path.is_file()}

    made, again, other = (lab("author", "new", name) for name in ("my-topic", "my-topic", "90-other"))

    assert (made.code, again.code, other.code) == (0, 2, 2)
    assert "There is a lab 91-my-topic already" in again.err
    assert "There is a lab 90-tiny already" in other.err
    assert {path: path.read_bytes() for path in before} == before
    assert "91  My topic" in lab("list").out


def test_of_one_step_only_its_own_mistakes_and_alternatives_are_tried(lab: Command, tiny: TinyLab) -> None:
    tiny.alternative("in-words", "push", {"steps/push.sh": PUSH + "# another way to say it\n"})
    tiny.mistake("by-tag", "pin", "not-pinned", {"steps/pin.sh": PIN.replace("RepoDigests", "RepoTags")})

    push, pin, one = (lab("author", "test", "90", *rest) for rest in (["push"], ["2"], ["pin", "by-tag"]))

    assert (push.code, pin.code, one.code) == (0, 0, 0), push.out + pin.out + one.out
    assert [line.split()[2] for line in push.out.splitlines()[1:]] == ["says-so", "in-words"]
    assert [line.split()[2] for line in pin.out.splitlines()[1:]] == ["by-tag"]
    assert one.out == pin.out


def test_of_one_step_no_other_is_judged_and_no_later_answer_runs(engine: Engine, tiny: TinyLab) -> None:
    tiny.mistake("by-tag", "pin", "not-pinned", {"steps/pin.sh": PIN.replace("RepoDigests", "RepoTags")})
    catalog = Catalog(tiny.root)
    told: list[str] = []

    for mistake in catalog.mistakes(catalog.lab("90")):
        proof = author.prove_quickly(
            engine, catalog.lab("90"), mistake, lambda name, step: told.append(f"{name} {step}".strip())
        )
        assert proof.holds, proof

    assert told == ["by-tag", "by-tag push", "by-tag pin", "says-so", "says-so push"]


@pytest.mark.parametrize(
    ("defect", "said"),
    [
        (other_finding, "step push is fail with not-pushed"),
        (is_no_mistake, "step push is pass with no finding"),
    ],
)
def test_a_defect_of_a_mistake_is_told_by_its_step_alone(
    lab: Command, tiny: TinyLab, defect: Callable[[TinyLab], None], said: str
) -> None:
    defect(tiny)

    done = lab("author", "test", "90", "push", "says-so")

    assert done.code == 1, done.out + done.err
    assert said in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["90", "pull"], "Its steps are: push, pin, note."),
        (["90", "note"], "ships no mistake and no alternative for step note"),
        (["90", "pin", "says-so"], "says-so is of step push, not of pin."),
        (["90", "push", "unheard-of"], "There are: says-so."),
        (["90", "push", "says-so", "-m", "says-so"], "Two mistakes are named."),
    ],
)
def test_what_cannot_be_tried_is_said_before_anything_runs(
    lab: Command, arguments: list[str], said: str
) -> None:
    done = lab("author", "test", *arguments, DOCKER_HOST="unix:///nowhere")

    assert (done.code, done.out) == (2, "")
    assert said in done.err
