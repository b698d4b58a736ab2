"""Terminals that cannot show every character: the rest is shown, and the exit code is that of the work."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from checker.base.results import Report
from checker.report import jsonform
from tests.helpers import Command, TinyLab


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


@pytest.fixture
def report(class_report: Report, tmp_path: Path) -> Path:
    """A report of a folder called zoë, handed in by somebody whose name is beyond any code page."""
    first, *others = class_report.results
    named = msgspec.structs.replace(first, path="submissions/zoë 卒業/90-tiny", warnings=("“né” → ok",))
    path = tmp_path / "class.json"
    path.write_bytes(jsonform.to_json(msgspec.structs.replace(class_report, results=(named, *others))))
    return path


@pytest.mark.parametrize(
    ("encoding", "read_as", "shown"),
    [
        ("ascii", "ascii", "zo? ??"),
        ("US-ASCII:strict", "ascii", "zo? ??"),
        ("iso-8859-1", "iso-8859-1", "zoë ??"),
        ("cp437", "cp437", "zoë ??"),
        ("utf-8", "utf-8", "zoë 卒業"),
    ],
)
def test_what_cannot_be_shown_is_replaced(
    lab: Command, report: Path, encoding: str, read_as: str, shown: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "checker.cli", "report", str(report)],
        env={**lab.env, "PYTHONIOENCODING": encoding, "COLUMNS": "200"},
        capture_output=True,
        cwd=lab.home,
        check=False,
    )

    assert done.returncode == 3, done.stderr  # as the report has an error in it
    assert shown in done.stdout.decode(read_as)
    assert b"Error" not in done.stderr


def test_messages_are_shown_too(lab: Command) -> None:
    done = lab("show", "zoë", PYTHONIOENCODING="ascii")

    assert done.code == 2
    assert "'zo?'" in done.err


def test_json_keeps_every_character(lab: Command, report: Path, tmp_path: Path) -> None:
    done = lab("report", str(report), "--json", str(tmp_path / "again.json"), PYTHONIOENCODING="ascii")

    assert done.code == 0
    assert "zoë 卒業" in (tmp_path / "again.json").read_text(encoding="utf-8")
