"""Comments and points by hand: merged where they belong, and nothing of them is lost or taken for another's."""

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from checker.base.errors import UsageError
from checker.base.results import LabReport, Outcome, Report
from checker.cli.rendering import Files, ready, write
from checker.lab.catalog import Catalog
from checker.report import gradebook, marks
from checker.report.classpage import to_feedback, to_html
from checker.report.grades import grade
from checker.report.gradingrules import parse
from checker.report.marks import LearnerMarks, Marks, StepMark

LAB = "01-names-and-tags"


def of(who: str, step: str, points: str = "", comment: str = "", about: str = "") -> Marks:
    mark = {LAB: {step: StepMark(points, comment)}}
    return Marks(learners={who: LearnerMarks(about, mark)})


def saved(folder: Path, form: object) -> Path:
    path = folder / "marks.json"
    path.write_text(form if isinstance(form, str) else json.dumps(form))
    return path


@pytest.fixture
def failed(class_report: Report) -> tuple[str, str]:
    """Somebody and a step of theirs that failed."""
    for learner in grade(class_report).learners:
        for lab in learner.labs:
            for step in lab.steps:
                if step.report.outcome is Outcome.FAIL:
                    return learner.person.identifier, step.report.step
    raise AssertionError


def test_points_by_hand_take_the_place_of_what_the_checks_say(
    class_report: Report, failed: tuple[str, str]
) -> None:
    who, step = failed
    before = next(one for one in grade(class_report).learners if one.person.identifier == who)

    grades = grade(class_report, None, of(who, step, "7,5", "Nearly."))

    after = next(one for one in grades.learners if one.person.identifier == who)
    assert after.points == before.points + Decimal("7.5")
    assert after.max_points == before.max_points
    (marked,) = [one for lab in after.labs for one in lab.steps if one.by_hand]
    assert marked.comment == "Nearly."
    assert marked.changes[-1] == "0 becomes 7.5: set by hand."
    assert grades.report == class_report


def test_lateness_counts_after_points_by_hand(sample: LabReport) -> None:
    late = msgspec.structs.replace(sample, submitted_at="2026-01-31T12:00:00Z", late=True)
    report = Report(
        mode="replay", generated_at="2026-02-01T09:30:00Z", results=(late,), due="2026-01-31T11:00:00Z"
    )
    who = grade(report).learners[0].person.identifier
    steps = [step.step for step in sample.steps]

    whole = Marks(learners={who: LearnerMarks("", {sample.lab: {step: StepMark("10") for step in steps}})})
    made = grade(report, parse("[late]\npercent_per_day = 10\n"), whole)

    assert made.learners[0].points == Decimal(9 * len(steps))


def test_an_error_is_settled_by_points_by_hand(class_report: Report) -> None:
    wrong = next(
        (learner, step)
        for learner in grade(class_report).learners
        for lab in learner.labs
        for step in lab.steps
        if step.report.outcome is Outcome.ERROR
    )
    who, step = wrong[0].person.identifier, wrong[1].report.step
    rows = gradebook.to_csv(grade(class_report), "moodle").decode()
    settled = gradebook.to_csv(grade(class_report, None, of(who, step, "5")), "moodle").decode()

    def of_learner(text: str) -> str:
        return next(line for line in text.splitlines() if line.startswith(f'"{who}"') or f'"{who}"' in line)

    assert '""' in of_learner(rows).split(",")[4]
    assert of_learner(settled).split(",")[4].strip('"') != ""


def test_comments_reach_the_learner_the_class_and_the_gradebook(
    class_report: Report, failed: tuple[str, str]
) -> None:
    who, step = failed
    grades = grade(class_report, None, of(who, step, "", "Look at <b>line 3</b>.", "Well done in all."))
    learner = next(one for one in grades.learners if one.person.identifier == who)

    page, feedback = to_html(grades), to_feedback(learner)

    assert "Look at &lt;b&gt;line 3&lt;/b&gt;." in feedback
    assert "Well done in all." in feedback
    assert ">Look at &lt;b&gt;line 3&lt;/b&gt;.</textarea>" in page
    for flavour in ("plain", "moodle"):
        assert "Look at <b>line 3</b>." in gradebook.to_csv(grades, flavour).decode()  # type: ignore[arg-type]


def test_what_was_saved_is_merged_into_feedback(
    class_report: Report, failed: tuple[str, str], tmp_path: Path
) -> None:
    who, step = failed
    form = {"schema": "registry-lab/marks", "version": 1, "report": class_report.generated_at, "learners": {}}
    form["learners"] = {
        who: {"comment": "Hello.", "labs": {LAB: {step: {"points": "3", "comment": "So-so."}}}}
    }
    files = Files(feedback=tmp_path / "feedback", marks=saved(tmp_path, form))
    catalog = Catalog()
    said: list[str] = []

    ready(files, catalog)
    write(class_report, files, catalog, said.append)

    assert said == []
    pages = "".join(path.read_text() for path in (tmp_path / "feedback").iterdir())
    assert "So-so." in pages
    assert "becomes 3: set by hand." in pages


def test_what_is_of_nobody_is_told_and_the_rest_counts(
    class_report: Report, failed: tuple[str, str], tmp_path: Path
) -> None:
    who, step = failed
    labs = {LAB: {step: {"points": "1"}, "nowhere": {"points": "1"}}}
    learners = {who: {"labs": labs}, "eve": {"comment": "?"}}
    path = saved(tmp_path, {"learners": learners, "report": "2020-01-01T00:00:00Z"})
    said: list[str] = []

    write(class_report, Files(csv=tmp_path / "grades.csv", marks=path), Catalog(), said.append)

    assert "nobody called eve" in said[0] + said[1]
    assert "has no step nowhere" in said[0] + said[1]
    assert "this is another one" in said[2]
    assert "set by hand" in (tmp_path / "grades.csv").read_text()


@pytest.mark.parametrize("points", ["-1", "x", "1.005", "NaN", "Infinity", "1e9", "1_0_0_0_0_0_0_0"])
def test_what_is_no_number_of_points_is_refused_with_its_place(tmp_path: Path, points: str) -> None:
    path = saved(tmp_path, {"learners": {"ada": {"labs": {LAB: {"build": {"points": points}}}}}})

    with pytest.raises(UsageError, match="is no number of points for step build of 01-names-and-tags, ada"):
        marks.read(path)


@pytest.mark.parametrize(
    "form",
    ["", "[]", '{"schema": "registry-lab/report"}', '{"learners": {"a": {"point": 1}}}', "\x00", "[" * 9999],
)
def test_another_file_is_refused(tmp_path: Path, form: str) -> None:
    with pytest.raises(UsageError):
        marks.read(saved(tmp_path, form))
