"""Parts of a class as one report: every submission once, and no part that is missing unnoticed."""

import json
from itertools import permutations
from pathlib import Path

import jsonschema
import msgspec
import pytest

from checker.base.errors import UsageError
from checker.base.results import (
    AnswerText,
    LabReport,
    Missing,
    Outcome,
    Person,
    Report,
    Shard,
    StepReport,
    Versions,
)
from checker.cli import grading
from checker.cli.replaying import GradingOptions
from checker.grading.pool import Task
from checker.grading.shards import join
from checker.lab.catalog import Catalog
from checker.report import classpage, jsonform, wording
from checker.report.grades import grade
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
        written=AnswerText(path="steps/push.sh", text="echo \x1b[1m\u202e\ufffd </pre>\r\n", truncated=True),
    )
    steps = () if error else (step,)
    return LabReport(lab="90-tiny", title="Tiny", path=path, steps=steps, versions=Versions(), error=error)


def part(
    *results: LabReport, number: int | tuple[int, ...] = 0, of: int = 2, missing: tuple[str, ...] = ()
) -> Report:
    """number: of the part, or of several or none of those there are; 0 for a whole class."""
    numbers = number if isinstance(number, tuple) else (number,)
    return Report(
        mode="replay",
        generated_at="2026-01-01T00:00:00Z",
        results=results,
        missing=tuple(Missing(person=Person(identifier=who), labs=("90-tiny",)) for who in missing),
        shard=None if number == 0 else Shard(parts=numbers, of=of),
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


def test_a_part_that_is_given_twice_is_known_and_counts_once() -> None:
    joined = join([part(result("a"), number=1), part(result("b"), number=2), part(result("a"), number=1)])

    assert (joined.absent, joined.twice, joined.of) == ((), (1,), 2)
    assert [each.path for each in joined.report.results] == ["a", "b"]


def test_what_an_interrupted_part_had_done_counts_and_the_part_is_missing() -> None:
    interrupted = part(result("a"), number=(), of=2)
    assert join([interrupted]).absent == (1, 2)

    joined = join([interrupted, part(result("b"), number=2)])

    assert [each.path for each in joined.report.results] == ["a", "b"]
    assert (joined.report.shard, joined.absent) == (Shard(parts=(2,), of=2), (1,))


@pytest.mark.parametrize(
    ("done", "shard", "known"),
    [
        (2, (2, 3), Shard(parts=(2,), of=3)),
        (1, (2, 3), Shard(parts=(), of=3)),
        (1, None, None),
        (2, (1, 1), None),
    ],
)
def test_only_a_part_that_is_all_done_has_its_number(
    done: int, shard: tuple[int, int] | None, known: Shard | None, tiny: TinyLab
) -> None:
    tasks = [Task(number, Catalog(tiny.root).lab("90"), Path(f"l{number}")) for number in (1, 4)]
    found = {task.number: result(str(task.path)) for task in tasks[:done]}

    assert grading.report_of(found, tasks, GradingOptions(shard=shard)).shard == known


def test_a_report_of_no_part_stands_for_none() -> None:
    joined = join([part(result("a"), result("b")), part(result("a"), number=1)])

    assert (joined.report.shard, joined.absent) == (Shard(parts=(1,), of=2), (2,))


def test_the_only_part_there_is_is_the_whole() -> None:
    assert join([part(result("a"), number=1, of=1)]).report.shard is None


def test_order_changes_nothing_about_parts() -> None:
    reports = [part(result(name), number=number, of=4) for number, name in ((3, "c"), (1, "a"), (4, "d"))]

    for one in permutations(reports):
        joined = join(one)
        assert (joined.report, joined.absent) == (join(reports).report, (2,))


@pytest.mark.parametrize(
    ("parts", "of"), [((0,), 2), ((3,), 2), ((2, 1), 2), ((1, 1), 2), ((), 0), ((1,), -3), ((1,), 10**9)]
)
def test_numbers_that_cannot_be_are_a_damaged_report(parts: tuple[int, ...], of: int) -> None:
    form = json.loads(jsonform.to_json(part(result("a"), number=1)))
    form["shard"] = {"parts": parts, "of": of}

    with pytest.raises(UsageError, match="damaged"):
        jsonform.from_json(json.dumps(form).encode())


def test_reports_that_are_no_parts_of_one_grading_are_refused() -> None:
    with pytest.raises(UsageError, match="no parts of one grading"):
        join([part(number=1, of=3), part(number=2, of=4)])


def test_a_part_may_be_empty_and_a_whole_class_may_not() -> None:
    assert part(number=2).outcome is Outcome.PASS
    assert part(number=()).outcome is Outcome.ERROR, "nothing was done before it was interrupted"
    assert part().outcome is Outcome.ERROR
    assert join([part(number=1), part(number=2)]).report.outcome is Outcome.ERROR
    assert join([part(result("a"), number=1), part(number=2)]).report.outcome is Outcome.PASS


def test_which_part_it_is_goes_through_the_form_for_machines() -> None:
    report = part(result("a"), number=2, of=5)
    form = jsonform.to_json(report)

    jsonschema.validate(json.loads(form), jsonform.schema())
    assert jsonform.from_json(form) == report


def test_whoever_reads_a_report_sees_that_it_is_not_all() -> None:
    some = part(result("a"), number=(1, 2, 3, 7), of=9)
    says = "not the whole class, parts of 9 that are done: 1-3, 7"

    assert f"<strong>{says}</strong>" in classpage.to_html(grade(some))
    assert says in classpage.to_html(grade(some))
    assert list(wording.about_the_class(some)) == [f"N{says[1:]}."]
    assert "parts of" not in classpage.to_html(grade(part(result("a"))))
    assert wording.part_of_class(part(number=())).endswith("done: none")


FORMS = ("--html", "--csv", "--junit", "--markdown", "--codequality", "--json")


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    """Where no engine can be reached."""
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


@pytest.mark.parametrize("more", [(), ("--jobs", "3"), ("--fail-under", "60"), ("--resume", "done")])
def test_a_part_with_nothing_to_do_is_no_failure_and_needs_no_engine(
    more: tuple[str, ...], lab: Command, tiny: TinyLab, tmp_path: Path
) -> None:
    for who in ("ada", "bo", "mo"):
        tiny.solve(tmp_path / "class" / who / tiny.name)
    roster = tmp_path / "class.csv"
    roster.write_text("identifier,name\nada,Ada\nzoe,Zoe\n")
    files = {form: tmp_path / f"out{form}" for form in FORMS}
    named = [item for form, file in files.items() for item in (form, file)]

    done = lab("grade", tmp_path / "class", "--shard", "5/8", "--roster", roster, *more, *named)

    assert done.code == 0, done.err
    assert "Nothing of 3 is in this part." in done.err
    assert all(file.read_bytes() for file in files.values())
    empty = jsonform.from_json(files["--json"].read_bytes())
    assert (empty.results, empty.shard, empty.outcome) == ((), Shard(parts=(5,), of=8), Outcome.PASS)


def test_what_is_of_no_lab_is_told_by_one_part_only(lab: Command, tmp_path: Path) -> None:
    (tmp_path / "class").mkdir()
    for who in ("ada", "bo"):
        (tmp_path / "class" / f"{who}.zip").write_bytes(b"no archive")
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]

    done = [
        lab("grade", tmp_path / "class", "--shard", f"{number}/3", "--json", file)
        for number, file in enumerate(files, start=1)
    ]
    merged = lab("merge", *files, "--json", tmp_path / "whole.json")
    alone = lab("grade", tmp_path / "class", "--json", tmp_path / "alone.json")

    assert [each.code for each in done] == [3, 3, 0], "a part with nothing to do is no failure"
    assert ["Nothing of 2 is in this part." in each.err for each in done] == [False, False, True]
    assert (merged.code, alone.code) == (3, 3), "nobody can grade these"
    whole, same = (
        jsonform.from_json((tmp_path / name).read_bytes()) for name in ("whole.json", "alone.json")
    )
    assert whole.results == same.results
    assert len(whole.results) == 2


def test_a_part_with_something_to_do_needs_an_engine(lab: Command, tiny: TinyLab, tmp_path: Path) -> None:
    tiny.solve(tmp_path / "class/ada" / tiny.name)

    assert lab("grade", tmp_path / "class", "--shard", "1/8").code == 3


@pytest.mark.parametrize("command", ["merge", "report"])
def test_an_empty_part_joins_cleanly(command: str, lab: Command, tmp_path: Path) -> None:
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    files[0].write_bytes(jsonform.to_json(part(result("a"), number=1)))
    files[1].write_bytes(jsonform.to_json(part(number=2)))

    done = lab(command, *files, "--json", tmp_path / "whole.json")

    assert done.code == 0, done.err
    assert jsonform.from_json((tmp_path / "whole.json").read_bytes()) == part(result("a"))


def test_merging_heeds_the_rules_as_grading_does(lab: Command, tmp_path: Path) -> None:
    file, rules = tmp_path / "whole.json", tmp_path / "grading.toml"
    late = msgspec.structs.replace(result("a"), submitted_at="2026-01-02T12:00:00Z", late=True)
    report = msgspec.structs.replace(part(late), due="2026-01-02T00:00:00Z")
    file.write_bytes(jsonform.to_json(report))
    rules.write_text("[late]\npercent_per_day = 60\n")

    plain = lab("merge", file, "--fail-under", "50")
    ruled = lab("merge", file, "--fail-under", "50", "--rules", rules, "--csv", tmp_path / "grades.csv")

    assert (plain.code, ruled.code) == (0, 1), ruled.err


@pytest.mark.parametrize("command", ["merge", "report"])
def test_a_part_that_is_given_twice_is_said(command: str, lab: Command, tmp_path: Path) -> None:
    files = [tmp_path / "1.json", tmp_path / "2.json"]
    for number, file in enumerate(files, start=1):
        file.write_bytes(jsonform.to_json(part(result(f"l{number}"), number=number)))

    done = lab(command, *files, files[1])

    assert done.code == 0, done.err
    assert "Given more than once of 2 parts: 2." in done.err


@pytest.mark.parametrize("command", ["merge", "report"])
def test_a_missing_part_is_said_and_no_success(command: str, lab: Command, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.json" for number in (1, 2, 3)]
    for number, file in enumerate(files, start=1):
        file.write_bytes(jsonform.to_json(part(result(f"l{number}"), number=number, of=3)))
    whole = tmp_path / "whole.json"

    some = lab(command, *files[:2], "--json", whole)
    assert len(jsonform.from_json(whole.read_bytes()).results) == 2, "what is there is written all the same"
    every = lab(command, *files, "--json", whole)

    assert some.code == 3
    assert "Missing or interrupted of 3 parts: 3. The report lacks" in some.err
    assert "`lab grade --shard 3/3`" in some.err
    assert every.code == 0, every.err
    assert "Missing" not in every.err


def test_one_part_alone_can_be_looked_at(lab: Command, tmp_path: Path) -> None:
    file = tmp_path / "part.json"
    file.write_bytes(jsonform.to_json(part(result("a"), number=1, of=3)))

    assert lab("report", file).code == 0
    assert lab("merge", file).code == 3
