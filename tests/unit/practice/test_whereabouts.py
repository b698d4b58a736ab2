"""Where a learner is: what `lab` and `lab list` show, which commands come next, and which lab is meant."""

import io
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from checker.base.errors import UsageError
from checker.base.model import Lab, Service, Step
from checker.cli import tables
from checker.lab.catalog import Catalog
from checker.lab.progress import Progress, Standing, StepProgress
from checker.lab.workspace import Workspace, locate
from checker.practice import whereabouts
from checker.practice.whereabouts import Whereabouts, addressed, next_commands
from tests.helpers import TinyLab

PASSED = Standing.PASSED
TRIED = Standing.TRIED


class Latin(io.StringIO):
    encoding = "ascii"


def lab(name: str, title: str, *steps: str) -> Lab:
    return Lab(
        name=name,
        folder=Path("labs") / name,
        notebook=Path("notebooks") / f"{name}.ipynb",
        title=title,
        version="1",
        summary="What it is about.",
        minutes=30,
        values={},
        services=(Service(name="registry", kind="registry"),),
        steps=tuple(
            Step(name=step, title=f"Do {step}", points=10, hints=("One.",), needs=()) for step in steps
        ),
    )


FIRST = lab("01-names-and-tags", "Names and tags", "references", "build", "release")
SECOND = lab("02-docker-hub", "Docker Hub", *(f"step-{number}" for number in range(11)))
THIRD = lab("04-a", "A title that is a good deal longer than others", "only")


def at(one: Lab, *, running: bool = False, **standings: Standing) -> Whereabouts:
    steps = {
        name.replace("_", "-"): StepProgress(standing=standing, points=10 if standing is PASSED else 0)
        for name, standing in standings.items()
    }
    return Whereabouts(
        one, Workspace(Path("workspace") / one.name), Progress(lab=one.name, steps=steps), running
    )


FRESH = [at(FIRST), at(SECOND), at(THIRD)]
MIDDLE = [at(FIRST, running=True, references=PASSED, build=TRIED), at(SECOND), at(THIRD)]
DONE = [
    at(FIRST, running=True, references=PASSED, build=PASSED, release=PASSED),
    at(SECOND),
    at(THIRD, only=PASSED),
]
STATES = {"fresh": FRESH, "middle": MIDDLE, "done": DONE}


def screen(width: int = 80, file: io.StringIO | None = None) -> Console:
    return Console(
        file=file or io.StringIO(), width=width, force_terminal=False, legacy_windows=False, _environ={}
    )


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().split("\n"))


def commands(labs: list[Whereabouts]) -> list[str]:
    return [suggestion.command for suggestion in next_commands(labs)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("width", [80, 60])
def test_golden(state: str, width: int, golden: Callable[[str, str | bytes], None]) -> None:
    console = screen(width)

    tables.whereabouts(STATES[state], next_commands(STATES[state]), console)

    golden(f"where.{state}.{width}.txt", text(console))


def test_golden_of_one_labs_steps(golden: Callable[[str, str | bytes], None]) -> None:
    console = screen()

    tables.steps_of(MIDDLE[0], console)

    golden("where.steps.txt", text(console))


@pytest.mark.parametrize("width", [60, 71, 72, 80, 120, 200])
def test_a_lab_is_one_line_that_fits_and_keeps_its_number(width: int) -> None:
    console = screen(width)

    tables.listed(MIDDLE, console)

    lines = text(console).strip().split("\n")
    assert [line[:2] for line in lines] == ["01", "02", "04"]
    assert max(map(len, lines)) <= width
    assert "1" in lines[0]
    assert lines[0].endswith("running")


def test_a_terminal_without_utf8_gets_ascii() -> None:
    console = screen(file=Latin())

    tables.whereabouts(MIDDLE, next_commands(MIDDLE), console)

    assert text(console).isascii()
    assert "##------" in text(console)


def test_at_the_beginning_the_first_lab_is_started() -> None:
    assert commands(FRESH) == ["lab start 01", "lab notebook", "lab list 01"]


def test_in_the_middle_the_step_at_hand_is_read_and_run() -> None:
    labs = [at(FIRST, running=True, references=PASSED), at(SECOND)]

    assert commands(labs) == ["lab show build", "lab run build", "lab watch"]


def test_a_step_that_was_tried_is_one_for_a_hint() -> None:
    assert commands(MIDDLE)[0] == "lab hint build"


def test_where_two_labs_run_the_lab_is_named() -> None:
    labs = [at(FIRST, running=True), at(SECOND, running=True)]

    assert commands(labs) == ["lab show 01 references", "lab run 01 references", "lab watch 01"]


def test_at_the_end_of_a_lab_it_is_handed_in_and_the_next_one_begins() -> None:
    assert commands(DONE) == ["lab submit 01", "lab stop 01", "lab start 02"]


def test_at_the_end_of_all_labs_nothing_is_left_to_begin() -> None:
    labs = [at(THIRD, running=True, only=PASSED)]

    assert commands(labs) == ["lab submit 04", "lab stop 04", "lab stop --all"]
    assert commands([at(THIRD, only=PASSED)]) == ["lab submit LAB", "lab stop --all"]


def test_a_lab_that_was_begun_and_stopped_goes_on_before_another_begins() -> None:
    labs = [at(FIRST), at(SECOND, step_0=PASSED)]

    assert commands(labs)[0] == "lab start 02"


@pytest.fixture
def two(tiny: TinyLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Two labs, of which none is laid out, and nothing that runs."""
    other = tiny.root / "labs/91-other"
    other.mkdir(parents=True)
    settings = (tiny.folder / "lab.toml").read_text().replace('"pin"', '"fetch"')
    (other / "lab.toml").write_text(settings)
    monkeypatch.setenv("REGISTRY_LAB_ROOT", str(tiny.root))
    monkeypatch.setenv("REGISTRY_LAB_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.chdir(tmp_path)
    runs: set[str] = set()
    monkeypatch.setattr(whereabouts, "running_places", lambda: runs)
    return Catalog(tiny.root)


def laid_out(catalog: Catalog, name: str) -> Workspace:
    place = locate(catalog.lab(name))
    place.private.mkdir(parents=True)
    return place


@pytest.mark.parametrize("word", ["90", "tiny", "90-tiny"])
def test_a_first_word_that_names_a_lab_is_the_lab(two: Catalog, word: str) -> None:
    assert addressed((word, "push"), None, two) == ("90-tiny", ("push",))


def test_the_only_lab_that_is_laid_out_is_meant(two: Catalog) -> None:
    laid_out(two, "90")

    assert addressed(("push",), None, two) == ("90-tiny", ("push",))
    assert addressed(("2",), None, two) == ("90-tiny", ("2",))
    assert addressed((), None, two) == ("90-tiny", ())


def test_of_several_that_are_laid_out_the_one_that_runs_is_meant(
    two: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out(two, "90")
    runs = laid_out(two, "91")
    monkeypatch.setattr(whereabouts, "running_places", lambda: {str(runs.path)})

    assert addressed(("push",), None, two) == ("91-other", ("push",))


def test_inside_a_workspace_its_lab_is_meant(two: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out(two, "90")
    place = laid_out(two, "91").path
    (place / "steps").mkdir()
    monkeypatch.chdir(place / "steps")

    assert addressed((), None, two) == ("91-other", ())


def test_a_named_workspace_says_which_lab_is_meant(two: Catalog, tmp_path: Path) -> None:
    assert addressed(("push",), tmp_path / "ada" / "91-other", two) == ("91-other", ("push",))


@pytest.mark.parametrize(
    ("there", "words", "said"),
    [
        ([], (), "No lab is named, and none is running."),
        ([], ("push",), "No lab is named, and none is running."),
        ([], ("92",), "There is no lab '92'."),
        (["90", "91"], ("push",), "there are several here: 90, 91."),
        (["90"], ("fetch",), "lab 90-tiny has no step 'fetch'"),
        (["90"], ("\x1b[31m",), "lab 90-tiny has no step"),
    ],
)
def test_what_leaves_a_doubt_is_said_and_not_guessed(
    two: Catalog, there: list[str], words: tuple[str, ...], said: str
) -> None:
    for name in there:
        laid_out(two, name)

    with pytest.raises(UsageError) as caught:
        addressed(words, None, two)

    assert said in caught.value.message
    assert caught.value.action


def test_an_engine_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
        monkeypatch.setattr(whereabouts, "ENGINE_LIMIT", 0.05)

        assert whereabouts.running_places() == set()


def test_where_there_is_no_engine_nothing_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")

    assert whereabouts.running_places() == set()
