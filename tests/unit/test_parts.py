"""Parts of a class as one report: every submission once, and no part that is missing unnoticed."""

import json
from pathlib import Path

import jsonschema
import pytest

from checker.errors import UsageError
from checker.model import LabReport, Missing, Outcome, Person, Report, Shard, StepReport, Versions
from checker.parts import join
from checker.report import jsonform
from tests.helpers import Command, TinyLab


def result(path: str, points: int = 5, error: str = "") -> LabReport:
    outcome = Outcome.PASS if points == 5 else Outcome.FAIL
    step = StepReport(
        step="push",
        title="Push",
        outcome=outcome,
        points=points,
        max_points=5,
        reason="" if points == 5 else "No.",
    )
    steps = () if error else (step,)
    return LabReport(lab="90-tiny", title="Tiny", path=path, steps=steps, versions=Versions(), error=error)


def part(*results: LabReport, number: int = 0, of: int = 2, missing: tuple[str, ...] = ()) -> Report:
    return Report(
        mode="replay",
        generated_at="2026-01-01T00:00:00Z",
        results=results,
        missing=tuple(Missing(person=Person(identifier=who), labs=("90-tiny",)) for who in missing),
        shard=Shard(parts=(number,), of=of) if number else None,
    )


def test_every_submission_is_there_once_whatever_the_order() -> None:
    parts = [part(result("b"), result("d"), number=1), part(result("a"), result("c"), number=2)]

    joined = join(parts)

    assert [each.path for each in joined.report.results] == ["a", "b", "c", "d"]
    assert join(parts[::-1]).report == joined.report
    assert (joined.report.shard, joined.absent, joined.doubled) == (None, (), ())


def test_what_one_part_could_not_grade_counts_as_another_did() -> None:
    failed, done = part(result("a", error="It ended.")), part(result("a"))

    for parts in ([failed, done], [done, failed]):
        joined = join(parts)

        assert [(each.path, each.error) for each in joined.report.results] == [("a", "")]
        assert joined.doubled == ()


def test_parts_that_do_not_agree_are_told() -> None:
    joined = join([part(result("a", 5)), part(result("a", 2))])

    assert [each.points for each in joined.report.results] == [5]
    assert joined.doubled == ("a",)


def test_somebody_is_missing_who_is_missing_in_every_part() -> None:
    joined = join([part(result("ada"), missing=("bo", "mo")), part(result("bo"), missing=("ada", "mo"))])

    assert [entry.person.identifier for entry in joined.report.missing] == ["mo"]


def test_a_part_that_is_missing_is_known_until_it_comes() -> None:
    some = join([part(result("c"), number=3, of=3), part(result("a"), number=1, of=3)])
    assert (some.report.shard, some.absent) == (Shard(parts=(1, 3), of=3), (2,))

    whole = join([some.report, part(result("b"), number=2, of=3)])

    assert (whole.report.shard, whole.absent) == (None, ())
    assert [each.path for each in whole.report.results] == ["a", "b", "c"]


def test_reports_that_are_no_parts_of_one_grading_are_refused() -> None:
    with pytest.raises(UsageError, match="no parts of one grading"):
        join([part(number=1, of=3), part(number=2, of=4)])


def test_a_part_may_be_empty_and_a_whole_class_may_not() -> None:
    assert part(number=2).outcome is Outcome.PASS
    assert part().outcome is Outcome.ERROR
    assert join([part(result("a"), number=1), part(number=2)]).report.outcome is Outcome.PASS


def test_which_part_it_is_goes_through_the_form_for_machines() -> None:
    report = part(result("a"), number=2, of=5)
    form = jsonform.to_json(report)

    jsonschema.validate(json.loads(form), jsonform.schema())
    assert jsonform.from_json(form) == report


@pytest.mark.parametrize("command", ["merge", "report"])
def test_a_missing_part_is_said_and_no_success(command: str, tiny: TinyLab, tmp_path: Path) -> None:
    lab = Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, start=1):
        file.write_bytes(jsonform.to_json(part(result(f"l{number}"), number=number, of=3)))
    whole = tmp_path / "whole.json"

    some = lab(command, *files[:2], "--json", whole)
    assert len(jsonform.from_json(whole.read_bytes()).results) == 2, "what is there is written all the same"
    every = lab(command, *files, "--json", whole)

    assert some.code == 3
    assert "Missing of 3 parts: 3. What they were to grade is not in the report." in some.err
    assert every.code == 0, every.err
    assert "Missing" not in every.err


def test_one_part_alone_can_be_looked_at(tiny: TinyLab, tmp_path: Path) -> None:
    lab = Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")
    file = tmp_path / "part.json"
    file.write_bytes(jsonform.to_json(part(result("a"), number=1, of=3)))

    assert lab("report", file).code == 0
    assert lab("merge", file).code == 3
