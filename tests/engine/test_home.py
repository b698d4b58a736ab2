"""The full-screen home on a real terminal: drawn, told of changes, left by a key with nothing left behind."""

import os
from pathlib import Path

import pytest

from checker.engine.connection import Engine
from checker.engine.labels import OWNER
from tests.helpers import Command, Done, until

pytestmark = pytest.mark.engine

LISTENER = {"label": f"{OWNER}=listener"}
READY = "Watching: save an answer or push something."


def running(mark: Path) -> bool:
    """Whether the process that wrote its number to `mark` is still there."""
    try:
        os.kill(int(mark.read_text()), 0)
    except (ProcessLookupError, ValueError):
        return False
    return True


def test_it_is_drawn_and_left_by_a_key(lab: Command, started: Done, engine: Engine, workspace: Path) -> None:
    home = lab.terminal("watch")
    home.says(READY)
    (workspace / "note.txt").write_text("Tags move.\n")
    home.says("1 of 3 steps, 2/10 points")

    os.write(home._ours, b"q")

    assert home.wait() == 0
    assert engine.client.api.containers(all=True, filters=LISTENER) == []


def test_an_answer_that_runs_when_one_leaves_is_ended(lab: Command, started: Done, workspace: Path) -> None:
    mark = workspace.parent / "pid"
    (workspace / "steps/push.sh").write_text(f"echo $$ > '{mark}'\necho begun\nsleep 600\n")
    home = lab.terminal("watch", "90")
    home.says(READY)
    os.write(home._ours, b"r")
    until(lambda: mark.is_file() and mark.read_text().strip(), "the answer's own process")

    os.write(home._ours, b"q")

    assert home.wait() == 0
    until(lambda: not running(mark), "the answer's end")


def test_who_asks_for_lines_gets_lines(lab: Command, started: Done) -> None:
    for arguments, env in ((("--plain",), {}), ((), {"TERM": "dumb"})):
        plain = lab.terminal("watch", "90", *arguments, **env)
        plain.says("Watching. Save an answer or push something; Ctrl-C ends it.")
        os.write(plain._ours, b"\x03")
        assert plain.wait() == 0
