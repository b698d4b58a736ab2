"""Files saved by editors of other systems."""

import codecs
from pathlib import Path

import pytest

from checker.base import texts
from checker.base.errors import BrokenLab, UsageError
from checker.base.results import Report
from checker.lab import catalog
from checker.report import gradingrules, jsonform

ENCODED = {
    "plain": lambda text: text.encode(),
    "mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "PowerShell's >": lambda text: codecs.BOM_UTF16_LE + text.replace("\n", "\r\n").encode("utf-16-le"),
    "big end first": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "UTF-32": lambda text: codecs.BOM_UTF32_LE + text.encode("utf-32-le"),
}


@pytest.mark.parametrize("name", ENCODED)
def test_a_report_is_read_however_it_was_saved(class_report: Report, name: str) -> None:
    text = jsonform.to_json(class_report).decode()

    assert jsonform.from_json(ENCODED[name](text)) == class_report


@pytest.mark.parametrize("name", ENCODED)
def test_rules_are_read_however_they_were_saved(tmp_path: Path, name: str) -> None:
    file = tmp_path / "grading.toml"
    file.write_bytes(ENCODED[name]("# für alle\n[labs.90]\nweight = 3\n"))

    assert gradingrules.read(file).lab("90-tiny").weight == 3


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ('{"a": 1,\n "b": zoë}'.encode("cp1252"), r"line 2, column 9: not UTF-8 \(the byte 0xeb\)"),
        (b"\xef\xbb\xbfcaf\xe9", r"line 1, column 4: not UTF-8 \(the byte 0xe9\)"),
        (b"\xff\xfea\x00b", "not UTF-16-LE"),
    ],
)
def test_another_encoding_is_named_with_its_place(data: bytes, told: str) -> None:
    with pytest.raises(UsageError, match=told) as caught:
        texts.decoded(data, "The file")
    assert caught.value.action == "Save the file as UTF-8."


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  "schema": "x",\n  oops\n}', "in line 3, column 3"),
        ('{\n  "schema": "zoë" "x"}', "in line 2, column 19"),
        ("", "the file is empty"),
    ],
)
def test_what_is_no_json_is_told_with_line_and_column(text: str, place: str) -> None:
    with pytest.raises(UsageError, match="not JSON") as caught:
        jsonform.from_json(text.encode())
    assert place in caught.value.message


def test_a_lab_file_may_have_a_mark_and_is_named_if_it_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "lab.toml"
    file.write_bytes(codecs.BOM_UTF8 + 'title = "é"\r\n'.encode())
    assert catalog._convert(file, dict) == {"title": "é"}

    file.write_bytes('title = "é"\n'.encode("latin-1"))
    with pytest.raises(BrokenLab, match=r"lab\.toml: 'utf-8' codec"):
        catalog._convert(file, dict)


def test_what_is_nested_beyond_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nested too deeply"):
        jsonform.from_json(b"[" * 100_000)
    with pytest.raises(UsageError, match="nested too deeply"):
        gradingrules.parse("x = " + "[" * 5000)
    (tmp_path / "lab.toml").write_text("x = " + "[" * 5000)
    with pytest.raises(BrokenLab, match=r"lab\.toml"):
        catalog._convert(tmp_path / "lab.toml", dict)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[labs.90]\nweight = 3\n\n[labs.91.steps.x]\npartial = [\n  1,\n  2\n", 5),
        ('a = 1\n# remark\nb = """\nnever\nclosed\n', 3),
        ("[labs", 1),
        ("a = 1\nb =", 2),
    ],
)
def test_toml_that_ends_too_early_is_told_with_the_line_that_is_not_closed(text: str, line: int) -> None:
    with pytest.raises(UsageError) as caught:
        gradingrules.parse(text)
    assert f"what is not closed begins in line {line})" in caught.value.message
