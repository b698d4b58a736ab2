"""Workflow commands: one line each, and no way for foreign text to add another."""

from collections.abc import Callable

from checker.base.results import LabReport, Report
from checker.report.github import command, resume_commands, stop_commands, to_commands

ANSWERS = {"01-names-and-tags": {"release": "steps/release.sh"}}


def test_golden(
    sample_report: Report, class_report: Report, golden: Callable[[str, str | bytes], None]
) -> None:
    golden("sample.commands", to_commands(sample_report, answers=ANSWERS))
    golden("class.commands", to_commands(class_report))


def test_one_workspace_gets_an_annotation_for_each_step(sample_report: Report) -> None:
    lines = to_commands(sample_report, answers=ANSWERS).splitlines()
    assert [line.split(" ")[0] for line in lines] == ["::error", "::notice", "::warning", "::warning"]
    file = "submissions/zoë/01-names-and-tags/steps/release.sh"
    assert lines[0].startswith(f"::error file={file},title=release%3A fail::[tags-differ]%0AExpected: ")


def test_several_workspaces_get_one_each_and_a_perfect_one_none(class_report: Report) -> None:
    lines = to_commands(class_report).splitlines()
    assert len(lines) == 3  # the last of the three perfect ones has none; one has a warning as well
    assert "submissions/ada" not in "".join(lines)


def test_nothing_to_say(sample: LabReport) -> None:
    perfect = LabReport(
        lab=sample.lab, title=sample.title, path=".", steps=sample.steps[:1], versions=sample.versions
    )
    assert to_commands(Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(perfect,))) == ""


def test_data_and_properties_are_encoded() -> None:
    made = command("error", "100%\r\na: b, c", title="x: 1,2 %\n", file="")
    assert made == "::error title=x%3A 1%2C2 %25%0A::100%25%0Aa: b, c"
    assert command("notice", "hello") == "::notice::hello"


def test_hostile_text_adds_no_command(hostile_report: Report) -> None:
    one = Report(mode="replay", generated_at=hostile_report.generated_at, results=hostile_report.results[:1])
    answers = {"01-x": {"one": "steps/one,x:y.sh"}}
    lines = to_commands(one, answers=answers).split("\n")
    assert len(lines) == 1 + 3 + 1 + 1  # the lab, its steps, the warning, the end
    for line in lines[:-1]:
        assert line.startswith(("::error ", "::warning ", "::notice "))
        properties = line.split("::")[1].partition(" ")[2].split(",")
        assert [part.split("=")[0] for part in properties] in (["title"], ["file", "title"])


def test_the_guard() -> None:
    assert stop_commands("secret") == "::stop-commands::secret\n"
    assert resume_commands("secret") == "::secret::\n"
