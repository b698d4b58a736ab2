"""A grading.toml that is wrong anywhere is refused with the line; a right one means what it says."""

import contextlib
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.base.errors import UsageError
from checker.base.model import Lab, Step
from checker.report.gradingrules import GradingRules, line_of, parse, read

EVERYTHING = """\
cap_percent = 110

[late]
grace_minutes = 15
percent_per_day = 10.5
keep_percent = 50

[labs.01]
weight = 2

[labs.01.steps.release]
weight = 1.5

[[labs.01.steps.release.partial]]
finding = "tags-differ"
costs_percent = 40
reason = "All tags but one are right."

[[labs.01.steps.release.partial]]
finding = "not-pushed"
costs_percent = 80
reason = "The image is built."

[labs.docker-hub.steps.limits]
extra_credit = true
"""


def lab(name: str, *steps: str) -> Lab:
    return Lab(
        name=name,
        folder=Path(),
        notebook=Path(),
        title="",
        version="1",
        summary="",
        minutes=1,
        services=(),
        values={},
        steps=tuple(Step(name=step, title="", points=1) for step in steps),
    )


LABS = (lab("01-names-and-tags", "build", "release"), lab("02-docker-hub", "limits"))


def test_everything_that_can_be_said_is_read() -> None:
    rules = parse(EVERYTHING, labs=LABS)

    assert rules.cap_percent == 110
    assert rules.late
    assert (rules.late.grace_minutes, rules.late.percent_per_day, rules.late.keep_percent) == (
        15,
        Decimal("10.5"),
        50,
    )
    release = rules.lab("01-names-and-tags").steps["release"]
    assert rules.lab("01-names-and-tags").weight == 2
    assert release.weight == Decimal("1.5")
    assert [rule.costs_percent for rule in release.partial] == [40, 80]
    assert rules.lab("02-docker-hub").steps["limits"].extra_credit


def test_an_empty_file_changes_nothing() -> None:
    assert parse("") == GradingRules()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[late]\ngrace = 3\npercent_per_day = 1", "line 2: unknown key 'grace'"),
        ("weights = 3", "line 1: unknown key 'weights'"),
        ("[late]\ngrace_minutes = 3", "line 1: Object missing required field `percent_per_day`"),
        ("[late]\npercent_per_day = 101", "line 2: `percent_per_day` is a number from 0 to 100"),
        ("[late]\npercent_per_day = '10'x", "Expected newline or end of document"),
        ("\n\n[labs.01]\nweight = -1", "line 4: `weight` is a number from 0 to 1000"),
        ("\n[labs.01]\nweigth = 1", "line 3: unknown key 'weigth'"),
        ("[labs.09]\nweight = 1", "line 1: there is no lab '09'"),
        ("[labs.01]\n[labs.01-names-and-tags]", "line 2: '01-names-and-tags' and '01' are one lab"),
        ("[labs.01.steps.relase]\nweight = 1", "line 1: lab 01-names-and-tags has no step 'relase'"),
        ("[labs.01.steps.build]\npartial = 3", "line 2: `partial` is a list of tables"),
        ("[labs.01.steps]\nbuild = 3", "line 2: `build` is a table"),
        ("labs = 3", "line 1: `labs` is a table"),
        ("cap_percent = 99", "line 1: `cap_percent` is a number from 100 to 1000"),
        ("cap_percent = nan", "line 1: `cap_percent` is a number from 100 to 1000"),
        ("cap_percent = '100'", "line 1: `cap_percent` is a number from 100 to 1000"),
        ("[late]\npercent_per_day = 1\ngrace_minutes = 1.5", "line 3: grace_minutes: Expected `int`"),
        ("[labs.01.steps.build]\nextra_credit = 1", "line 2: extra_credit: Expected `bool`, got `int`"),
        (
            '[[labs.01.steps.build.partial]]\nfinding = "a"\ncosts_percent = 1\nreason = "x"\n'
            '[[labs.01.steps.build.partial]]\nfinding = "b"\ncosts_percent = 1\nreason = ""',
            "line 8: reason: Expected `str` of length >= 1",
        ),
        (
            '[[labs.01.steps.build.partial]]\nfinding = "a"\ncosts_percent = 1\nreason = "x"\n'
            '[[labs.01.steps.build.partial]]\nfinding = "a"\ncosts_percent = 1\nreason = "y"',
            "line 6: the finding 'a' stands twice",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, told: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(text, labs=LABS)

    assert told in raised.value.message
    assert raised.value.message.startswith("grading.toml")
    assert raised.value.action


def test_a_misspelt_key_is_told_what_was_meant() -> None:
    with pytest.raises(UsageError) as raised:
        parse("[labs.01.steps.release]\nweigth = 3")

    assert raised.value.action == "Did you mean 'weight'?"


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Cannot read .*nowhere\.toml"):
        read(tmp_path / "nowhere.toml")


def test_rules_for_a_lab_are_found_by_number_topic_and_name() -> None:
    for key in ("01", "names-and-tags", "01-names-and-tags"):
        assert parse(f"[labs.{key}]\nweight = 3", labs=LABS).lab("01-names-and-tags").weight == 3


@given(st.text(alphabet="[]=.\"'ab#\n ", max_size=60), st.lists(st.sampled_from("ab"), max_size=3))
def test_looking_for_a_line_never_fails(text: str, place: list[str]) -> None:
    line = line_of(text, tuple(place))
    assert line is None or 1 <= line <= len(text.splitlines())


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_in_one_way(text: str) -> None:
    with contextlib.suppress(UsageError):
        parse(text)
