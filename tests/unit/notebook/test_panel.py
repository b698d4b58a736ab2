"""What the panel beside a notebook shows, without a page."""

import json

import pytest

from checker.base.model import Lab
from checker.base.results import Finding, Outcome
from checker.lab.catalog import Catalog
from checker.lab.progress import Progress, Standing, StepProgress
from checker.notebook.panel import model
from checker.notebook.panel.model import Live
from tests.helpers import TinyLab

WRONG = Finding(
    code="not-pushed", expected="<b>An image.</b>", observed="\x1b[31mNone\x1b[0m.", action="Push it."
)


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


def shown(lab: Lab, record: Progress, live: Live = Live()) -> dict[str, object]:  # noqa: B008 -- frozen
    return model.shown(lab, record, {"TOKEN": "abc", "REGISTRY": "127.0.0.1:5000"}, {}, live)


def test_it_can_be_sent_and_says_how_each_step_stands(lab: Lab) -> None:
    record = Progress(
        steps={
            "push": StepProgress(standing=Standing.PASSED, outcome=Outcome.PASS, points=5),
            "pin": StepProgress(standing=Standing.TRIED, outcome=Outcome.FAIL, findings=(WRONG,)),
        }
    )

    state = json.dumps(shown(lab, record))

    assert "1 of 3" in state
    assert "5 of 10" in state
    assert "not begun" in state
    assert "Push it." in state


def test_foreign_text_is_harmless_to_look_at(lab: Lab) -> None:
    record = Progress(steps={"push": StepProgress(standing=Standing.TRIED, findings=(WRONG,))})

    state = json.dumps(shown(lab, record))

    assert "\\u001b" not in state
    assert "<b>An image.</b>" in state, "the page sets it as text"


def test_only_what_is_new_is_news(lab: Lab) -> None:
    before = Progress()
    after = Progress(steps={"push": StepProgress(standing=Standing.PASSED, points=5)})

    assert "passed. (push shop:1 and more)" in model.news(
        lab, before, after, ["push"], "push shop:1; push shop:2"
    )
    assert model.news(lab, after, after, ["push"], "push shop:1") == ""
    assert "not passed any more" in model.news(lab, after, before, ["push"], "")


def test_headings_are_found_as_they_are_read() -> None:
    cells = [("push", "## Step 1, `push`: an *image*\n\nText."), ("push", "## Another"), ("", "# Title")]

    assert model.section_headings(cells) == {"push": "Step 1, push: an image"}
