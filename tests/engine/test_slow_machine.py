"""On a machine that is too slow nobody is blamed: a right answer passes or is an error, a wrong one fails as ever."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from checker import answers
from checker.answers import Here
from checker.model import AnswerRun
from checker.workspace import Workspace
from tests import slow
from tests.helpers import Command, TinyLab

pytestmark = pytest.mark.engine

CORES = os.cpu_count() or 1
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


class Door(Here):
    """Where answers are held by a control group."""

    def __init__(self, enter: Callable[[], None]) -> None:
        self._enter = enter

    def enter(self) -> None:
        self._enter()


def run(folder: Path, text: str, seconds: float, share: float = 1.0, busy: int = 0) -> AnswerRun:
    script = folder / "answer.sh"
    script.write_text(text)
    with ExitStack() as stack:
        enter = stack.enter_context(slow.held(share)).enter if share < 1 else lambda: None
        stack.enter_context(slow.burning(busy))
        env = {"PATH": os.defpath}
        return answers.run_script(
            Workspace(folder), script, env, lambda _: None, time_limit=seconds, door=Door(enter)
        )


@pytest.mark.parametrize(
    ("text", "share", "busy"),
    [
        pytest.param("sleep 100", 1.0, 0, id="sleeps"),
        pytest.param("sleep 100", 1.0, CORES, id="sleeps-beside-busy-programs"),
        pytest.param("sleep 100", 0.05, 0, id="sleeps-on-a-tenth"),
        pytest.param("read -r < <(sleep 100)", 1.0, 0, id="waits-for-input"),
        pytest.param(LOOP, 1.0, 0, id="loops"),
        pytest.param(LOOP, 1.0, CORES, id="loops-beside-busy-programs"),
        pytest.param(LOOP, 0.1 / CORES, 0, id="loops-on-a-tenth-of-a-processor"),
        pytest.param(LOOPS, 1.0, 0, id="loops-on-all-processors"),
        pytest.param(f"{LOOPS}\n{LOOPS}", 1.0, 0, id="loops-twice-on-all-processors"),
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
    ran = run(tmp_path, WORK * 1, 1, 0.02 / CORES)

    assert ran.timed_out
    assert "programs waited for a processor in" in ran.starved
    assert "Close other programs or use a faster machine, and try again." in ran.starved
