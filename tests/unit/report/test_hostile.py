"""Every string of a report made hostile, one at a time and all together, in every rendering there is.

The fields are found by walking the structs: a new field, or a new renderer in the table, is covered at once.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from rich.console import Console

from checker.base.results import (
    Alike,
    AnswerRun,
    AnswerText,
    Finding,
    LabReport,
    Missing,
    Outcome,
    Person,
    Report,
    StepReport,
    Versions,
)
from checker.report import (
    classpage,
    classroom,
    codequality,
    github,
    gradebook,
    gradescope,
    jsonform,
    junit,
    markdown,
    terminal,
)
from checker.report import html as cards
from checker.report.grades import grade
from tests.unit.report.test_classpage import OURS, SCRIPT, Page

FIXED = {"schema", "outcome", "mode", "submitted_by"}
"""Fields that can hold nothing else: decoding a report refuses other values."""

TIMES = {"generated_at", "due", "submitted_at"}
"""Written by the checker; a report that was edited is still shown, but no rules are applied to it."""

DANGEROUS = set("\x00\x07\x08\x0b\x0c\x1b\x7f\x9b\u061c\u200b\u200e\u202e\u2066\ufeff\ufffe")


def shown_in_terminal(report: Report) -> str:
    screen = Console(file=io.StringIO(), width=80, force_terminal=False, _environ={})
    terminal.render(report, screen, output_lines=50)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def notebook(report: Report) -> str:
    steps = [step for result in report.results for step in result.steps]
    return "".join([*map(cards.result_table, report.results), *map(cards.card, steps)])


RENDERERS: dict[str, Callable[[Report], str | bytes]] = {
    "json": jsonform.to_json,
    "junit": junit.to_junit,
    "markdown": lambda report: markdown.to_markdown(report, grades=grade(report)),
    "commands": github.to_commands,
    "terminal": shown_in_terminal,
    "notebook": notebook,
    "html": lambda report: classpage.to_html(grade(report)),
    "feedback": lambda report: classpage.to_feedback(grade(report).learners[0]),
    "csv": lambda report: gradebook.to_csv(grade(report), "plain"),
    "canvas": lambda report: gradebook.to_csv(grade(report), "canvas"),
    "moodle": lambda report: gradebook.to_csv(grade(report), "moodle"),
    "gradescope": lambda report: gradescope.to_gradescope(grade(report).learners[0]),
    "classroom": lambda report: classroom.to_classroom(grade(report).learners[0]),
    "codequality": codequality.to_codequality,
}


def everything() -> Report:
    """A report in which no string is empty and every struct is there."""
    who = Person(identifier="id", name="name", email="e@x", login="login", listed=True)
    run = AnswerRun(exit_code=1, seconds=1.0, output="output")
    found = Finding(code="code", expected="expected", observed="observed", action="action")
    steps = tuple(
        StepReport(
            step=f"step-{outcome}",
            title="title",
            outcome=outcome,
            points=0,
            max_points=0 if outcome is Outcome.ERROR else 5,
            findings=(found,) if outcome is Outcome.FAIL else (),
            reason="reason",
            written=AnswerText(path="path", text="text"),
            answer=run,
        )
        for outcome in Outcome
    )
    result = LabReport(
        lab="01-x",
        title="title",
        path="path",
        steps=steps,
        versions=Versions(lab="1", checker="1", engine="1", registry="1"),
        warnings=("warning",),
        error="error",
        person=who,
        submitted_at="2026-01-31T09:30:00Z",
        submitted_by="commit",
        late=True,
    )
    return Report(
        mode="replay",
        generated_at="2026-01-31T09:30:00Z",
        results=(result, msgspec.structs.replace(result, person=None)),
        due="2026-01-30T09:30:00Z",
        missing=(Missing(person=msgspec.structs.replace(who, identifier="other"), labs=("02-y",)),),
        unmatched=("unmatched",),
        alike=(Alike(lab="01-x", step="step-pass", paths=("a", "b"), percent=99.0),),
    )


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The place of every string that could be anything."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            if field not in FIXED:
                yield from places(getattr(value, field), (*place, field))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from places(item, (*place, number))
    elif isinstance(value, str):
        yield place


def put(value: Any, place: tuple[str | int, ...], text: str) -> Any:
    """The same value with `text` at a place."""
    if not place:
        return text
    here, *rest = place
    if isinstance(value, tuple):
        return tuple(put(item, tuple(rest), text) if at == here else item for at, item in enumerate(value))
    return msgspec.structs.replace(value, **{str(here): put(getattr(value, str(here)), tuple(rest), text)})


PLACES = sorted(
    {tuple(0 if isinstance(part, int) else part for part in place) for place in places(everything())}
)


def all_hostile(text: str) -> Report:
    report = everything()
    for number, place in enumerate(places(report)):
        report = put(report, place, f"{text}{number}" if place[-1] == "identifier" else text)
    return report


def test_every_field_of_every_struct_is_tried() -> None:
    named = {str(part) for place in PLACES for part in place if isinstance(part, str)}
    for struct in (
        Report,
        LabReport,
        StepReport,
        AnswerText,
        AnswerRun,
        Finding,
        Versions,
        Person,
        Missing,
        Alike,
    ):
        texts = {field.name for field in msgspec.structs.fields(struct) if "str" in str(field.type)}
        assert texts - FIXED <= named, struct


def test_what_was_handed_in_is_where_it_is_meant_to_be_and_nowhere_else() -> None:
    report = everything()
    for place in places(report):
        if place[-2:] in (("written", "path"), ("written", "text")):
            report = put(report, place, f"needle-{place[-1]}")

    for form, render in RENDERERS.items():
        made = render(report)
        shown = made.decode() if isinstance(made, bytes) else made
        assert ("needle" in shown) is (form in ("json", "html", "feedback")), form


def harmless(form: str, made: str | bytes) -> None:
    """What no rendering may ever hold, and what its format's own reader has to make of it."""
    text = made.decode() if isinstance(made, bytes) else made
    assert not set(text.removeprefix("\ufeff")) & DANGEROUS
    assert not re.search(r"[\ud800-\udfff]", text)
    READERS.get(form, lambda _: None)(text)


def read_html(text: str) -> None:
    page = Page(text)
    assert not page.open
    assert page.tags <= OURS
    assert page.scripts in ([], [SCRIPT])
    assert not [name for name, _ in page.attributes if name.startswith("on") or name in ("src", "action")]
    assert all(link.startswith("#") for link in page.all("href"))


def read_notebook(text: str) -> None:
    page = Page(text)
    assert page.tags <= {*OURS, "section", "style"}
    assert {name for name, _ in page.attributes} <= {"class", "aria-label", "aria-hidden", "scope"}


def read_csv(text: str) -> None:
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len({len(row) for row in rows}) == 1
    assert not [cell for row in rows for cell in row if re.match(r"\s*[=+\-@＝＋－＠]", cell)]
    assert not [cell for row in rows for cell in row if re.search(r"[\t\r\n]", cell)]


def read_markdown(text: str) -> None:
    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text)
    assert not re.search(r"<(a|img|script|svg|iframe|input|h1|del|em|ol|ul|li|blockquote|hr)\b", html)


def read_commands(text: str) -> None:
    for line in text.splitlines():
        assert re.match(r"::(error|warning|notice) ", line)


def read_junit(text: str) -> None:
    tags = {element.tag for element in ET.fromstring(text).iter()}
    assert tags <= {
        "testsuites", "testsuite", "properties", "property", "testcase",
        "failure", "skipped", "error", "system-out",
    }  # fmt: skip


READERS: dict[str, Callable[[str], Any]] = {
    "json": json.loads,
    "gradescope": json.loads,
    "classroom": json.loads,
    "codequality": json.loads,
    "junit": read_junit,
    "markdown": read_markdown,
    "commands": read_commands,
    "html": read_html,
    "feedback": read_html,
    "notebook": read_notebook,
    "csv": read_csv,
    "canvas": read_csv,
    "moodle": read_csv,
}


@pytest.mark.parametrize("form", RENDERERS)
def test_each_string_alone_does_no_harm(form: str, hostile: str) -> None:
    for place in PLACES:
        for text in (hostile, f"={hostile}", "@SUM(A1)", "\t+1", ""):
            harmless(form, RENDERERS[form](put(everything(), place, text)))


@pytest.mark.parametrize("form", RENDERERS)
def test_all_strings_together_do_no_harm(form: str, hostile: str) -> None:
    harmless(form, RENDERERS[form](all_hostile(hostile)))


@pytest.mark.parametrize("form", RENDERERS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    place=st.sampled_from(PLACES),
    text=st.one_of(
        st.text(max_size=60),
        st.text(alphabet=st.sampled_from("<>&\"'`[]()!|*_~#@:/=+-;,%\\ \t\r\n\x1bm3;8w."), max_size=60),
    ),
)
def test_no_text_anywhere_does_harm(form: str, place: tuple[str | int, ...], text: str) -> None:
    harmless(form, RENDERERS[form](put(everything(), place, text)))


def test_an_edited_time_is_told_and_not_a_defect() -> None:
    from checker.base.errors import UsageError
    from checker.report.gradingrules import parse

    rules = parse("[late]\npercent_per_day = 10")
    for field in ("due", "submitted_at"):
        place = (field,) if field == "due" else ("results", 0, field)
        with pytest.raises(UsageError, match="is no time"):
            grade(put(everything(), place, "yesterday"), rules)


def test_what_is_told_while_grading_cannot_steer_the_terminal(
    hostile: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from checker.base.errors import UsageError
    from checker.cli.endings import guarded, say

    def fail() -> None:
        raise UsageError(hostile, hostile)

    say(hostile)
    guarded(fail)

    told = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().err)  # our own colours
    assert not set(told) & DANGEROUS
