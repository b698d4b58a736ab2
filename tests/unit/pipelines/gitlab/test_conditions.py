"""Conditions of GitLab's rules, read and evaluated as GitLab does."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.pipelines.gitlab.conditions import (
    BadExpression,
    holds,
    read,
    variables_in_texts,
    variables_of,
)

KNOWN = {
    "CI_COMMIT_BRANCH": "main",
    "CI_DEFAULT_BRANCH": "main",
    "EMPTY": "",
    "BLANK": " ",
    "PATTERN": "/^ma/",
    "NESTED": "$CI_DEFAULT_BRANCH",
    "YES": "true",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("$CI_COMMIT_BRANCH", True),
        ("$EMPTY", False),
        ("$BLANK", False),
        ("$UNKNOWN", False),
        ("$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH", True),
        ("$CI_COMMIT_BRANCH == 'main'", True),
        ('"main" == $CI_COMMIT_BRANCH', True),
        ('$CI_COMMIT_BRANCH != "main"', False),
        ('$CI_COMMIT_BRANCH == "Main"', False),
        # A text in quotes is that text, and a variable within a variable is not filled in.
        ('$CI_COMMIT_BRANCH == "$CI_DEFAULT_BRANCH"', False),
        ("$CI_COMMIT_BRANCH == $NESTED", False),
        # Not set and empty are two things.
        ("$UNKNOWN == null", True),
        ("$EMPTY == null", False),
        ('$EMPTY == ""', True),
        ('$UNKNOWN == ""', False),
        ("$UNKNOWN == $OTHER", True),
        ("$YES == true", False),
        ("true", True),
        ("false", False),
        # An empty text is none, and yet joined by && it is no hindrance, nor by || a reason to look on.
        ("$EMPTY && $CI_COMMIT_BRANCH", True),
        ("$EMPTY || $CI_COMMIT_BRANCH", False),
        ("$UNKNOWN && $CI_COMMIT_BRANCH", False),
        ("$UNKNOWN || $CI_COMMIT_BRANCH", True),
        ("$CI_COMMIT_BRANCH =~ /^main$/", True),
        ("$CI_COMMIT_BRANCH =~ /ai/", True),
        ("$CI_COMMIT_BRANCH =~ /^MAIN$/", False),
        ("$CI_COMMIT_BRANCH =~ /^MAIN$/i", True),
        ("$CI_COMMIT_BRANCH =~ $PATTERN", True),
        ('$CI_COMMIT_BRANCH =~ "/^ma/"', True),
        ("$CI_COMMIT_BRANCH =~ $UNKNOWN", False),
        ("$CI_COMMIT_BRANCH !~ $UNKNOWN", True),
        ("$UNKNOWN =~ /^v/", False),
        ("$UNKNOWN !~ /^v/", True),
        ("$UNKNOWN =~ /.*/", True),
        ('$CI_COMMIT_BRANCH =~ "main, develop"', True),
        (r"$CI_COMMIT_BRANCH !~ /^(release|hotfix)\/.+$/", True),
        # == binds before &&, && before ||.
        ('$UNKNOWN && $X || $CI_COMMIT_BRANCH == "main"', True),
        ('$UNKNOWN && ($X || $CI_COMMIT_BRANCH == "main")', False),
        ('$CI_COMMIT_BRANCH == "a" || $CI_COMMIT_BRANCH == "main" && $YES', True),
        ('(($CI_COMMIT_BRANCH == "main"))', True),
        ('$CI_COMMIT_BRANCH == "main"\n  && $CI_COMMIT_BRANCH\n', True),
        ('$CI_COMMIT_BRANCH=="main"&&$YES', True),
    ],
)
def test_an_expression_holds_where_it_does_on_gitlab(expression: str, expected: bool) -> None:
    assert holds(expression, KNOWN) is expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "  ",
        "main",
        "$A = 'x'",
        "${A} == 'x'",
        "$A == 'x",
        "$A ==",
        "== $A",
        "$A $B",
        "($A",
        "$A)",
        "$A && && $B",
        "!$A",
        "$A =~ /^feature/.*/",
        "$A =~ /(/",
        "$A =~ /^(?!main)/",
        "$A == 1",
        " || ".join(["$A"] * 60),
    ],
)
def test_what_gitlab_cannot_read_is_told(expression: str) -> None:
    with pytest.raises(BadExpression):
        read(expression)


def test_the_variables_of_an_expression_and_those_that_only_seem_to_be() -> None:
    expression = '$A == "$B" && $C =~ /$D/ || $A == "5 $" && $A =~ "/$E/"'
    assert variables_of(expression) == ("A", "C", "A", "A")
    assert variables_in_texts(expression) == ("$B",)


@given(st.text("$AB_ =!~&|()\"'/x\\n", max_size=25))
def test_whatever_is_written_is_read_or_told(text: str) -> None:
    with suppress(BadExpression):
        assert holds(text, {"A": "x"}) in (True, False)
