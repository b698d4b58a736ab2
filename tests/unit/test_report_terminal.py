"""The terminal rendering: readable at 80 and at 60 columns, and deaf to what it quotes."""

import io
import re
from collections.abc import Callable

import msgspec
import pytest
from rich.console import Console

from checker.model import Alike, LabReport, Missing, Person, Report
from checker.report.terminal import render, render_result, render_step

SGR = re.compile(r"\x1b\[[0-9;]*m")


class Latin(io.StringIO):
    encoding = "ascii"


def console(width: int = 80, *, colour: bool = False, file: io.StringIO | None = None) -> Console:
    return Console(
        file=file or io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
        legacy_windows=False,
        _environ={},
    )


def text(made: Console) -> str:
    assert isinstance(made.file, io.StringIO)
    lines = made.file.getvalue().split("\n")
    return "\n".join(line.rstrip() for line in lines)


@pytest.mark.parametrize("width", [80, 60])
def test_golden(class_report: Report, width: int, golden: Callable[[str, str | bytes], None]) -> None:
    screen = console(width)
    render(class_report, screen, output_lines=5)
    golden(f"class.{width}.txt", text(screen))


def test_golden_step(sample: LabReport, golden: Callable[[str, str | bytes], None]) -> None:
    screen = console()
    for step in sample.steps:
        render_step(step, screen)
    golden("steps.txt", text(screen))


@pytest.mark.parametrize("width", [80, 60, 50])
def test_no_line_is_wider_than_the_terminal(class_report: Report, hostile_report: Report, width: int) -> None:
    for report in (class_report, hostile_report):
        screen = console(width)
        render(report, screen, output_lines=50)
        assert max(map(len, text(screen).split("\n"))) <= width


def test_the_outcome_is_a_word_and_a_symbol_without_colour(sample: LabReport) -> None:
    screen = console()
    render_result(sample, screen)
    for sign in ("✓ pass", "✗ fail", "– skipped", "! error"):
        assert sign in text(screen)


def test_a_terminal_without_utf8_gets_ascii(class_report: Report) -> None:
    screen = console(file=Latin())
    render(class_report, screen, output_lines=5)
    assert set(text(screen).replace("zoë", "")) <= set(map(chr, range(128)))
    assert "x fail" in text(screen)


def test_output_is_shown_only_when_asked_for(sample: LabReport) -> None:
    quiet, verbose = console(), console()
    render_result(sample, quiet)
    render_result(sample, verbose, output_lines=1)
    assert "denied: no such tag" not in text(quiet)
    assert "denied: no such tag" in text(verbose)
    assert "1 earlier line left out" in text(verbose)
    assert "Successfully tagged" not in text(verbose)


def test_a_full_bar_means_everything(sample: LabReport) -> None:
    perfect = LabReport(
        lab=sample.lab, title=sample.title, path=".", steps=sample.steps[:2], versions=sample.versions
    )
    done, partly = console(), console()
    render_result(perfect, done)
    render_result(sample, partly)
    assert "─" not in text(done).split("\n")[-2]
    assert "─" in text(partly).split("\n")[-2]


def test_hostile_text_is_shown_and_not_obeyed(hostile_report: Report) -> None:
    screen = console(colour=True)
    render(hostile_report, screen, output_lines=50)
    shown = SGR.sub("", text(screen))
    assert not set(shown) & set("\x00\x07\x1b\x08\x7f\x9b\u202e\u2066\ufeff\r")
    joined = re.sub(r"\s*\n\s*│? ?", "", shown)
    for quoted in ("[red]markup[/red]", "[link=http://evil.example]x[/link]", ":skull:"):
        assert quoted in joined
    assert "\x1b]8" not in text(screen)


def test_no_quoted_line_starts_a_workflow_command(hostile_report: Report) -> None:
    screen = console()
    render(hostile_report, screen, output_lines=50)
    assert not re.search(r"^\s*::", text(screen), re.MULTILINE)


def test_what_is_about_the_class_stands_below_all(class_report: Report, hostile: str) -> None:
    late = msgspec.structs.replace(
        class_report.results[1], late=True, submitted_at="2026-01-31T13:00:00Z", submitted_by="commit"
    )
    bo = Person(identifier="4711", name="Bo", listed=True)
    report = msgspec.structs.replace(
        class_report,
        results=(class_report.results[0], late),
        missing=(Missing(person=bo, labs=("01-names-and-tags",)),),
        unmatched=(f"x/{hostile}",),
        alike=(Alike(lab="01-names-and-tags", step="build", paths=("a", "b"), percent=96.4),),
    )
    screen = console(200)

    render(report, screen)

    lines = [line.strip(" │|") for line in text(screen).splitlines()]
    path = "submissions/ada/01-names-and-tags"
    assert f"Late: {path}, 2026-01-31T13:00:00Z by its last commit." in lines
    assert "Missing: 4711 Bo, of 01-names-and-tags." in lines
    assert "Worth comparing, 96 % alike: build of a, b." in lines
    assert any(line.startswith("Nobody's on the roster: x/red") for line in lines)
