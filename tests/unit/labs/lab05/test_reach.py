"""Lab 05's own module: which repositories a file of roles can reach, tried by a name for each pattern."""

from typing import Any

import pytest

from checker.services.rbac import matches
from reach import MOST, beyond, examples
from rolematrix import Row

FOUR = ("admin", "developer", "cicd", "readonly")
OTHER = {"admin": "pull push delete", "developer": "pull push", "readonly": "pull"}


def role(*patterns: str) -> dict[str, Any]:
    return {"rules": [{"repositories": list(patterns), "actions": ["pull"]}], "registry": []}


@pytest.mark.parametrize(
    "pattern", ["tern/*", "tern/**", "**", "*", "tern*/*", "tern/kettle*", "a-*/b.*", "tern/kettle"]
)
def test_an_example_is_a_name_that_the_pattern_matches(pattern: str) -> None:
    (name,) = examples([role(pattern)])
    assert matches(pattern, name)


def test_names_that_no_registry_takes_are_left_out_and_each_is_tried_once() -> None:
    assert examples([role("a._*", "tern/*", "tern/*"), role("tern/**"), {}]) == ["tern/q7x"]
    assert len(examples([role(*(f"a{number}" for number in range(100)))])) == MOST


def denied(code: str, name: str) -> list[str]:
    found: list[tuple[str, list[Row]]] = beyond([name], "tern", "tern/kettle", OTHER, FOUR)
    return [
        f"{row.role} {row.action}"
        for given, rows in found
        for row in rows
        if given == code and not row.allowed
    ]


def test_each_name_is_held_against_the_row_of_the_table_it_belongs_to() -> None:
    nobody = len(FOUR) * 3
    assert denied("other-app-reached", "tern/kettle") == []
    assert "cicd pull" in denied("other-app-reached", "tern/lid")
    assert "developer push" not in denied("other-app-reached", "tern/lid")
    assert "developer delete" in denied("other-app-reached", "tern/lid")
    assert len(denied("elsewhere-reached", "shared/q7x")) == nobody
    assert len(denied("elsewhere-reached", "tern")) == nobody
    assert len(denied("elsewhere-reached", "ternary/q7x")) == nobody
    assert "admin pull" not in denied("elsewhere-reached", "tern/old/lid")
    assert "developer pull" in denied("elsewhere-reached", "tern/old/lid")
    assert "readonly pull" not in denied("archive-reached", "tern/archive/q7x")
    assert "cicd pull" in denied("archive-reached", "tern/archive/q7x")
