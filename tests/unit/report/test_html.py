"""Notebook cards: escaped, without scripts, and readable as plain text too."""

from collections.abc import Callable
from html.parser import HTMLParser

import msgspec

from checker.base.results import Finding, LabReport, Outcome, Report
from checker.report.html import STYLE, card, card_text, result_table

TAGS = {"section", "div", "span", "strong", "code"}
TABLE_TAGS = TAGS | {"table", "thead", "tbody", "tr", "th", "td"}


class Page(HTMLParser):
    """The tags, attribute names and text of a piece of HTML; complains about unbalanced tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def body(html: str) -> Page:
    assert html.startswith(STYLE)
    return Page(html.removeprefix(STYLE))


def test_golden(sample: LabReport, golden: Callable[[str, str | bytes], None]) -> None:
    cards = [
        card(step, hint="Look at the tags first." if step.step == "release" else None)
        for step in sample.steps
    ]
    golden("cards.html", "".join(cards).replace(STYLE + "\n", ""))
    golden("table.html", result_table(sample).removeprefix(STYLE))
    golden("cards.txt", "\n\n".join(card_text(step, hint="Look.") for step in sample.steps) + "\n")


def test_a_failed_step_says_what_was_expected_what_there_is_and_what_to_do(sample: LabReport) -> None:
    step = sample.steps[2]
    words = body(card(step, hint="Look at the tags first.")).words
    finding = step.findings[0]
    order = ["Expected", finding.expected, "What is really there", finding.observed]
    order += ["Next", finding.action, "Hint", "Look at the tags first."]
    assert [word for word in words if word in order] == order


def test_a_pass_is_short_and_every_outcome_has_its_word(sample: LabReport) -> None:
    for step in sample.steps:
        words = body(card(step)).words
        assert f" {step.outcome}" in words
    assert "Next" not in body(card(sample.steps[0])).words


def test_an_error_says_that_it_costs_nothing(sample: LabReport) -> None:
    error = sample.steps[4]
    assert error.outcome is Outcome.ERROR
    assert "This is not the answer's fault and costs no points." in body(card(error)).words
    assert "costs no points" in card_text(error)


def test_hostile_text_stays_text(hostile_report: Report, hostile: str) -> None:
    result = hostile_report.results[0]
    for html in (*(card(step, hint=hostile) for step in result.steps), result_table(result)):
        shown = body(html)
        assert shown.tags <= TABLE_TAGS
        assert shown.attributes <= {"class", "aria-label", "aria-hidden", "scope"}
        assert "<script>alert(1)</script>" in "".join(shown.words)
        assert not set(html) & set("\x00\x07\x1b\x7f\x9b\u202e\ufeff\r")
        html.encode()


def test_the_plain_text_is_plain(hostile_report: Report, hostile: str) -> None:
    shown = card_text(hostile_report.results[0].steps[0], hint=hostile)
    assert not set(shown) & set("\x00\x07\x1b\x7f\x9b\u202e\ufeff\r")


def test_formulas_are_left_alone(sample: LabReport) -> None:
    for html in (card(sample.steps[0]), result_table(sample)):
        assert "mathjax_ignore" in html


def test_code_between_backticks_is_set_as_code_and_stays_escaped(sample: LabReport) -> None:
    finding = Finding(code="x", expected="Run `lab <b>start</b>`.", observed="o", action="a")

    shown = card(msgspec.structs.replace(sample.steps[0], outcome=Outcome.FAIL, findings=(finding,)))

    assert "Run <code>lab &lt;b&gt;start&lt;/b&gt;</code>." in shown
