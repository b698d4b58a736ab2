"""Markdown that shows hostile text and obeys none of it."""

import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser

import msgspec
import pytest
from markdown_it import MarkdownIt

from checker.base.results import Alike, Finding, LabReport, Missing, Outcome, Person, Report
from checker.report.grades import grade
from checker.report.gradingrules import parse
from checker.report.markdown import escaped, to_markdown

OURS = {"code", "br", "details", "summary", "pre"}


class Page(HTMLParser):
    """The tags and the text of a rendered page; what stands in `pre` apart, as no link is made there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.quoted = ""
        self.inside_pre = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.inside_pre |= tag == "pre"

    def handle_endtag(self, tag: str) -> None:
        self.inside_pre &= tag != "pre"

    def handle_data(self, data: str) -> None:
        if self.inside_pre:
            self.quoted += data
        else:
            self.words += data


def page(markdown: str) -> Page:
    return Page(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown))


def test_golden(class_report: Report, golden: Callable[[str, str | bytes], None]) -> None:
    golden("class.md", to_markdown(class_report))


def test_hostile_text_makes_no_markup(hostile_report: Report) -> None:
    shown = page(to_markdown(hostile_report))
    assert shown.tags == {"h2", "h3", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", *OURS}
    assert {value for _, value in shown.attributes} <= {"text-align:right"}
    assert "<script>alert(1)</script>" in shown.words
    assert "</pre></details></section>" in shown.quoted
    assert "**bold** _it_ ~~no~~" in shown.words
    assert not re.search(r"[@#](octocat|org|1)", shown.words)


def test_every_table_row_keeps_its_cells(hostile_report: Report) -> None:
    rows = [line for line in to_markdown(hostile_report).splitlines() if line.startswith("| ")]
    assert {line.count("|") for line in rows} == {5, 6}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("a|b", "a&#124;b"),
        ("two\nlines", "two<br>lines"),
        ("http://x", "http&#58;//x"),
        ("www.x.org", "www&#46;x.org"),
        ("127.0.0.1:5000/a-b:1.4", "127.0.0.1:5000/a-b:1.4"),
        ("@octocat #12", "&#64;&#8203;octocat &#35;&#8203;12"),
        ("app@sha256:ab", "app&#64;sha256:ab"),
    ],
)
def test_escapes(text: str, made: str) -> None:
    assert escaped(text) == made


def test_a_digest_can_be_copied_from_the_page() -> None:
    assert page(escaped("shop@sha256:0123abcd")).words.strip() == "shop@sha256:0123abcd"


def test_escaped_text_reads_the_same(hostile: str) -> None:
    harmless = "it costs 5 * 3 | [x] `y` <z> & \\w"
    assert unescape(escaped(harmless)) == harmless


def test_a_large_class_stays_within_the_limit(class_report: Report) -> None:
    many = Report(mode="replay", generated_at=class_report.generated_at, results=class_report.results * 40)
    cut = to_markdown(many, limit=40_000)
    assert len(cut.encode()) <= 40_000
    overview = cut.partition("\n###")[0]
    assert overview.count("<code>submissions/") == 120
    left_out = re.search(r"The details of (\d+) more workspaces are left out for size", cut)
    assert left_out
    assert cut.count("\n### ") + int(left_out[1]) == 120


def test_what_is_about_the_class_is_said_once_and_rules_are_explained(class_report: Report) -> None:
    late = msgspec.structs.replace(class_report.results[0], late=True, submitted_at="2026-01-31T12:00:00Z")
    report = msgspec.structs.replace(
        class_report,
        results=(late, *class_report.results[1:]),
        due="2026-01-30T12:00:00Z",
        missing=(Missing(person=Person(identifier="m1", name="Mo"), labs=("01-names-and-tags",)),),
        unmatched=("in/eve",),
        alike=(Alike(lab="01-names-and-tags", step="release", paths=("a", "b"), percent=97.0),),
    )
    words = page(to_markdown(report, grades=grade(report, parse("[late]\npercent_per_day = 10")))).words

    for said in (
        "Missing: m1 Mo, of 01-names-and-tags.",
        "Late: submissions/zoë/01-names-and-tags, 2026-01-31T12:00:00Z.",
        "Nobody's on the roster: in/eve.",
        "Worth comparing, 97 % alike: release of a, b.",
        "20 becomes 18: it was late by 1 day begun, which leaves 90 %.",
    ):
        assert words.count(said) == 1


def test_people_have_names_and_code_is_code(sample: LabReport) -> None:
    found = Finding(code="x", expected="Run `docker push <a>`.", observed="None.", action="Do.")
    step = msgspec.structs.replace(sample.steps[1], outcome=Outcome.FAIL, findings=(found,))
    result = msgspec.structs.replace(
        sample, steps=(step,), person=Person(identifier="4711", name="Ada `Lovelace`")
    )
    report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(result, sample))

    text = to_markdown(report)

    assert "| Ada &#96;Lovelace&#96; (4711) |" in text
    assert "Run <code>docker push &#60;a&#62;</code>." in text


def test_what_is_not_begun_is_no_failure_with_details(sample: LabReport) -> None:
    step = msgspec.structs.replace(sample.steps[2], outcome=Outcome.FAIL, begun=False)
    report = Report(
        mode="replay",
        generated_at="2026-01-31T09:30:00Z",
        results=(msgspec.structs.replace(sample, steps=(step,)),),
    )

    text = to_markdown(report)

    assert "· not begun" in text
    assert "<details>" not in text
