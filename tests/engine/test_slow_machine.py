"""On a machine that is too slow nobody is blamed: a right answer passes or is an error, a wrong one fails as ever."""

import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from checker.base.pace import HERE
from checker.base.results import AnswerRun
from tests import slow
from tests.helpers import Command, TinyLab

pytestmark = pytest.mark.engine

CORES = os.cpu_count() or 1
TENTH = min(1.0, 0.1 * HERE.measure().processor) / CORES
"""The share of all processors that is a tenth of one as fast as limits were chosen on: no limit grows twenty times."""
LOOP = "while :; do :; done"
LOOPS = "\n".join([f"({LOOP}) &"] * CORES + ["wait"])
WORK = "for i in $(seq 1500); do /bin/true; done"
"""Takes a second or two of processor time, and ends."""


@pytest.fixture(scope="module", autouse=True)
def _groups() -> None:
    if reason := slow.able():
        pytest.skip(reason)


@pytest.mark.usefixtures("rooms")
def test_a_right_answer_is_not_blamed_for_a_tenth_of_the_speed(lab: Command, tiny: TinyLab) -> None:
    solved = tiny.solve(lab.home / "ada" / TinyLab.name)

    with slow.held(slow.TENTH) as group, slow.burning(CORES):
        result, said = slow.grade(solved, group, lab.env)

    assert result, said
    assert slow.unjust(result) == []
    assert result["outcome"] in ("pass", "error")


@pytest.mark.usefixtures("rooms")
def test_a_wrong_answer_fails_there_too(lab: Command, tiny: TinyLab) -> None:
    tiny.edit("lab.toml", 'needs = ["push"]', 'needs = ["push"]\ntime_limit = 2')
    solved = tiny.solve(lab.home / "bob" / TinyLab.name)
    (solved / "steps/pin.sh").write_text(LOOP)

    with slow.held(0.5) as group, slow.burning(1):
        result, said = slow.grade(solved, group, lab.env)

    assert result, said
    steps = {step["step"]: step for step in result["steps"]}
    assert (steps["push"]["outcome"], steps["pin"]["outcome"]) == ("pass", "fail")
    assert steps["pin"]["findings"][0]["code"] == "answer-timed-out"


ANSWER = """
import sys
from pathlib import Path

import msgspec

from checker.judge import answers
from checker.lab.workspace import Workspace

place, seconds = Path(sys.argv[1]), float(sys.argv[2])
run = answers.run_script(
    Workspace(place), place / "answer.sh", {"PATH": "/usr/bin:/bin"}, lambda _: None, time_limit=seconds
)
sys.stdout.buffer.write(msgspec.json.encode(run))
"""


def run(folder: Path, text: str, seconds: float, share: float = 1.0, busy: int = 0) -> AnswerRun:
    """Run an answer in a checker that is held to a share of all processors, beside so many busy programs."""
    (folder / "answer.sh").write_text(text)
    with ExitStack() as stack:
        group = stack.enter_context(slow.held(share)) if share < 1 else None
        stack.enter_context(slow.burning(busy))
        done = subprocess.run(
            [sys.executable, "-c", ANSWER, str(folder), str(seconds)],
            preexec_fn=group.enter if group else None,
            stdout=subprocess.PIPE,
            check=True,
        )
    return msgspec.json.decode(done.stdout, type=AnswerRun)


@pytest.mark.parametrize(
    ("text", "share", "busy"),
    [
        pytest.param("sleep 100", 1.0, 0, id="sleeps"),
        pytest.param("sleep 100", 1.0, CORES, id="sleeps-beside-busy-programs"),
        pytest.param("sleep 100", 0.05, 0, id="sleeps-on-a-tenth"),
        pytest.param("read -r < <(sleep 100)", 1.0, 0, id="waits-for-input"),
        pytest.param(LOOP, 1.0, 0, id="loops"),
        pytest.param(LOOP, 1.0, CORES, id="loops-beside-busy-programs"),
        pytest.param(LOOP, TENTH, 0, id="loops-on-a-tenth-of-a-processor"),
        pytest.param(LOOPS, 1.0, 0, id="loops-on-all-processors"),
        pytest.param(f"{LOOPS}\n{LOOPS}", 1.0, 0, id="loops-twice-on-all-processors"),
        pytest.param("for i in 1 2 3; do sleep 0; done; sleep 100", 1.0, CORES, id="works-then-sleeps"),
    ],
)
def test_what_never_ends_is_the_answers_own(tmp_path: Path, text: str, share: float, busy: int) -> None:
    ran = run(tmp_path, text, 2, share, busy)

    assert ran.timed_out
    assert ran.starved == ""


def test_what_would_have_ended_is_given_more_time_or_told_to_be_the_machines_fault(tmp_path: Path) -> None:
    ran = run(tmp_path, WORK, 2, 0.1 / CORES)

    assert ran.exit_code == 0 or "The machine was too slow: the answer did not end in" in ran.starved
    assert ran.seconds > 2


def test_what_is_held_is_told_with_figures(tmp_path: Path) -> None:
    ran = run(tmp_path, WORK, 1, 0.02 / CORES)

    assert ran.timed_out
    assert "programs waited for a processor in" in ran.starved
    assert "Close other programs or use a faster machine, and try again." in ran.starved
