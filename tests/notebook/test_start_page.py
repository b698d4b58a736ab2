"""From the start page into a lab and on: what a learner sees in JupyterLab, at two widths, light and dark."""

from collections.abc import Iterator

import pytest
from axe import serious
from browsing import chromium
from playwright.sync_api import Page, expect
from serving import Server, serving
from test_browser import CELL_LIMIT, cell, run, shoot

from checker.lab import progress
from checker.lab.catalog import Catalog
from checker.practice.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    lab = Catalog().labs()[0]
    opened = Session.open(lab.name, workspace=tmp_path_factory.mktemp("Übung zwei") / lab.name)
    try:
        opened.start(print)
        yield opened
    finally:
        opened.stop(print)


@pytest.fixture(scope="module")
def server(session: Session, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving("", session.workspace.path.parent, tmp_path_factory.mktemp("cache")) as served:
        yield served


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1200, "height": 900})


def test_a_card_for_each_lab_says_how_far_one_is_and_opens_it(
    server: Server, session: Session, page: Page
) -> None:
    page.goto(server.url)
    cards = page.locator(".rl-lab")
    expect(cards).to_have_count(len(Catalog().labs()), timeout=CELL_LIMIT)
    expect(cards.first).to_contain_text("not begun")
    expect(cards.first).to_contain_text("0 of 100 points")
    shoot(page, "start-page")
    assert serious(page, ".rl-home") == []
    page.set_viewport_size({"width": 800, "height": 900})
    page.wait_for_timeout(300)  # the layout follows the window in an animation frame or two
    shoot(page, "start-page-800")
    assert page.locator(".rl-home").evaluate("home => home.scrollWidth <= home.clientWidth")

    progress.note_hint(session.lab, session.workspace, "build", 1)
    page.set_viewport_size({"width": 1200, "height": 900})
    cards.first.click()
    expect(page.locator(".jp-Notebook h1", has_text=session.lab.title)).to_be_visible(timeout=CELL_LIMIT)


def test_cells_tell_where_one_is_and_lead_on(server: Server, session: Session, page: Page) -> None:
    page.goto(server.url.replace("00-start", session.lab.notebook.stem))
    first = cell(page, "%lab start")
    expect(run(page, first).locator(".rl-card")).to_contain_text("is ready", timeout=CELL_LIMIT)
    again = run(page, first)
    expect(again.locator(".rl-card")).to_contain_text("is ready", timeout=CELL_LIMIT)
    assert "already loaded" not in again.inner_text()
    assert page.locator(".cm-line .ͼe, .cm-line span").count() > 0, "cells are coloured"

    step = session.lab.steps[0]
    answer = (session.lab.folder / "solution" / step.answer_path).read_text(encoding="utf-8")
    passed = run(page, cell(page, f"%%step {step.name}"), f"%%step {step.name}\n{answer}")
    card = passed.locator(".rl-card.rl-pass")
    expect(card).to_contain_text("1 of 8 steps, 10 of 100 points; next: build", timeout=CELL_LIMIT)
    card.locator("summary").click()
    expect(card.locator("pre")).to_be_visible()
    card.scroll_into_view_if_needed()
    shoot(page, "card-pass")
    assert serious(page, ".rl-card") == []
    card.get_by_role("link", name="build").click()
    heading = page.locator("h2", has_text="Step 2,").first
    expect(heading).to_be_in_viewport(timeout=CELL_LIMIT)

    slow = "%%step build\nfor n in 1 2 3 4 5 6; do echo line $n; sleep 0.5; done\n"
    running = run(page, cell(page, "%%step build"), slow)
    limit = f"the limit is {session.lab.steps[1].time_limit:.0f} s"
    running.get_by_text(limit).wait_for(timeout=CELL_LIMIT)  # looks at every frame
    expect(running.locator(".rl-card.rl-fail")).to_be_visible(timeout=CELL_LIMIT)
    shoot(page, "card-fail")

    page.set_viewport_size({"width": 800, "height": 900})
    page.keyboard.press("Escape")
    page.keyboard.press("Control+b")  # the files go: with them and the panel there would be 110 px
    expect(page.locator("#jp-left-stack")).to_be_hidden()
    table = run(page, cell(page, "%check")).locator(".rl-card table")
    expect(table).to_contain_text("not begun", timeout=CELL_LIMIT)
    expect(table.locator("tbody th").first).to_have_text(step.name)
    table.scroll_into_view_if_needed()
    shoot(page, "check-800")
    widths = table.evaluate("table => [table.scrollWidth, table.closest('.rl-card').clientWidth]")
    assert widths[0] <= widths[1], widths
    assert page.locator(".rl-card .rl-outcome.rl-untouched").count() >= 5
    handed = run(page, cell(page, "%submit"))
    expect(handed.locator(".rl-card")).to_contain_text("The archive to hand in is ready.", timeout=CELL_LIMIT)
