"""The notebook as text: sections, step cells, and notebooks that cannot be read."""

import json
from typing import Any

import pytest

from checker.base.errors import BrokenLab
from checker.base.model import Lab
from checker.lab import lesson
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab


@pytest.fixture
def lab(tiny: TinyLab) -> Lab:
    return Catalog(tiny.root).lab("90")


def cell(kind: str, source: Any, step: str = "") -> dict[str, Any]:
    metadata = {"registry_lab": {"step": step}} if step else {}
    return {"cell_type": kind, "source": source, "metadata": metadata}


def written(tiny: TinyLab, *cells: dict[str, Any]) -> None:
    tiny.notebook.write_text(json.dumps({"cells": cells}), encoding="utf-8")


def test_each_cell_knows_its_step_and_what_it_answers(lab: Lab) -> None:
    assert [(found.step, found.answers) for found in lesson.cells(lab)] == [
        ("push", ""),
        ("push", "push"),
        ("pin", ""),
        ("pin", "pin"),
        ("note", ""),
        ("note", "note"),
        ("", ""),
        ("", ""),
    ]


def test_source_may_be_one_text_or_lines(tiny: TinyLab, lab: Lab) -> None:
    written(tiny, cell("markdown", "one\ntwo"), cell("markdown", ["one\n", "two"]))

    first, second = lesson.cells(lab)

    assert first == second


def test_a_step_cell_says_where_to_write_in_a_terminal(lab: Lab) -> None:
    assert "Write your answer in `steps/pin.sh`, then `lab run 90 pin`." in lesson.text(lab, "pin")


def test_one_step_shows_its_own_section_only(lab: Lab) -> None:
    assert "## pin" in lesson.text(lab, "pin")
    assert "## push" not in lesson.text(lab, "pin")
    assert "## push" in lesson.text(lab)


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("%%try\ndocker ps\n", "```bash\ndocker ps\n```\n\nTry it in `lab shell 90`."),
        ("%load_ext x\n", ""),
        ("print(1)\n", "```python\nprint(1)\n```"),
        ("", ""),
    ],
)
def test_code_becomes_what_a_terminal_can_use(tiny: TinyLab, lab: Lab, source: str, shown: str) -> None:
    written(tiny, cell("code", source))

    assert lesson.text(lab) == shown


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"cells": [1]}', '{"cells": [{"cell_type": "code"}]}', "\x00"]
)
def test_what_is_no_notebook_is_told_with_its_place(tiny: TinyLab, lab: Lab, text: str) -> None:
    tiny.notebook.write_text(text)

    with pytest.raises(BrokenLab, match=r"90-tiny\.ipynb cannot be read"):
        lesson.cells(lab)
