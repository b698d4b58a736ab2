"""The `lab` command without an engine: help, wrong usage, exit codes, and never a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checker.base.errors import BrokenLab, EngineFault, ExitCode, LabError, ServiceFault, UsageError
from checker.cli import app as cli
from tests.helpers import Command, TinyLab

COMMANDS = """
    doctor list init start show run check hint watch reset stop
    submit similar grade report merge author demo notebook shell completion
""".split()


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


def test_help_names_every_command_examples_and_exit_codes(lab: Command) -> None:
    done = lab("--help")

    assert done.code == 0
    assert all(f"\n  {name} " in done.out for name in COMMANDS)
    assert "Examples:" in done.out
    assert "0 all passed, 1 some step failed, 2 wrong usage" in done.out


@pytest.mark.parametrize(
    "name", [*(name for name in COMMANDS if name != "author"), "author new", "author test"]
)
def test_every_command_has_help_with_examples(name: str) -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(cli.cli, [*name.split(), "--help"])

    assert done.exit_code == 0
    assert f"  lab {name}" in done.output


def test_help_loads_nothing_that_is_slow_to_load(lab: Command) -> None:
    heavy = "docker pytest requests rich testcontainers msgspec filelock watchfiles"
    show = f"import atexit, sys; atexit.register(lambda: print(set({heavy.split()}) & set(sys.modules)))"

    assert lab("--help", before=show).out.endswith("set()\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("frobnicate", "No such command"),
        ("start", "Missing argument 'LAB'"),
        ("start 90 --port 0", "0 is not in the range"),
        ("check --colour", "No such option"),
        ("start 91", "There is no lab '91'."),
        ("show 90 pull", "Lab 90-tiny has no step 'pull'."),
        ("run 91", "There is no lab '91'."),
        ("run 90", "Name the steps to run, or --all."),
        ("run 90 push --all", "Name the steps to run, or --all."),
        ("stop", "No lab is named, and none is running."),
        ("stop 90 --all", "Name one lab, or --all."),
        ("stop 90 --images", "Name one lab, or --all."),
        ("grade", "Missing argument 'PATHS...'"),
        ("grade nowhere", "nowhere is no folder and no archive."),
        ("grade . --fail-under 101", "101.0 is not in the range"),
    ],
)
def test_wrong_usage_is_told_and_exits_with_2(lab: Command, arguments: str, told: str) -> None:
    done = lab(*arguments.split())

    assert done.code == 2
    assert told in done.err
    assert done.out == ""


def test_what_needs_no_engine_works_without_one(lab: Command) -> None:
    alone, listed, steps, shown = lab(), lab("list"), lab("list", "90"), lab("show", "90", "pin")

    assert (alone.code, listed.code, steps.code, shown.code) == (0, 0, 0, 0)
    assert "lab start 90 begin with Tiny" in " ".join(alone.out.split())
    assert "90 Tiny" in " ".join(listed.out.split())
    assert "1 not begun push 0/5 Push an image of this run" in " ".join(steps.out.split())
    assert "lab run 90 pin" in shown.out


def test_a_reader_that_went_away_is_no_error(lab: Command) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        done = subprocess.run(
            [sys.executable, "-m", "checker.cli", "list"],
            env=lab.env,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (UsageError("Wrong.", "Do right."), ExitCode.USAGE),
        (EngineFault("Gone.", "Start it."), ExitCode.ENVIRONMENT),
        (ServiceFault("Gone.", "Start it."), ExitCode.ENVIRONMENT),
        (BrokenLab("Broken.", "Mend it."), ExitCode.ENVIRONMENT),
        (LabError("Bad.", "Look."), ExitCode.ENVIRONMENT),
    ],
)
def test_each_kind_of_end_has_its_exit_code_and_says_what_to_do(
    capsys: pytest.CaptureFixture[str], raised: LabError, code: int
) -> None:
    def work() -> None:
        raise raised

    assert cli.guarded(work) == code
    said = capsys.readouterr().err
    assert f"Error: {raised.message}" in said
    assert f"Next: {raised.action}" in said


def test_an_interrupt_exits_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise KeyboardInterrupt

    assert cli.guarded(work) == 130
    assert "Interrupted." in capsys.readouterr().err


def test_a_defect_of_ours_is_kept_for_a_report_and_shown_without_a_traceback(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))

    def work() -> None:
        raise ZeroDivisionError("oops")

    assert cli.guarded(work) == ExitCode.ENVIRONMENT
    said = capsys.readouterr().err
    assert "Something went wrong that is not your fault: ZeroDivisionError: oops" in said
    assert "Traceback" not in said
    assert "Traceback" in (tmp_path / "cache/last-defect.txt").read_text()


def test_sigterm_ends_a_command_as_ctrl_c_does(lab: Command) -> None:
    wait = "lambda _: print('up', flush=True) or time.sleep(600)"
    before = f"import time, checker.lab.catalog; checker.lab.catalog.Catalog.labs = {wait}"
    process = lab.spawn("list", before=before)
    process.says("up")

    os.kill(process.popen.pid, signal.SIGTERM)

    assert process.wait().code == 130


def test_no_colour_is_printed_into_a_file_or_where_it_is_not_wanted(lab: Command) -> None:
    done = lab("start", "91", FORCE_COLOR="1")

    assert "\x1b" not in done.out + done.err
