"""The terminal rendering: readable at 80 and at 60 columns, and deaf to what it quotes."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from checker.base.model import Lab, Step
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
)
from checker.lab.progress import Progress, Standing, StepProgress
from checker.report.terminal import render, render_progress, render_result, render_step

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


@pytest.fixture
def begun(sample: LabReport) -> LabReport:
    """A practice: one step passed, one tried, and of the others there is no answer yet."""
    passed, _, failed, skipped, _ = sample.steps
    nothing = Finding(code="no-image", expected="An image.", observed="There is none.", action="Build it.")
    later = msgspec.structs.replace(
        failed, step="slim", title="Make it small", findings=(nothing,), answer=None
    )
    steps = (passed, failed, skipped, later)
    report = msgspec.structs.replace(sample, steps=steps, warnings=())
    written = {step: AnswerText(path=f"steps/{step}.sh", text="true\n") for step in ("references", "release")}
    return msgspec.structs.replace(
        report,
        steps=tuple(
            msgspec.structs.replace(step, written=written.get(step.step), begun=step.step in written)
            for step in steps
        ),
    )


def practised(report: LabReport) -> tuple[Lab, Progress]:
    """The lab of a report, and the record that such a check writes."""
    steps = tuple(Step(name=step.step, title=step.title, points=step.max_points) for step in report.steps)
    lab = Lab(
        name=report.lab,
        folder=Path("labs"),
        notebook=Path("notebooks"),
        title=report.title,
        version="1",
        summary="",
        minutes=30,
        services=(),
        values={},
        steps=steps,
    )
    standings = {Outcome.PASS: Standing.PASSED, Outcome.FAIL: Standing.TRIED}
    record = Progress(
        lab=report.lab,
        steps={
            step.step: StepProgress(standing=standings[step.outcome], points=step.points)
            for step in report.steps
            if step.begun
        },
    )
    return lab, record


@pytest.mark.parametrize("width", [80, 60])
def test_golden_of_a_practice(
    begun: LabReport, width: int, golden: Callable[[str, str | bytes], None]
) -> None:
    screen = console(width)
    render_progress(*practised(begun), begun, screen)
    golden(f"practice.{width}.txt", text(screen))


def test_a_step_without_an_answer_is_no_fail_and_its_finding_is_not_shown(begun: LabReport) -> None:
    screen = console(colour=True)
    render_progress(*practised(begun), begun, screen)
    shown = SGR.sub("", text(screen))

    assert shown.count("· not begun") == 2
    assert shown.count("✗ fail") == 2  # in the table, and above the finding
    assert "no-image" not in shown
    assert "There is none." not in shown
    assert "next: release" in shown
    assert not re.search(r"\x1b\[31m[^\x1b]*not begun", text(screen))


def test_of_one_step_without_an_answer_it_says_how_to_begin(begun: LabReport) -> None:
    screen = console()
    render_step(begun.steps[-1], screen)

    assert text(screen).splitlines()[0].startswith("· not begun  0/15  slim: Make it small")
    assert "`lab show slim` says what it is about." in text(screen)
    assert "no-image" not in text(screen)


def test_a_step_that_was_stopped_at_its_limit_says_that_first(sample: LabReport) -> None:
    stopped = AnswerRun(exit_code=None, seconds=60.2, output="", timed_out=True)
    screen = console()
    render_step(msgspec.structs.replace(sample.steps[2], answer=stopped), screen)
    lines = text(screen).splitlines()

    assert lines[0] == "✗ fail  0/15  release: stopped at its time limit, after 60 s"
    assert lines[1].startswith("  │ The answer was stopped at its time limit")
    assert any("Expected" in line for line in lines[2:])


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
