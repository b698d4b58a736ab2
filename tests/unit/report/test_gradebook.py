"""Gradebooks that platforms read and in which no spreadsheet finds a formula."""

import csv
import io
import re
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.base.results import Missing, Person, Report
from checker.report.gradebook import FLAVOURS, Flavour, cell, to_csv
from checker.report.graded import Grades
from checker.report.grades import grade
from checker.report.gradingrules import parse

FORMULA = re.compile(r"^\W*[=+\-@＝＋－＠]")


@pytest.fixture
def known(class_report: Report) -> Report:
    """The class with a roster: two people who are on it, one missing, one late."""
    zoe, ada, bo = class_report.results
    people = (
        Person(identifier="z1", name="Zoë Ångström", email="zoe@uni.example", login="zoe", listed=True),
        Person(identifier="a1", name="Ada L.", email="ada@uni.example", login="ada", listed=True),
    )
    return msgspec.structs.replace(
        class_report,
        due="2026-01-30T12:00:00Z",
        missing=(Missing(person=Person(identifier="m1", name="Mo", listed=True), labs=(zoe.lab,)),),
        results=(
            msgspec.structs.replace(zoe, person=people[0], submitted_at="2026-01-31T12:00:00Z", late=True),
            msgspec.structs.replace(ada, person=people[1], submitted_at="2026-01-30T11:00:00Z", late=False),
            bo,
        ),
    )


def rows(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_golden(known: Report, flavour: Flavour, golden: Callable[[str, str | bytes], None]) -> None:
    golden(f"class.{flavour}.csv", to_csv(grade(known), flavour))


def test_every_learner_is_a_row_and_every_step_a_column(known: Report) -> None:
    head, *people = rows(to_csv(grade(known)))

    assert head == [
        *("Learner", "Name", "Email", "Handed in"),
        *("references", "build", "release", "promote", "slim"),
        *("Points", "Of", "Percent", "Outcome", "Remarks"),
    ]
    assert [row[0] for row in people] == ["a1", "bo", "m1", "z1"]
    assert {len(row) for row in people} == {len(head)}
    assert people[3][3:13] == [
        "2026-01-31T12:00:00Z late",
        "10",
        "10",
        "0",
        "0",
        "",
        "20",
        "50",
        "40",
        "error",
    ]
    assert people[2][3] == "missing"


def test_only_a_spreadsheets_file_begins_with_a_byte_order_mark(known: Report) -> None:
    starts = {flavour: to_csv(grade(known), flavour).startswith(b"\xef\xbb\xbf") for flavour in FLAVOURS}

    assert starts == {"plain": True, "canvas": False, "moodle": False}


def test_a_platform_gets_no_grade_where_the_machine_is_at_fault_and_zero_where_nothing_came(
    known: Report,
) -> None:
    canvas = {row[0]: row[-1] for row in rows(to_csv(grade(known), "canvas"))}

    assert canvas == {
        "Student": "01-names-and-tags",
        "    Points Possible": "50",
        "Ada L.": "20",
        "Zoë Ångström": "",
        "bo": "",
        "Mo": "0",
    }


def test_what_rules_did_is_told(known: Report) -> None:
    rules = parse("[late]\npercent_per_day = 10")
    told = {row[0]: row[-1] for row in rows(to_csv(grade(known, rules)))}

    assert "20 becomes 18: it was late by 1 day begun" in told["z1"]
    assert told["a1"] == ""


def test_two_labs_have_columns_of_their_own(known: Report) -> None:
    second = msgspec.structs.replace(known.results[1], lab="02-docker-hub")
    both = msgspec.structs.replace(known, results=(*known.results, second))
    head, *people = rows(to_csv(grade(both)))

    assert "01-names-and-tags: build" in head
    assert "02-docker-hub: points" in head
    assert {len(row) for row in people} == {len(head)}


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("=1+1", "'=1+1"),
        ("+49", "'+49"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'=1"),
        ("\r=1", "'=1"),
        ("  \n =1", "'=1"),
        ('"=1', "'\"=1"),
        ("＝1", "'＝1"),
        ("\x1b[31m=1", "'=1"),
        ("x;=1", "x;'=1"),
        ("a-b@c=d", "a-b@c=d"),
        ("2 + 2, -1", "2 + 2, -1"),
        ("", ""),
    ],
)
def test_nothing_begins_like_a_formula(text: str, made: str) -> None:
    assert cell(text) == made


@given(st.text(alphabet=st.sampled_from("=+-@\t\r\n ;|,\"'a1\x1b\u200b＝"), max_size=30))
def test_no_text_becomes_a_formula_whichever_separator_is_used(text: str) -> None:
    made = cell(text)

    assert not FORMULA.match(made) or made.startswith("'")
    for part in re.split(r"[;|\t\r\n]", made):
        assert not re.match(r"^[\s\"]*[=+\-@＝]", part)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_hostile_text_is_in_its_cell_and_no_formula(hostile_report: Report, flavour: Flavour) -> None:
    data = to_csv(grade(hostile_report), flavour)
    made = rows(data)

    assert len({len(row) for row in made}) == 1
    assert not [value for row in made for value in row if re.match(r"[=+\-@\t\r]", value)]
    assert not set(data.decode()) & set("\x00\x07\x1b\x7f\x9b\u202e\ufffe\t")
    assert data.count(b"\n") == len(made)


def test_a_large_class_keeps_every_row(class_report: Report) -> None:
    people = [Person(identifier=f"p{number}") for number in range(200)]
    results = tuple(msgspec.structs.replace(class_report.results[0], person=person) for person in people)
    graded: Grades = grade(msgspec.structs.replace(class_report, results=results))

    assert len(rows(to_csv(graded))) == 201
