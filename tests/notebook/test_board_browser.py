"""The live board in an instructor's browser, with thirty learners who are at work."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import serious
from browsing import chromium
from playwright.sync_api import Page, expect

from checker.base.model import Lab
from checker.lab.catalog import Catalog
from tests.boards import Served, people, serving

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build/screenshots"
LIMIT = 15_000
pytestmark = pytest.mark.browser


@pytest.fixture
def lab() -> Lab:
    return Catalog().labs()[0]


@pytest.fixture
def board(lab: Lab, tmp_path: Path) -> Iterator[Served]:
    """Thirty learners: most on their way, some stuck on one finding, two who ask for help, three not here yet."""
    chance = random.Random(7)
    with serving(tmp_path / "board.db", Catalog().labs(), people(30)) as served:
        for number in range(27):
            done = chance.randint(0, len(lab.steps))
            steps = []
            for place, step in enumerate(lab.steps):
                how = "passed" if place < done else "tried" if place == done else "not begun"
                finding = (
                    chance.choice(("version-tag-missing", "not-pushed", "wrong-digest"))
                    if how == "tried"
                    else ""
                )
                same = chance.choice((1, 2, 4)) if finding else 0
                hints = chance.choice((0, 0, 1)) if how == "tried" else 0
                steps.append(
                    {"step": step.name, "standing": how, "finding": finding, "same": same, "hints": hints}
                )
            message = {"lab": lab.name, "steps": steps, "help": number in (4, 11)}
            assert served.post(f"{4000 + number}", message) == 204
        yield served


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1280, "height": 1000})


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def test_an_instructor_sees_who_is_where_and_hears_of_it_at_once(board: Served, page: Page, lab: Lab) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(board.opening)
    expect(page.locator("#state")).to_have_text("Live.", timeout=LIMIT)
    expect(page.locator("#rows tr")).to_have_count(30)
    expect(page.locator("#hands li")).to_have_count(2)
    assert "key=" not in page.url
    shoot(page, "board-30")
    assert serious(page) == []

    newcomer = board.store.rows()[28]
    state = {"step": lab.steps[0].name, "standing": "tried", "finding": "not-pushed", "same": 3}
    board.post(newcomer.identifier, {"lab": lab.name, "steps": [state], "help": True})
    expect(page.locator("#hands li")).to_have_count(3, timeout=LIMIT)
    row = page.locator(f"tr[data-learner='{newcomer.identifier}']")
    expect(row).to_contain_text("same finding 3 times")

    page.get_by_role("button", name=f"Answered: {newcomer.name}").press("Enter")
    expect(page.locator("#hands li")).to_have_count(2, timeout=LIMIT)

    page.locator("#sort").select_option("stuck")
    expect(page.locator("#rows tr").first).to_contain_text("asks for help")
    page.locator("#find").fill(newcomer.identifier)
    expect(page.locator("#rows tr")).to_have_count(1)
    page.locator("#find").fill("")
    page.locator("#only").check()
    assert page.locator("#rows tr").count() < 30
    page.locator("#only").uncheck()
    assert errors == []


@pytest.mark.parametrize(("name", "scheme", "width"), [("dark", "dark", 1280), ("800", "light", 800)])
def test_it_can_be_read_in_the_dark_and_on_a_small_screen(
    board: Served, page: Page, name: str, scheme: str, width: int
) -> None:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 1000})
    page.goto(board.opening)
    expect(page.locator("#rows tr")).to_have_count(30, timeout=LIMIT)

    shoot(page, f"board-{name}")
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_names_are_text_and_never_markup(page: Page, lab: Lab, tmp_path: Path) -> None:
    from checker.base.results import Person

    hostile = "<img src=x onerror=alert(1)>"
    with serving(tmp_path / "hostile.db", [lab], [Person(identifier="1", name=hostile)]) as served:
        page.goto(served.opening)
        expect(page.locator("#rows th")).to_have_text(hostile, timeout=LIMIT)
        assert page.locator("img").count() == 0


def test_a_board_that_ends_is_said_and_comes_back(lab: Lab, page: Page, tmp_path: Path) -> None:
    with serving(tmp_path / "board.db", [lab], people(2)) as served:
        page.goto(served.opening)
        expect(page.locator("#state")).to_have_text("Live.", timeout=LIMIT)
    expect(page.locator("#state")).to_contain_text("does not answer", timeout=LIMIT)
