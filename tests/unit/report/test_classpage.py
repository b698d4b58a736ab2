"""The page of a class: whole, offline, readable without colour, and deaf to what it quotes."""

import re
from collections.abc import Callable
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checker.base.results import Alike, AnswerText, LabReport, Missing, Outcome, Person, Report, Versions
from checker.report import templating
from checker.report.classfigures import letters
from checker.report.classpage import SCRIPT, SCRIPT_HASH, to_feedback, to_html
from checker.report.grades import grade
from checker.report.gradingrules import parse

VOID = {"meta", "link", "br", "img", "input", "hr"}
OURS = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "h1", "h2", "h3", "h4", "p", "nav", "main",
    "section", "dl", "dt", "dd", "div", "span", "table", "caption", "thead", "tbody", "tr", "th", "td", "b",
    "small", "code", "ul", "ol", "li", "strong", "details", "summary", "pre", "br",
    "label", "input", "select", "option", "textarea", "button", "script",
}  # fmt: skip
"""`script` is one and the same whatever is shown: `Page.script` is compared with the file."""


class Page(HTMLParser):
    """Tags, attributes, ids, links and the text outside the style sheet; and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.scripts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)
        elif self.open and self.open[-1] != "style":
            self.text += data

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


@pytest.fixture
def whole_class(class_report: Report, sample: LabReport) -> Report:
    """Everything that the page can show: two labs, somebody missing, late, unknown, and answers alike."""
    second = msgspec.structs.replace(
        sample, lab="02-docker-hub", late=True, submitted_at="2026-01-31T12:00:00Z"
    )
    return msgspec.structs.replace(
        class_report,
        results=(*class_report.results, second),
        due="2026-01-30T12:00:00Z",
        missing=(Missing(person=Person(identifier="m1", name="Mo"), labs=("01-names-and-tags",)),),
        unmatched=("submissions/eve",),
        alike=(Alike(lab="01-names-and-tags", step="release", paths=("a", "b"), percent=97.0),),
    )


RULES = """\
[late]
percent_per_day = 10
[labs.01.steps.build]
extra_credit = true
[[labs.01.steps.release.partial]]
finding = "tags-differ"
costs_percent = 40
reason = "Three of four tags are right."
"""


def test_golden(whole_class: Report, golden: Callable[[str, str | bytes], None]) -> None:
    golden("class.html", to_html(grade(whole_class, parse(RULES))))


def test_everything_is_said(whole_class: Report) -> None:
    text = Page(to_html(grade(whole_class, parse(RULES)))).text

    for said in (
        "tags-differ",
        "Tag the image you built for 1.4.2 as 1.4 as well, and push that tag.",
        "denied: no such tag",
        "The submission holds conftest.py. It had no effect.",
        "Not handed in: 01-names-and-tags.",
        "Nobody on the roster is the author of this.",
        "97 % the same",
        "Three of four tags are right.",
        "it was late by 1 day begun",
        "The engine stopped answering.",
    ):
        assert said in text


def test_every_link_leads_somewhere_on_the_page_and_every_id_is_one_places(whole_class: Report) -> None:
    page = Page(to_html(grade(whole_class)))

    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    assert {link.removeprefix("#") for link in page.all("href")} <= set(ids)
    assert page.all("href")
    assert not page.open


def test_nothing_is_loaded_and_nothing_runs_but_the_pages_own_script(whole_class: Report) -> None:
    html = to_html(grade(whole_class))
    page = Page(html)

    assert page.tags <= OURS
    assert not {name for name, _ in page.attributes} & {"src", "srcset", "action", "data"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "default-src 'none'" in html
    assert page.scripts == [SCRIPT]
    assert f"script-src 'sha256-{SCRIPT_HASH}'" in html
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(|https?://", SCRIPT
    )
    assert Page(to_feedback(grade(whole_class).learners[0])).scripts == []
    assert not re.search(r"url\(|@import|https?://", templating.own("classpage.css"))


def test_no_outcome_is_told_by_colour_alone(whole_class: Report) -> None:
    html = to_html(grade(whole_class))
    cells = re.findall(
        r'<td data-sort="[^"]*" class="(pass|fail|skipped|error)[^"]*"><a [^>]*>(.*?)</a></td>', html
    )

    assert {outcome for outcome, _ in cells} == set(Outcome)
    for outcome, inside in cells:
        assert re.search(rf'<span class="vh">{outcome}(: [\w, -]+)?</span>', inside)
        assert re.search(r'<span aria-hidden="true">[✓✗–!]', inside)


def test_text_is_readable_on_its_background_in_light_and_dark() -> None:
    css = templating.own("classpage.css")
    themes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]+)", block)) for block in css.split("@media")[:2]]

    assert len(themes) == 2
    for theme in themes:
        pairs = [(ink, on) for ink in ("ink", "soft", "link") for on in ("back", "paper")]
        pairs += [(f"{outcome}-ink", str(outcome)) for outcome in Outcome] + [("fail-ink", "paper")]
        for ink, on in pairs:
            assert contrast(theme[ink], theme[on]) >= 4.5, (ink, on)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, "contrast ratio"."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_hostile_text_stays_text(hostile_report: Report, hostile: str) -> None:
    everywhere = msgspec.structs.replace(
        hostile_report,
        generated_at=hostile,
        unmatched=(hostile,),
        missing=(Missing(person=Person(identifier=hostile, name=hostile, email=hostile), labs=(hostile,)),),
        alike=(Alike(lab=hostile, step=hostile, paths=(hostile, hostile), percent=99.0),),
    )
    html = to_html(grade(everywhere), title=hostile)
    page = Page(html)

    assert page.tags <= OURS
    assert not page.open
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert {link[0] for link in page.all("href")} == {"#"}
    assert "<script>alert(1)</script>" in page.text
    assert page.scripts == [SCRIPT]
    assert not set(html) & set("\x00\x07\x1b\x7f\x9b\u202e\ufffe\u200b")


@pytest.mark.parametrize("staff", [True, False])
def test_an_answer_is_shown_as_it_was_handed_in_and_changes_nothing_around_it(
    staff: bool, sample: LabReport, hostile: str
) -> None:
    source = (
        'docker push "$APP" # </pre></details><script>alert(1)</script>{{ 7 * 7 }}\n'
        "\x1b[31mred\x1b[0m \x9b2J a\u202eb \u2066c\u200b <img src=x onerror=x> &lt;\n" + hostile
    )
    written = AnswerText(path="steps/<b>.sh", text=source, truncated=True)
    step = msgspec.structs.replace(sample.steps[1], written=written)
    report = Report(
        mode="replay",
        generated_at="2026-01-31T09:30:00Z",
        results=(msgspec.structs.replace(sample, steps=(step,)),),
    )
    html = to_html(grade(report)) if staff else to_feedback(grade(report).learners[0])
    page = Page(html)

    assert page.tags <= OURS
    assert not page.open
    assert not [name for name, _ in page.attributes if name.startswith("on") or name == "src"]
    assert not set(html) & set("\x00\x07\x1b\x7f\x9b\u202e\u2066\u200b")
    for said in (
        "The answer, its beginning: steps/<b>.sh",
        'docker push "$APP" # </pre></details><script>alert(1)</script>{{ 7 * 7 }}\n',
        "red ",
        "a\\u202eb \\u2066c\\u200b <img src=x onerror=x> &lt;",
    ):
        assert said in page.text
    assert "<details><summary>The answer" in html, "it is closed until somebody wants to see it"


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.SKIPPED, Outcome.ERROR, Outcome.PASS])
def test_an_answer_is_shown_whatever_became_of_it(outcome: Outcome, class_report: Report) -> None:
    step = msgspec.structs.replace(
        class_report.results[0].steps[1],
        outcome=outcome,
        points=0,
        max_points=0,
        reason="" if outcome in (Outcome.PASS, Outcome.FAIL) else "A reason.",
        written=AnswerText(path="note.txt", text="Tags move."),
        answer=None,
    )
    result = msgspec.structs.replace(class_report.results[0], steps=(step,))
    graded = grade(msgspec.structs.replace(class_report, results=(result,)))

    for html in (to_html(graded), to_feedback(graded.learners[0])):
        assert "The answer: note.txt" in Page(html).text
        assert "Tags move." in Page(html).text


def test_feedback_shows_nobody_the_answer_of_another(class_report: Report) -> None:
    def with_answer(who: str) -> LabReport:
        result = class_report.results[0]
        step = msgspec.structs.replace(result.steps[1], written=AnswerText(path="x", text=f"answer of {who}"))
        return msgspec.structs.replace(result, steps=(step,), path=who, person=Person(identifier=who))

    learners = grade(
        msgspec.structs.replace(class_report, results=(with_answer("ada"), with_answer("bo")))
    ).learners

    assert [re.findall(r"answer of (\w+)", to_feedback(each)) for each in learners] == [["ada"], ["bo"]]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("<>&\"'`{}%/=!-#ab \n\x1b"), min_size=1, max_size=40))
def test_no_text_makes_a_tag_or_an_attribute(hostile_report: Report, text: str) -> None:
    def names(html: str) -> tuple[set[str], set[str]]:
        page = Page(html)
        assert not page.open
        return page.tags, {name for name, _ in page.attributes}

    step = msgspec.structs.replace(
        hostile_report.results[0].steps[0],
        title=text,
        step=text,
        reason=text,
        written=AnswerText(path=text, text=text),
    )
    result = LabReport(
        lab=text, title=text, path=text, steps=(step,), versions=Versions(lab=text), error=text
    )
    report = msgspec.structs.replace(hostile_report, results=(result,), unmatched=(text,))
    tame = msgspec.structs.replace(hostile_report, results=(msgspec.structs.replace(result, lab="x"),))

    tags, attributes = names(to_html(grade(report)))

    assert tags <= OURS
    assert attributes <= names(to_html(grade(tame)))[1]


def test_an_empty_report_is_a_page_too(class_report: Report) -> None:
    page = Page(to_html(grade(msgspec.structs.replace(class_report, results=()))))

    assert "Nothing was checked." in page.text
    assert {link.removeprefix("#") for link in page.all("href")} <= set(page.all("id"))


def test_the_most_common_finding_is_first(class_report: Report) -> None:
    result = class_report.results[0]
    fail = result.steps[2]
    other = msgspec.structs.replace(fail, findings=(msgspec.structs.replace(fail.findings[0], code="aaa"),))
    results = [
        msgspec.structs.replace(result, path=f"in/p{number}/{result.lab}", steps=(step,))
        for number, step in enumerate((other, fail, fail))
    ]
    html = to_html(grade(msgspec.structs.replace(class_report, results=tuple(results))))

    found = re.findall(r'<th scope="row" class="key">(\w+)</th><td><code>([\w-]+)</code>', html)
    assert found == [("A", "tags-differ"), ("B", "aaa")]


@pytest.mark.parametrize(("number", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (702, "AAA")])
def test_findings_are_lettered_like_columns(number: int, name: str) -> None:
    assert letters(number) == name


def test_feedback_is_what_practice_shows_and_nothing_for_staff(whole_class: Report) -> None:
    pages = [Page(to_feedback(learner)) for learner in grade(whole_class, parse(RULES)).learners]
    texts = [" ".join(page.text.split()) for page in pages]
    zoe = next(text for text in texts if "zoë" in text)

    for said in ("tags-differ", "Tag the image you built for 1.4.2 as 1.4 as well", "denied: no such tag"):
        assert said in zoe
    assert "Three of four tags are right." in zoe
    for text in texts:
        for secret in ("stopped answering", "conftest", "Docker 20.10", "submissions/", "the same", "roster"):
            assert secret not in text
    for page in pages:
        assert not page.open
        assert page.tags <= OURS
        assert page.all("href") == []


def test_feedback_has_nothing_of_others(whole_class: Report) -> None:
    for learner in grade(whole_class).learners:
        text = Page(to_feedback(learner)).text
        others = {"zoë", "ada", "Mo"} - {learner.person.name or learner.person.identifier}
        assert not [name for name in others if re.search(rf"\b{name}\b", text)]


def test_the_median_is_of_those_who_handed_something_in(class_report: Report) -> None:
    everybody = to_html(grade(class_report))
    nobody = tuple(Missing(person=Person(identifier=f"m{n}"), labs=("01-names-and-tags",)) for n in range(9))
    with_missing = to_html(grade(msgspec.structs.replace(class_report, missing=nobody)))

    def tile(html: str) -> str:
        found = re.search(r"<dt>median</dt><dd>([^<]*)</dd>", html)
        assert found
        return found[1]

    assert tile(with_missing) == tile(everybody) != "0.0 %"
