"""A learner in JupyterLab: opens the notebook, gets a step wrong, reads the card, gets it right.

Drives the real server in headless Chromium. Leaves its screenshots in `build/screenshots/`.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from browsing import chromium
from playwright.sync_api import Locator, Page, Request, expect
from serving import Server, serving

from checker.practice.session import Session

LAB = "01"
STEP = "references"
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build/screenshots"
CELL_LIMIT = 60_000
"""Milliseconds, as playwright counts."""
pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A running practice in a folder whose name has a space and no plain ASCII."""
    workspaces = tmp_path / "Übung eins"
    opened = Session.open(LAB)
    opened = Session.open(LAB, workspace=workspaces / opened.lab.name)
    try:
        opened.start(print)
        yield opened
    finally:
        opened.stop(print)


@pytest.fixture
def server(session: Session, tmp_path: Path) -> Iterator[Server]:
    """JupyterLab as a learner gets it, with its folders in a cache of its own."""
    with serving(LAB, session.workspace.path.parent, tmp_path / "cache") as served:
        yield served


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1200, "height": 1000})


def cell(page: Page, first_line: str) -> Locator:
    """The code cell that begins so, scrolled to: JupyterLab only draws what is near the window."""
    found = page.locator(".jp-CodeCell").filter(has=page.locator(".cm-line", has_text=first_line)).first
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer").first.hover()
    deadline = time.monotonic() + 30
    while not found.is_visible():
        assert time.monotonic() < deadline, f"no cell begins with {first_line}"
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(50)  # a frame or two for JupyterLab to draw
    found.scroll_into_view_if_needed()
    return found


def run(page: Page, where: Locator, source: str | None = None) -> Locator:
    """Run a cell, with another text if there is one; returns its output."""
    where.locator(".cm-content").click()
    if source is not None:
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(source)
    page.keyboard.press("Control+Enter")
    return where.locator(".jp-OutputArea")


def test_a_step_done_wrong_then_right(server: Server, session: Session, page: Page) -> None:
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))
    page.goto(server.url)
    expect(page.locator(".jp-Notebook h1")).to_have_text("Names and tags¶", timeout=CELL_LIMIT)

    started = run(page, cell(page, "%reload_ext checker.notebook"))
    expect(started.locator(".rl-card")).to_contain_text("is ready", timeout=CELL_LIMIT)
    run(page, cell(page, "docker manifest inspect"))
    picture = run(page, cell(page, "%picture"))
    drawing = picture.get_by_alt_text("evening, morning ->")
    expect(drawing).to_be_visible(timeout=CELL_LIMIT)
    assert drawing.evaluate("image => image.naturalWidth") > 0, "the SVG cannot be drawn"
    picture.scroll_into_view_if_needed()
    shoot(page, "picture")

    step = cell(page, f"%%step {STEP}")
    wrong = run(page, step, f'%%step {STEP}\necho "$APP -> $APP" > references.txt\n')
    expect(wrong.locator(".rl-card.rl-fail")).to_be_visible(timeout=CELL_LIMIT)
    expect(wrong.locator(".rl-next")).to_be_visible()
    shoot(page, "step-failed")

    answer = (session.lab.folder / f"solution/steps/{STEP}.sh").read_text(encoding="utf-8")
    right = run(page, step, f"%%step {STEP}\n{answer}")
    expect(right.locator(".rl-card.rl-pass")).to_be_visible(timeout=CELL_LIMIT)
    expect(right.locator(".rl-card.rl-fail")).to_have_count(0)
    right.scroll_into_view_if_needed()
    page.mouse.wheel(0, 300)
    expect(page.get_by_text("Jupyter news")).to_have_count(0)
    shoot(page, "step-passed")

    assert (
        session.workspace.answer(session.lab.steps[0]).read_text(encoding="utf-8").strip() == answer.strip()
    )
    assert {urlsplit(request.url).hostname for request in asked if request.url.startswith("http")} == {
        "127.0.0.1"
    }


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
