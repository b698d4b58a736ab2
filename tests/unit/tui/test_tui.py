"""The full-screen home: what it shows, and that every key does what the bottom line says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.text import Text
from textual.widgets import OptionList, Static

from checker.base.errors import UsageError
from checker.base.model import Lab, Step
from checker.base.results import Finding, Outcome
from checker.lab.catalog import Catalog
from checker.lab.progress import Progress, Standing, StepProgress
from checker.practice.hints import Hint
from checker.practice.picture import DrawnRepository, PicturedImage, Tree
from checker.practice.watcher import Heard
from checker.tui import look
from checker.tui.app import Home, Labs, Reading
from tests.helpers import TinyLab

SIZES = [(80, 24), (120, 40)]
WRONG = Finding(
    code="not-pushed",
    expected="The registry holds [red]an image[/red].",
    observed="It holds \x1b[31mnothing\x1b[0m.",
    action="Push it.",
)


class FakeRunning:
    def __init__(self, step: Step) -> None:
        self.step = step


class FakePractice:
    """A practice that remembers what it was asked, and tells what it is told to tell."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.steps: dict[str, StepProgress] = {}
        self.asked: list[str] = []
        self.hints: list[Hint] = []
        self.told: Callable[[Heard], None] = lambda _heard: None
        self.lines: Callable[[str | None], None] = lambda _line: None
        self.shown: Tree | None = Tree(
            "127.0.0.1:5000",
            (DrawnRepository("shop", (("1.0", PicturedImage("sha256:" + "ab" * 32, 1, 9)),)),),
        )

    def begin(self, hear: Callable[[Heard], None]) -> None:
        self.told = hear

    def record(self) -> Progress:
        return Progress(lab=self.lab.name, steps=dict(self.steps))

    def check(self, step: str) -> None:
        self.asked.append(f"check {step}")

    def run(self, step: Step, tell: Callable[[str | None], None]) -> Any:
        self.asked.append(f"run {step.name}")
        self.lines = tell
        return FakeRunning(step)

    def hint(self, step: str) -> Hint:
        if step == "pin":
            raise UsageError("Step pin has no hints.", "Go on.")
        self.hints.append(Hint(f"Hint for [b]{step}[/b].", len(self.hints) + 1, 2))
        return self.hints[-1]

    def earlier_hints(self, _step: str) -> list[Hint]:
        return self.hints

    def tree(self) -> Tree | None:
        return self.shown

    def labs(self) -> list[tuple[str, Text]]:
        return [("90-tiny", Text("90 Tiny")), ("91-other", Text("91 Other"))]

    def shell(self) -> str:
        self.asked.append("shell")
        return ""

    def edit(self, step: Step) -> str:
        self.asked.append(f"edit {step.name}")
        return "Edited."

    def hand_in(self) -> list[str]:
        return ["ada.zip has 3 files in it:"]


@pytest.fixture
def practice(tiny: TinyLab) -> FakePractice:
    return FakePractice(Catalog(tiny.root).lab("90"))


@pytest.fixture
def home(practice: FakePractice) -> Home:
    return Home(practice)  # type: ignore[arg-type]


def seen(home: Home, name: str) -> str:
    """What a part of the screen says."""
    shown = home.query_one(f"#{name}", Static).content
    return shown.plain if isinstance(shown, Text) else str(shown)


@pytest.mark.asyncio
@pytest.mark.parametrize("size", SIZES)
async def test_a_push_turns_the_step_green_by_itself(
    home: Home, practice: FakePractice, size: tuple[int, int]
) -> None:
    async with home.run_test(size=size) as pilot:
        await pilot.pause()
        assert "0 of 3 steps, 0/10 points" in seen(home, "heading")
        assert "· not begun" in seen(home, "about")
        practice.steps["push"] = StepProgress(standing=Standing.PASSED, outcome=Outcome.PASS, points=5)
        home.hear(Heard("checked", why="push shop:1.0", steps=("push",), seconds=0.05))
        await pilot.pause()
        assert "1 of 3 steps, 5/10 points" in seen(home, "heading")
        assert "✓ passed" in seen(home, "about")
        assert "push shop:1.0" in seen(home, "says")
        await pilot.press("n")
        assert home.query_one("#steps", OptionList).highlighted == 1
        await home.workers.wait_for_complete()
        assert "repository shop" in seen(home, "tree")


@pytest.mark.asyncio
async def test_a_finding_is_shown_as_it_is_and_is_no_markup(home: Home, practice: FakePractice) -> None:
    practice.steps["push"] = StepProgress(standing=Standing.TRIED, outcome=Outcome.FAIL, findings=(WRONG,))
    async with home.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        assert "The registry holds [red]an image[/red]." in seen(home, "about")
        assert "\x1b" not in seen(home, "about")
        await pilot.press("h")
        assert "Hint for [b]push[/b]." in seen(home, "about")


@pytest.mark.asyncio
async def test_an_answer_streams_its_output_and_a_file_is_only_checked(
    home: Home, practice: FakePractice
) -> None:
    async with home.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        await pilot.press("r")
        assert "Running push: 0 s, the limit is 60 s" in seen(home, "says")
        home._ran("Step 1/3 : FROM \x1b[1mbusybox")
        assert "Step 1/3 : FROM busybox" in seen(home, "about")
        await pilot.press("r")
        assert "still running" in seen(home, "says")
        practice.steps["push"] = StepProgress(standing=Standing.TRIED, findings=(WRONG,))
        home._ran(None)
        assert "push: tried" in seen(home, "says")
        assert "Push it." in seen(home, "about")
        await pilot.press("down", "down", "r")
    assert practice.asked == ["run push", "check note"]


@pytest.mark.asyncio
async def test_each_key_does_what_the_bottom_line_says(
    home: Home, practice: FakePractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    import contextlib

    monkeypatch.setattr(home, "suspend", contextlib.nullcontext)
    async with home.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        await pilot.press("t")
        assert isinstance(home.screen, Reading)
        await pilot.press("escape", "u")
        assert isinstance(home.screen, Reading)
        await pilot.press("escape", "question_mark")
        assert isinstance(home.screen, Reading)
        await pilot.press("escape", "s", "e", "j", "h")
        assert "Step pin has no hints. Go on." in seen(home, "says")
        await pilot.press("k")
        assert home.query_one("#steps", OptionList).highlighted == 0
        await pilot.press("d")
        assert home.theme == "textual-light"
        await pilot.press("q")
    assert practice.asked == ["shell", "edit push"]
    assert home.return_value == ""


@pytest.mark.asyncio
async def test_another_lab_is_where_one_goes(home: Home) -> None:
    async with home.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        await pilot.press("l")
        assert isinstance(home.screen, Labs)
        await pilot.press("down", "enter")
        await pilot.pause()
    assert home.return_value == "91-other"


@pytest.mark.asyncio
async def test_the_end_of_the_registry_is_said(home: Home) -> None:
    async with home.run_test(size=SIZES[0]) as pilot:
        home.hear(Heard("fault", message="The registry at 127.0.0.1:5000 stopped."))
        await pilot.pause()
        assert "Not watching any more: The registry at 127.0.0.1:5000 stopped." in seen(home, "says")


@pytest.mark.asyncio
async def test_without_colour_signs_and_words_remain(
    practice: FakePractice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    practice.steps["push"] = StepProgress(standing=Standing.PASSED, points=5)
    home = Home(practice)  # type: ignore[arg-type]
    async with home.run_test(size=SIZES[0]) as pilot:
        await pilot.pause()
        await pilot.press("k")
        assert "✓ passed" in seen(home, "about")
        colours = {
            segment.style.color.name
            for line in home.screen._compositor.render_strips()
            for segment in line
            if segment.style and segment.style.color
        }
        assert all(name.startswith("#") and name[1:3] == name[3:5] == name[5:7] for name in colours), colours


def test_an_error_is_never_the_learners(tiny: TinyLab) -> None:
    step = Catalog(tiny.root).lab("90").steps[0]
    known = StepProgress(outcome=Outcome.ERROR, reason="The engine is gone.")

    text = look.detail(step, known, []).plain

    assert "! error" in text
    assert "The engine is gone.\nThis is not your answer's fault and costs no points." in text


def test_a_registry_that_cannot_be_asked_says_why(tmp_path: Path) -> None:
    assert look.picture(None, "Lab x has no registry.").plain == "Lab x has no registry."
    many = Tree("127.0.0.1:5000", (DrawnRepository("a/\x1b[31mb", ()),))
    assert "\x1b" not in look.picture(many).plain


def test_the_record_of_a_step_that_nobody_knows_is_no_trouble(tiny: TinyLab) -> None:
    lab = Catalog(tiny.root).lab("90")
    record = msgspec.structs.replace(Progress(), steps={"gone": StepProgress(standing=Standing.PASSED)})

    assert "Lab 90 Tiny" in look.heading(lab, record).plain
