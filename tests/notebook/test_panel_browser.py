"""The panel beside the notebook in the real JupyterLab: it follows what happens without anything done in the page.

Drives the real server in headless Chromium. Leaves its screenshots in `build/screenshots/`.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe import serious
from browsing import chromium
from playwright.sync_api import Locator, Page, expect
from serving import Server, serving
from test_browser import CELL_LIMIT, LAB, cell, run, shoot

from checker.practice.session import Session

RELEASE = "Release a version under four tags"
PANEL = ".rlp"
pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    opened = Session.open(LAB)
    opened = Session.open(LAB, workspace=tmp_path / "work" / opened.lab.name)
    try:
        opened.start(print)
        yield opened
    finally:
        opened.stop(print)


@pytest.fixture
def server(session: Session, tmp_path: Path) -> Iterator[Server]:
    with serving(LAB, session.workspace.path.parent, tmp_path / "cache") as served:
        yield served


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        yield browser.new_page(viewport={"width": 1200, "height": 1000})


def outside(session: Session, script: str) -> None:
    """Do something to the registry from a terminal, as it were."""
    subprocess.run(
        ["bash", "-ec", script],
        env=session.environment(),
        cwd=session.workspace.path,
        check=True,
        capture_output=True,
    )


def solved(session: Session, step: str) -> None:
    """Do a step from a terminal: the engine and the registry hold what it asks for, the notebook knows nothing."""
    outside(session, (session.lab.folder / f"solution/steps/{step}.sh").read_text(encoding="utf-8"))


def row(panel: Locator, title: str) -> Locator:
    """A step's button in the panel's list."""
    return panel.get_by_role("list", name="Steps").get_by_role("button", name=title)


def opened(page: Page, server: Server) -> Locator:
    """The panel after the notebook's first cell was run."""
    page.goto(server.url)
    expect(page.locator(".jp-Notebook h1")).to_have_text("Names and tags¶", timeout=CELL_LIMIT)
    started = run(page, cell(page, "%lab start 01"))
    expect(started.locator(".rl-card")).to_contain_text("is ready", timeout=CELL_LIMIT)
    panel = page.locator(PANEL)
    expect(panel).to_be_visible(timeout=CELL_LIMIT)
    return panel


def test_it_follows_what_happens_outside_and_helps_on(server: Server, session: Session, page: Page) -> None:
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    panel = opened(page, server)
    expect(panel.get_by_role("progressbar")).to_have_attribute(
        "aria-valuetext", "0 of 8 steps passed, 0 of 100 points"
    )
    expect(panel.get_by_alt_text("nothing has been pushed yet")).to_be_visible(timeout=CELL_LIMIT)
    expect(row(panel, RELEASE)).to_contain_text("not begun")
    shoot(page, "panel-before-push")

    row(panel, RELEASE).click()
    expect(row(panel, RELEASE)).to_have_attribute("aria-current", "step")
    panel.get_by_role("button", name="Next hint (1 of 3)").click()
    expect(panel.locator(".rlp-hints li")).to_have_count(1)
    assert session.progress().step("release").hints == 1
    panel.get_by_role("button", name="Show its section").click()
    expect(page.locator(".jp-Notebook h2", has_text="release")).to_be_in_viewport()

    # Nothing is done in the page from here on.
    solved(session, "build")
    solved(session, "release")
    expect(row(panel, RELEASE)).to_contain_text("passed", timeout=CELL_LIMIT)
    expect(row(panel, RELEASE)).to_have_attribute("data-standing", "passed")
    version = session.values()["VERSION"]
    expect(
        panel.get_by_alt_text(f"latest, {version}").or_(panel.get_by_alt_text(f"{version}"))
    ).to_be_visible()
    expect(panel.get_by_role("status").first).to_contain_text("passed")
    expect(panel.get_by_role("progressbar")).not_to_have_attribute("aria-valuenow", "0")
    shoot(page, "panel-after-push")

    first = row(panel, "Write the full form of short names")
    session.write_answer("references", "echo nothing > references.txt")
    session.run("references", lambda _output: None)
    session.check("references", ran=["references"])
    expect(first).to_contain_text("tried", timeout=CELL_LIMIT)
    first.click()
    expect(panel.locator("dd[data-part=Seen]").first).to_be_visible()
    shoot(page, "panel-finding")

    panel.get_by_role("button", name="Make the archive").click()
    expect(panel.locator(".rlp-handed")).to_contain_text("files in it", timeout=CELL_LIMIT)
    assert list(session.workspace.path.parent.glob("*.zip"))
    panel.locator(".rlp-handed").scroll_into_view_if_needed()
    shoot(page, "panel-handed-in")
    assert not wrong


def test_started_twice_it_is_there_once_and_stopped_it_is_gone(server: Server, page: Page) -> None:
    panel = opened(page, server)
    again = run(page, cell(page, "%lab start 01"))
    expect(again.locator(".rl-card")).to_contain_text("is ready", timeout=CELL_LIMIT)
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(1)
    expect(panel).to_have_count(1)

    icon = page.locator(".lm-TabBar-tab", has_text="Lab 01").locator(".lm-TabBar-tabCloseIcon").bounding_box()
    assert icon
    page.mouse.click(icon["x"] + icon["width"] / 2, icon["y"] + icon["height"] / 2)
    expect(panel).to_have_count(0)
    run(page, cell(page, "%lab start 01"))
    expect(panel).to_have_count(1, timeout=CELL_LIMIT)

    run(page, cell(page, "%values"), "%lab stop")
    expect(page.locator(".rl-card", has_text="The lab is stopped")).to_be_visible(timeout=CELL_LIMIT)
    expect(panel).to_have_count(0)
    expect(page.locator(".jupyterlab-sidecar")).to_have_count(0)


def test_a_watcher_that_dies_is_told_of_and_started_again(
    server: Server, session: Session, page: Page
) -> None:
    panel = opened(page, server)
    check = panel.get_by_role("button", name="Check now")
    expect(check).to_have_attribute("aria-disabled", "false", timeout=CELL_LIMIT)
    for process in watchers(session):
        os.kill(process, signal.SIGKILL)
    again = panel.get_by_role("button", name="Watch again")
    expect(again).to_be_visible(timeout=CELL_LIMIT)
    expect(panel.get_by_text("Changes are not seen any more.")).to_be_visible()
    again.click()
    expect(check).to_have_attribute("aria-disabled", "false", timeout=CELL_LIMIT)
    expect(again).to_be_hidden()


def test_the_keyboard_alone_will_do(server: Server, session: Session, page: Page) -> None:
    panel = opened(page, server)
    first = panel.get_by_role("list", name="Steps").get_by_role("button").first
    expect(panel.get_by_alt_text("nothing has been pushed yet")).to_be_visible(timeout=CELL_LIMIT)
    first.focus()
    reached = []
    for _ in range(60):
        reached.append(page.evaluate("document.activeElement.textContent"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", reached[-1]
        page.keyboard.press("Tab")
        if not page.evaluate("!!document.activeElement.closest('.rlp')"):
            break
    assert len(reached) == panel.locator("button:visible, summary:visible").count()

    hint = panel.get_by_role("button", name="Next hint")
    hint.focus()
    page.keyboard.press("Enter")
    expect(panel.locator(".rlp-hints li")).to_have_count(1)
    for number in (2, 3):
        page.keyboard.press("Enter")
        expect(panel.locator(".rlp-hints li")).to_have_count(number)
    expect(panel.get_by_role("button", name="No more hints")).to_be_focused()
    solved(session, "references")
    panel.get_by_role("button", name="Check now").focus()
    page.keyboard.press("Enter")
    expect(first).to_contain_text("passed", timeout=CELL_LIMIT)
    expect(panel.get_by_role("button", name="Check now")).to_be_focused()


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing_serious_at_800_pixels(
    server: Server, session: Session, page: Page, theme: str
) -> None:
    page.set_viewport_size({"width": 800, "height": 900})
    panel = opened(page, server)
    page.evaluate(THEME, f"JupyterLab {theme}")
    page.reload()  # the panel comes back with it
    light = "true" if theme == "Light" else "false"
    expect(page.locator(f"body[data-jp-theme-light={light}]")).to_have_count(1, timeout=CELL_LIMIT)
    expect(panel).to_be_visible(timeout=CELL_LIMIT)
    solved(session, "build")
    solved(session, "release")
    session.write_answer("references", "echo nothing > references.txt")
    session.run("references", lambda _output: None)
    session.check("references", ran=["references"])
    expect(row(panel, RELEASE)).to_contain_text("passed", timeout=CELL_LIMIT)
    expect(panel.locator("dd[data-part=Seen]").first).to_be_visible(timeout=CELL_LIMIT)
    assert serious(page, PANEL) == []
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth")
    notebook = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").bounding_box()
    assert notebook
    assert notebook["width"] > 400, "the files on the left take the notebook's room"
    shoot(page, f"panel-800-{theme.lower()}")
    page.set_viewport_size({"width": 1280, "height": 900})
    shoot(page, f"panel-1280-{theme.lower()}")


THEME = """theme => fetch("/lab/api/settings/@jupyterlab/apputils-extension:themes", {
  method: "PUT",
  headers: {"X-XSRFToken": document.cookie.match(/_xsrf=([^;]+)/)?.[1] ?? "", "Content-Type": "application/json"},
  body: JSON.stringify({raw: JSON.stringify({theme})}),
}).then(answer => { if (!answer.ok) throw new Error(answer.status); })"""


def watchers(session: Session) -> list[int]:
    """The processes that watch this practice for a panel (Linux)."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().decode("utf-8", "replace").split("\0")
        except OSError:  # it has ended since
            continue
        if "watch" in words and str(session.workspace.path) in words:
            found.append(int(file.parent.name))
    return found
