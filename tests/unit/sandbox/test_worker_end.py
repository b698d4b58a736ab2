"""A process that grades and ends without a result says how it ended, and what to do."""

import os
import signal
from pathlib import Path

import pytest

from checker.sandbox.room.limits import Group
from checker.sandbox.room.making import _how_it_ended


def child(ending: str) -> int:
    """A process that has ended so, and nobody has asked for it yet."""
    pid = os.fork()
    if pid == 0:
        if ending == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0 if ending == "well" else 7)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def test_one_that_was_killed_names_the_signal_and_what_to_do() -> None:
    said = _how_it_ended(child("killed"), Group({}))

    assert "was ended by the signal SIGKILL" in said
    assert "--jobs 1" in said
    assert "dmesg" in said
    assert "memory of its room was used up" not in said


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 1\n"),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
    ],
)
def test_want_of_memory_is_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)

    assert "The memory of its room was used up." in _how_it_ended(
        child("killed"), Group({"memory": str(tmp_path)})
    )


def test_one_that_failed_names_its_exit_code_and_one_that_ended_well_says_nothing() -> None:
    assert "ended with exit code 7" in _how_it_ended(child("failed"), Group({}))
    assert _how_it_ended(child("well"), Group({})) == ""
