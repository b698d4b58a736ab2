"""What is kept of a grading that was interrupted, and when it counts."""

from pathlib import Path

import pytest

from checker.base.errors import UsageError
from checker.base.results import AnswerText, LabReport, Outcome, StepReport, Versions
from checker.cli.replaying import chosen, shard_of
from checker.grading import journal
from checker.grading.pool import Task, in_error
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab


@pytest.fixture
def task(tiny: TinyLab, tmp_path: Path) -> Task:
    lab = Catalog(tiny.root).lab("90")
    return Task(0, lab, tiny.solve(tmp_path / "ada" / tiny.name))


def result(path: object, points: int = 5) -> LabReport:
    step = StepReport(
        step="push",
        title="Push",
        outcome=Outcome.PASS,
        points=points,
        max_points=5,
        written=AnswerText(path="steps/push.sh", text="echo \x1b \u202e \ufffd\n", truncated=True),
    )
    return LabReport(lab="90-tiny", title="Tiny", path=str(path), steps=(step,), versions=Versions())


def test_what_is_kept_is_read_again(task: Task, tmp_path: Path) -> None:
    file = tmp_path / "done"
    assert journal.read(file, [task]) == {}

    journal.add(file, task, result(task.path))

    assert journal.read(file, [task]) == {0: result(task.path)}


def test_a_submission_or_a_lab_that_changed_is_graded_again(task: Task, tmp_path: Path) -> None:
    file = tmp_path / "done"
    journal.add(file, task, result(task.path))
    (task.path / "steps/push.sh").write_text("echo something else entirely\n")
    assert journal.read(file, [task]) == {}

    journal.add(file, task, result(task.path))
    checks = task.lab.folder / "checks.py"
    checks.write_text(checks.read_text() + "# mended\n")

    assert journal.read(file, [task]) == {}


def test_an_error_is_tried_again(task: Task, tmp_path: Path) -> None:
    journal.add(tmp_path / "done", task, in_error(task, "The worker ended without a result."))

    assert journal.read(tmp_path / "done", [task]) == {}


def test_a_line_that_was_cut_off_costs_itself_and_nothing_else(task: Task, tmp_path: Path) -> None:
    file = tmp_path / "done"
    journal.add(file, task, result(task.path))
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])

    journal.add(file, task, result(task.path, 3))

    assert journal.read(file, [task]) == {0: result(task.path, 3)}


def test_every_submission_is_in_exactly_one_part(task: Task) -> None:
    tasks = [Task(number, task.lab, task.path) for number in range(11)]

    parts = [chosen(tasks, (part, 3)) for part in (1, 2, 3)]

    assert sorted(each.number for part in parts for each in part) == list(range(11))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert chosen(tasks, None) == tasks


def test_a_part_is_written_as_one_of_many() -> None:
    assert shard_of("2/5") == (2, 5)
    for wrong in ("0/3", "4/3", "1", "a/b", "1/", "-1/3", "1/1001", "²/3", f"1/{'9' * 5000}"):
        with pytest.raises(UsageError):
            shard_of(wrong)
