"""Commands at a real terminal: what is shown while they work, and what becomes of it when it is closed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker.engine.connection import Engine
from checker.lab import newlab
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace
from checker.practice.session import Session
from checker.stack import stack as stacks
from checker.stack import starting
from checker.stack.container import ServiceEnded
from tests.helpers import PUSH, Command, Done, TinyLab, until

pytestmark = pytest.mark.engine

ENDLESS = "98765.25"
"""Seconds that the answer below sleeps: nothing else has it on its command line."""
WAITS = f"""\
echo "It has begun."
sleep {ENDLESS} &
sleep {ENDLESS}
"""


def sleeping() -> set[int]:
    """The processes that the answer above left."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", ENDLESS.encode()]:
            found.add(int(path.parent.name))
    return found


@pytest.fixture(autouse=True)
def none_sleeps() -> Iterator[None]:
    """Whatever a test proves, nothing of it goes on."""
    yield
    for process in sleeping():
        os.kill(process, signal.SIGKILL)


@pytest.fixture
def endless(tiny: TinyLab) -> TinyLab:
    """The tiny lab, with a solution that never ends."""
    tiny.write("solution/steps/push.sh", WAITS)
    tiny.edit("lab.toml", "points = 5", "points = 5\ntime_limit = 300")
    return tiny


def closed(command: Command, *arguments: str | Path) -> None:
    """Start a command at a terminal, close that while an answer runs, and see everything end."""
    terminal = command.terminal(*arguments)
    until(lambda: len(sleeping()) == 2 or terminal.popen.poll() is not None, "the answer to run")
    assert terminal.popen.poll() is None, terminal.text

    terminal.close()

    assert terminal.popen.wait(30) == 130
    until(lambda: not sleeping(), "the answer's processes to end", seconds=5)


def test_a_terminal_that_is_closed_ends_the_answer_of_a_practice(
    lab: Command, started: Done, workspace: Path, endless: TinyLab
) -> None:
    endless.solve(workspace)

    closed(lab, "run", "90", "push")


def test_a_terminal_that_is_closed_ends_a_proof(lab: Command, endless: TinyLab) -> None:
    closed(lab, "author", "test", "90")


def test_a_terminal_that_is_closed_ends_a_demonstration(lab: Command, endless: TinyLab) -> None:
    closed(lab, "demo", "90")


@pytest.mark.parametrize("way", [[], ["--jobs", "2"], ["--unprotected"]], ids=["one", "two", "unprotected"])
def test_a_terminal_that_is_closed_ends_a_grading(
    rooms: None, lab: Command, endless: TinyLab, way: list[str]
) -> None:
    place = endless.solve(lab.home / "handed" / TinyLab.name)

    closed(lab, "grade", place, *way)


@pytest.mark.parametrize("command", ["watch", "shell"])
def test_a_terminal_that_is_closed_ends_what_waits_for_people(
    lab: Command, started: Done, command: str
) -> None:
    terminal = lab.terminal(command, "90")
    terminal.says("90")

    terminal.close()

    assert terminal.popen.wait(30) in (0, 129, 130)


def test_an_answer_is_shown_whole_with_its_time_and_limit_below_it(
    lab: Command, started: Done, workspace: Path, tiny: TinyLab
) -> None:
    tiny.solve(workspace)
    (workspace / "steps/push.sh").write_text(
        f"printf 'half a '; sleep 0.3; echo line\nprintf '50 %%\\r100 %%\\n'\n{PUSH}printf 'no end of line'\n"
    )

    terminal = lab.terminal("run", "90", "push")

    assert terminal.wait() == 0
    assert "Running push" in terminal.text
    assert "limit" in terminal.text
    assert "Checking ..." in terminal.text
    lines = [line for line in terminal.lines if line]
    first = lines.index("half a line")
    assert lines[first + 1] == "100 %"
    assert "no end of line" in lines
    assert not [line for line in lines if "Running push" in line or "Checking ..." in line]
    assert any(line.startswith("✓ pass  5/5  push") for line in lines)
    assert "next: pin" in lines[-1]


def test_what_is_tried_is_shown_while_it_is_tried(lab: Command, tiny: TinyLab) -> None:
    terminal = lab.terminal("author", "test", "90", "push")

    assert terminal.wait() == 0
    assert "Trying says-so ... runs push" in terminal.text
    assert [line for line in terminal.lines if line] == [
        "90-tiny: Tiny",
        " holds mistake says-so  push: not-pushed",
    ]


def test_where_there_is_no_terminal_the_output_comes_as_it_is(
    lab: Command, started: Done, workspace: Path, tiny: TinyLab
) -> None:
    tiny.solve(workspace)
    (workspace / "steps/push.sh").write_text(f"printf 'half a '; sleep 0.3; echo line\n{PUSH}")

    done = lab("run", "90", "push")

    assert done.code == 0
    assert "half a line\n" in done.err
    assert "\x1b" not in done.out + done.err
    assert "Running" not in done.err


def test_an_answer_that_is_stopped_at_its_limit_has_that_as_its_headline(
    lab: Command, started: Done, workspace: Path, tiny: TinyLab
) -> None:
    tiny.edit("lab.toml", "points = 5", "points = 5\ntime_limit = 1")
    tiny.solve(workspace)
    (workspace / "steps/push.sh").write_text(f"sleep {ENDLESS}\n")

    done = lab("run", "90", "push")

    assert done.code == 1
    assert done.out.splitlines()[0].startswith("✗ fail  0/5  push: stopped at its time limit, after ")
    assert "Does it wait for input" in " ".join(done.out.split())


def test_a_service_that_ends_at_once_is_started_twice_and_then_it_is_said_why(
    lab: Command, tiny: TinyLab, workspace: Path
) -> None:
    tiny.edit(
        "lab.toml", 'kind = "registry"', 'kind = "private-registry"\noptions = { own = "version: 0.9" }'
    )

    done = lab("start", "90")

    said = " ".join(done.err.split())
    assert done.code == 3, done.err
    assert said.count("The service ended by itself (exit code 1). It said: configuration error") == 2
    assert said.count('unsupported version: "0.9"') == 2
    assert "Starting it once more." in said
    assert "It was started twice. Next: The whole log is in" in said
    assert "`lab stop 90` and `lab start 90` begin afresh." in said
    assert 'unsupported version: "0.9"' in (workspace / ".lab/service.log").read_text()


def test_a_service_that_ends_once_is_no_trouble(
    engine: Engine, tiny: TinyLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: None
) -> None:
    catalog = Catalog(tiny.root)
    place = Workspace(tmp_path / TinyLab.name)
    session = Session(catalog.lab("90"), place)
    begin, tried = starting.start, []

    def start(*arguments: Any, **more: Any) -> Any:
        tried.append(1)
        if len(tried) == 1:
            raise ServiceEnded("The service ended by itself (exit code 2). It said: no", "no")
        return begin(*arguments, **more)

    monkeypatch.setattr(starting, "start", start)
    said: list[str] = []

    session.start(said.append)
    try:
        assert "The service ended by itself (exit code 2). It said: no Starting it once more." in said
        assert session.registry().repositories() == []
    finally:
        session.stop(said.append)


def test_the_lab_is_left_out_wherever_one_is_running(
    lab: Command, started: Done, workspace: Path, tiny: TinyLab
) -> None:
    tiny.solve(workspace)

    commands = [
        "show push",
        "run push",
        "run 2 note",
        "check push",
        "check",
        "hint push",
        "reset push",
        "submit",
    ]
    codes = {line: lab(*line.split()).code for line in commands}

    assert codes == dict.fromkeys(commands, 0)
    assert "no step 'pull'" in lab("check", "pull").err
    assert "There is no lab 'pull'" in lab("check", "pull").err
    assert lab("stop").code == 0


def test_what_was_started_with_nohup_goes_on(
    lab: Command, started: Done, workspace: Path, tiny: TinyLab
) -> None:
    tiny.solve(workspace)
    go_on = lab.home / "go-on"
    waiting = f"echo begun\nuntil [ -e '{go_on}' ]; do sleep 0.05; done\n"
    (workspace / "steps/push.sh").write_text(f"{waiting}{PUSH}")
    process = lab.spawn(
        "run", "90", "push", before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    )
    process.says("begun")

    os.killpg(process.popen.pid, signal.SIGHUP)
    go_on.touch()

    assert process.wait().code == 0


def test_a_terminal_that_is_closed_ends_the_notebook_and_what_it_had_started(
    lab: Command, engine: Engine, tmp_path: Path
) -> None:
    newlab.lay_out(newlab.planned("20-my-topic", tmp_path / "mine"))
    terminal = lab.terminal("notebook", "20", "--no-browser", REGISTRY_LAB_ROOT=str(tmp_path / "mine"))
    terminal.says("http://127.0.0.1", seconds=60)

    terminal.close()

    assert terminal.popen.wait(60) in (0, 130)
    assert not [stack for stack in stacks.stacks(engine) if str(lab.home) in stack.place]
