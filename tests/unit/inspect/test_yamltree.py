"""YAML that is none: the place that is named is the one to mend."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.inspect import yamltree
from checker.pipelines.github.workflowfile import BadWorkflow, parse

WORKFLOW = """\
name: x
on: push
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: make
"""


@pytest.mark.parametrize(
    ("right", "wrong", "line", "column", "problem"),
    [
        ("make", "ma\x07ke", 7, 16, "U+0007 (a control character)"),
        ("make\n", "make\n\x0b", 8, 1, "U+000B"),
        ("make", '"\\UFFFFFFFF"', 7, 17, "it is no YAML"),
        ("make", "'make", 8, 1, "while scanning a quoted scalar that begins in line 7"),
        ("push", "[push", 3, 5, "while parsing a flow sequence that begins in line 2"),
        ("runs-on: ", "runs-on:\u00a0", 6, 10, "in column 13 of line 5 is U+00A0 (NO-BREAK SPACE)"),
        ("steps:", "steps:\u2003", 7, 12, "in column 11 of line 6 is U+2003 (EM SPACE)"),
        ("name: x", "x: &a 1\nl: [" + "*a, " * 101 + "]", 2, 408, "more than 100 aliases"),
        ("    steps", "\tsteps", 6, 1, "cannot start any token"),
        ("on:", "On:", 2, 1, "no key on at the top level; the key On"),
        ("jobs:", "\ufeffjobs:", 3, 1, "no key jobs at the top level; the key <U+FEFF>jobs"),
        ("jobs:", "job:", 3, 1, "the key job may be meant"),
    ],
)
def test_a_workflow_is_refused_with_the_place_to_mend(
    right: str, wrong: str, line: int, column: int, problem: str
) -> None:
    assert right in WORKFLOW
    with pytest.raises(BadWorkflow) as caught:
        parse(WORKFLOW.replace(right, wrong, 1))
    error = caught.value
    assert problem in error.problem
    assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb:\n  - 2031-02-30\n", 3),
        ("a: 1\nb: !!int many\n", 2),
        ("a: 1\nb: !!binary é\n", 2),
        ("a: 1\nb: !!bool perhaps\n", 2),
        ("a: 1\nb: !unknown x\n", 2),
        ("a: 1\n? [b]\n: 2\n", 2),
    ],
)
def test_a_value_that_is_not_what_it_is_said_to_be_is_told_with_its_line(text: str, line: int) -> None:
    with pytest.raises(yamltree.BadYaml) as caught:
        yamltree.load(text)
    assert caught.value.line == line


def test_what_is_yaml_is_read_with_a_mark_too() -> None:
    found: Any = yamltree.load("\ufeffa: [1, x]\r\n")
    assert found == {"a": [1, "x"]}
    assert yamltree.load("") is None


@given(st.text() | st.text(alphabet="ab:- \n[]{}&*!|>'\"#\\?%@\u00a0", max_size=60))
def test_any_text_is_yaml_or_is_refused(text: str) -> None:
    with suppress(yamltree.BadYaml):
        yamltree.load(text)
