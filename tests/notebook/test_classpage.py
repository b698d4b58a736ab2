"""The page of a class in headless Chromium: light, dark, narrow, on paper. Screenshots go to `build/screenshots/`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

from checker.grades import grade
from checker.model import AnswerRun, Finding, LabReport, Outcome, Person, Report, StepReport, Versions
from checker.report.classpage import to_html

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build/screenshots"
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)><a href="javascript:alert(3)">x</a>'
pytestmark = pytest.mark.browser


def a_class(learners: int, steps: int) -> Report:
    """A class in which every third step fails, and everything quoted would like to be a script."""

    def step(who: int, number: int) -> StepReport:
        failed = (who + number) % 3 == 0
        found = Finding(code=f"finding-{number}", expected=EVIL, observed=EVIL, action=EVIL)
        return StepReport(
            step=f"step-{number}",
            title=f"Step {number} {EVIL if number == 1 else ''}",
            outcome=Outcome.FAIL if failed else Outcome.PASS,
            points=0 if failed else 10,
            max_points=10,
            findings=(found,) if failed else (),
            seconds=0.5,
            answer=AnswerRun(exit_code=0, seconds=1.0 + number, output=f"{EVIL}\n" * 5),
        )

    results = tuple(
        LabReport(
            lab="01-names-and-tags",
            title="Names and tags",
            path=f"submissions/{who}",
            steps=tuple(step(who, number) for number in range(steps)),
            versions=Versions(),
            person=Person(identifier=f"p{who}", name=f"Learner {who} {EVIL if who == 7 else ''}"),
        )
        for who in range(learners)
    )
    return Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=results)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    assert chromium, "this test drives Chromium; `make test` installs it, or: apt-get install chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield started
        finally:
            started.close()


@pytest.fixture
def trouble() -> list[str]:
    """What a page did that it should not: spoke to the console, asked for something, opened a dialog."""
    return []


@pytest.fixture
def page(browser: Browser, tmp_path: Path, trouble: list[str]) -> Iterator[Page]:
    file = tmp_path / "class.html"
    file.write_text(to_html(grade(a_class(40, 8))), encoding="utf-8")
    opened = browser.new_page(viewport={"width": 1400, "height": 1600})

    def dialog(shown: Dialog) -> None:
        trouble.append(shown.message)
        shown.dismiss()

    opened.on("console", lambda message: trouble.append(message.text))
    opened.on("pageerror", lambda error: trouble.append(str(error)))
    opened.on("dialog", dialog)
    opened.on("request", lambda asked: None if asked.url == file.as_uri() else trouble.append(asked.url))
    opened.goto(file.as_uri())
    yield opened
    opened.close()


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_it_follows_the_readers_theme_and_asks_for_nothing(page: Page, trouble: list[str]) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    seen = set()
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"class-{theme}.png")
        seen.add(background(page))

    assert len(seen) == 2
    assert trouble == []


def test_no_page_is_wider_than_its_window(page: Page) -> None:
    for width in (1400, 900, 420):
        page.set_viewport_size({"width": width, "height": 1000})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.screenshot(path=SCREENSHOTS / "class-narrow.png")


def test_a_cell_leads_to_the_learners_step(page: Page, trouble: list[str]) -> None:
    page.locator(".heat tbody tr").nth(8).locator("td.fail a").first.click()

    there = page.locator(":target")
    assert "fail" in there.inner_text()
    assert there.evaluate("item => item.getBoundingClientRect().top < innerHeight")
    assert trouble == []


def test_on_paper_everything_is_open_and_light(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")

    assert background(page) == "rgb(255, 255, 255)"
    assert page.locator("nav").is_hidden()
    page.screenshot(path=SCREENSHOTS / "class-print.png")
    printed = page.locator("details pre").first
    assert printed.evaluate("item => item.getBoundingClientRect().height") > 0
