"""The page of a class in headless Chromium: light, dark, narrow, on paper. Screenshots go to `build/screenshots/`."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import serious
from browsing import chromium
from playwright.sync_api import Browser, Dialog, Page, expect

from checker.base.results import (
    AnswerRun,
    Finding,
    LabReport,
    Missing,
    Outcome,
    Person,
    Report,
    StepReport,
    Versions,
)
from checker.lab.catalog import Catalog
from checker.report.classpage import to_html
from checker.report.grades import grade
from tests.boards import people

SCREENSHOTS = Path(__file__).resolve().parents[2] / "build/screenshots"
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
    with chromium() as started:
        yield started


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


def test_it_can_be_sorted_by_any_column_and_filtered(page: Page, trouble: list[str]) -> None:
    rows = page.locator(".heat tbody tr")
    first = rows.first.inner_text()

    page.get_by_role("button", name="Points", exact=True).click()
    cells = page.locator(".heat tbody td.number:not(.percent)").all()
    points = [float(cell.get_attribute("data-sort") or 0) for cell in cells]
    assert points == sorted(points, reverse=True)
    assert page.locator("th[aria-sort=descending]").inner_text() == "Points"
    assert page.locator("section.learner").first.get_attribute("id") == rows.first.get_attribute("data-row")
    page.get_by_role("button", name="Learner", exact=True).press("Enter")
    assert rows.first.inner_text() == first

    page.locator("#find").fill("learner 12")
    expect(page.locator("#count")).to_have_text("1 of 40 learners")
    assert page.locator("section.learner:visible").count() == 1
    page.screenshot(path=SCREENSHOTS / "class-filtered.png")
    page.locator("#find").fill("")
    page.locator("#show").select_option("all")
    expect(page.locator("#count")).to_have_text("0 of 40 learners")
    page.locator("#show").select_option("open")
    expect(page.locator("#count")).to_have_text("40 of 40 learners")
    page.locator("#collapse").click()
    assert page.locator("section.learner ol.steps").first.is_hidden()
    page.locator(".heat tbody tr").nth(3).locator("td a").first.click()
    assert page.locator(":target").is_visible()
    assert trouble == []


def test_what_is_written_is_saved_as_a_file_and_can_be_loaded_again(
    page: Page, trouble: list[str], tmp_path: Path
) -> None:
    learner = page.locator("section.learner[data-learner=p3]")
    step = learner.locator("[data-step=step-2]")
    learner.locator(".by-hand > label > [data-mark=comment]").first.fill("Good work.")
    step.locator("[data-mark=points]").fill("4,5")
    step.locator("[data-mark=comment]").fill(f"See {EVIL}")
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "marks.json")
    form = json.loads((tmp_path / "marks.json").read_text())
    step_form = {"points": "4,5", "comment": f"See {EVIL}"}
    assert form["learners"] == {
        "p3": {"comment": "Good work.", "labs": {"01-names-and-tags": {"step-2": step_form}}}
    }
    page.screenshot(path=SCREENSHOTS / "class-commented.png")

    page.reload()
    assert step.locator("[data-mark=points]").input_value() == ""
    page.locator("#load").set_input_files(tmp_path / "marks.json")
    expect(page.locator("#saved")).to_have_text("Loaded.")
    assert step.locator("[data-mark=points]").input_value() == "4,5"
    step.locator("[data-mark=points]").fill("many")
    page.locator("#save").click()
    assert step.locator("[data-mark=points]").evaluate("field => !field.checkValidity()")
    (tmp_path / "other.json").write_text("{}")
    page.locator("#load").set_input_files(tmp_path / "other.json")
    expect(page.locator("#saved")).to_contain_text("Not loaded")
    assert [said for said in trouble if not said.startswith("blob:")] == []


def test_nothing_on_it_is_a_barrier(page: Page) -> None:
    for theme, width in (("light", 1400), ("dark", 1400), ("light", 800)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 1000})
        assert serious(page) == []
    page.screenshot(path=SCREENSHOTS / "class-800.png")


def believable(learners: int = 30) -> Report:
    """A class as it may be: the first lab's real steps, people who got to different places, one who is missing."""
    chance = random.Random(11)
    lab = Catalog().labs()[0]
    codes = ("version-tag-missing", "reference-wrong", "digest-differs", "label-missing")
    results = []
    class_ = people(learners)
    for person in class_[:-1]:
        done = chance.choice((2, 4, 5, 6, 7, 8, 8, 8))
        steps = []
        for number, step in enumerate(lab.steps):
            passed, begun = number < done, number <= done
            code = chance.choice(codes)
            found = Finding(
                code=code,
                expected=f"The tag `1.4` in the repository of `{step.name}`.",
                observed="The repository has the tags `1.4.2` and `latest`.",
                action="Tag the same image as `1.4` as well, and push that tag.",
            )
            steps.append(
                StepReport(
                    step=step.name,
                    title=step.title,
                    outcome=Outcome.PASS if passed else Outcome.FAIL,
                    points=step.points if passed else 0,
                    max_points=step.points,
                    findings=() if passed else (found,),
                    begun=begun,
                    seconds=0.2,
                    answer=AnswerRun(exit_code=0, seconds=chance.uniform(0.4, 3), output="")
                    if begun
                    else None,
                )
            )
        results.append(
            LabReport(
                lab=lab.name,
                title=lab.title,
                path=f"submissions/{person.identifier}",
                steps=tuple(steps),
                versions=Versions(lab=lab.version),
                person=person,
                late=chance.random() < 0.1,
            )
        )
    missing = (Missing(person=class_[-1], labs=(lab.name,)),)
    return Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=tuple(results), missing=missing)


def test_a_class_of_thirty_is_seen_at_a_glance(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "class.html"
    file.write_text(to_html(grade(believable())), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(file.as_uri())

    assert page.locator(".heat td.untouched").count() > 10
    assert page.locator(".heat td.untouched .vh").first.inner_text() == "not begun"
    page.locator("#show").select_option("missing")
    expect(page.locator("#count")).to_have_text("1 of 30 learners")
    page.locator("#show").select_option("")
    assert serious(page) == []
    page.screenshot(path=SCREENSHOTS / "class-30.png")
    page.close()
