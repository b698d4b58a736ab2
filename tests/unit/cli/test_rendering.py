"""`lab report`: a JSON report becomes any other form without an engine; and which files are written where."""

import json
from pathlib import Path

import msgspec
import pytest

from checker.base.errors import UsageError
from checker.base.results import LabReport, Person, Report, Versions
from checker.cli.grading import verdict
from checker.cli.rendering import Files, file_names, of_learner, ready, write
from checker.lab.catalog import Catalog
from checker.report import jsonform
from checker.report.grades import grade
from checker.report.gradingrules import parse
from tests.helpers import Command, TinyLab


@pytest.fixture
def catalog(tiny: TinyLab) -> Catalog:
    return Catalog(tiny.root)


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


def test_a_report_is_rendered_again_in_every_form(lab: Command, class_report: Report, tmp_path: Path) -> None:
    source = tmp_path / "report.json"
    source.write_bytes(jsonform.to_json(class_report))
    names = ("again.json", "junit.xml", "summary.md", "class.html", "grades.csv", "quality.json")
    options = ("--json", "--junit", "--markdown", "--html", "--csv", "--codequality")
    arguments = [part for pair in zip(options, names, strict=True) for part in (pair[0], tmp_path / pair[1])]
    for folder in ("gradescope", "classroom", "feedback"):
        (tmp_path / folder).mkdir()
        arguments += [f"--{folder}", tmp_path / folder]

    done = lab("report", str(source), *map(str, arguments))

    assert (done.code, done.out) == (0, "")
    assert sorted(path.name for path in (tmp_path / "feedback").iterdir()) == [
        "ada.html",
        "bo.html",
        "zoë.html",
    ]
    assert (tmp_path / "again.json").read_bytes() == source.read_bytes()
    assert all((tmp_path / name).stat().st_size for name in names)
    for folder in ("gradescope", "classroom"):
        assert sorted(path.name for path in (tmp_path / folder).iterdir()) == [
            "ada.json",
            "bo.json",
            "zoë.json",
        ]


def test_without_a_form_the_report_is_shown(lab: Command, class_report: Report, tmp_path: Path) -> None:
    source = tmp_path / "report.json"
    source.write_bytes(jsonform.to_json(class_report))

    done = lab("report", str(source))

    assert done.code == 3  # a result is in error, as `lab grade` said
    assert "tags-differ" in done.out


def test_the_rules_and_the_learner_are_chosen(lab: Command, class_report: Report, tmp_path: Path) -> None:
    source, rules, made = tmp_path / "report.json", tmp_path / "grading.toml", tmp_path / "results.json"
    source.write_bytes(jsonform.to_json(class_report))
    rules.write_text("[labs.90]\nweight = 3\n")

    done = lab("report", str(source), "--learner", "ada", "--rules", str(rules), "--gradescope", str(made))

    assert done.code == 0, done.err
    assert json.loads(made.read_bytes())["score"] == 20


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.json"], "Cannot read nowhere.json"),
        (["nowhere.json", "--json", "again.json"], "Cannot read nowhere.json"),
        (["REPORT", "--csv", "nowhere/grades.csv"], "There is no folder nowhere"),
        (["REPORT", "--feedback", "nowhere/below"], "There is no folder nowhere"),
        (["REPORT", "--feedback", "REPORT"], "cannot be made: File exists."),
        (["REPORT", "--marks", "nowhere.json"], "Cannot read nowhere.json"),
        (["REPORT", "--learner", "eve"], "The report has nothing of 'eve'."),
        (["REPORT", "--gradescope", "results.json"], "this form is of one learner, and the report has 3"),
        (["REPORT", "--rules", "RULES"], "line 2: unknown key 'wieght'"),
        (["RULES"], "This is not a report"),
    ],
)
def test_wrong_usage_is_told(
    lab: Command, class_report: Report, tmp_path: Path, arguments: list[str], told: str
) -> None:
    (tmp_path / "report.json").write_bytes(jsonform.to_json(class_report))
    (tmp_path / "grading.toml").write_text("[labs.90]\nwieght = 3\n")
    real = {"REPORT": str(tmp_path / "report.json"), "RULES": str(tmp_path / "grading.toml")}

    done = lab("report", *(real.get(argument, argument) for argument in arguments))

    assert done.code == 2
    assert told in " ".join(done.err.split())
    assert "Traceback" not in done.err


def test_the_rules_have_a_say_in_who_passes(sample: LabReport) -> None:
    half = msgspec.structs.replace(sample, steps=sample.steps[1:3])  # 10 of 25 points
    report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(half,))
    rules = parse("[labs.01.steps.release]\nextra_credit = true")

    assert verdict(report, 60) == 1
    assert verdict(report, 60, rules) == 0


def test_rules_for_labs_that_are_not_there_stop_a_grading_before_it_begins(
    catalog: Catalog, tmp_path: Path
) -> None:
    rules = tmp_path / "grading.toml"
    rules.write_text("[labs.01]\nweight = 3\n")

    with pytest.raises(UsageError, match="there is no lab '01'"):
        ready(Files(rules=rules), catalog)


def test_file_names_stay_in_their_folder_and_are_nobodys_twice(sample: LabReport) -> None:
    names = ("../../etc/passwd", "ada", "Ada", "..", "", "a/b\\c\0d", "x" * 300, "con\x1b[31m")
    results = tuple(msgspec.structs.replace(sample, person=Person(identifier=name)) for name in names)
    report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=results)

    made = file_names(grade(report).learners, ".json")

    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert Path(name).name == name
        assert not set(name) & set("/\\\0\x1b")
        assert not name.startswith(".")
        assert len(name) < 100


def test_one_learners_report_says_nothing_of_others(class_report: Report) -> None:
    one = of_learner(msgspec.structs.replace(class_report, unmatched=("in/eve",)), "ada")

    assert [result.path for result in one.results] == ["submissions/ada/01-names-and-tags"]
    assert not one.unmatched


def test_a_form_of_one_learner_is_a_file_or_a_folder(catalog: Catalog, tmp_path: Path) -> None:
    bare = LabReport(lab="90-tiny", title="", path="ada", steps=(), versions=Versions(), error="No engine.")
    report = Report(mode="replay", generated_at="2026-01-31T09:30:00Z", results=(bare,))

    write(report, Files(classroom=tmp_path / "one.json", gradescope=tmp_path), catalog)

    assert json.loads((tmp_path / "one.json").read_bytes())["status"] == "error"
    assert (tmp_path / "ada.json").exists()
