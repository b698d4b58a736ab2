"""Submissions that attack: each is contained, earns nothing, and changes nobody else's grade."""

import json
import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from checker.engine.connection import Engine
from checker.sandbox.room import support
from tests.engine.conftest import census
from tests.helpers import Command, Done, TinyLab

pytestmark = pytest.mark.engine

CORPUS = sorted((Path(__file__).parent.parent / "attacks").glob("*.sh"))
RIGHT = {"detect-grading"}
"""What does as it is asked where it is graded is right there, and nothing else is judged."""
SECRET = "THE_GRADERS_SECRET_VALUE"
SLEEP = "4242"


@dataclass
class Fallout:
    """What a grading of the whole corpus did: reports by submission, and what was touched outside."""

    done: Done
    results: dict[str, Any]
    secret: Path
    neighbours: list[str]
    visits: list[str] = field(default_factory=list)
    engine_before: Any = None
    engine_after: Any = None
    settings: tuple[str, str] = ("", "")


@pytest.fixture(scope="module")
def fallout(engine: Engine, stock: Path, tmp_path_factory: pytest.TempPathFactory) -> Fallout:
    if reason := support.missing(engine):
        pytest.skip(f"no rooms here, and without them nobody should run this: {reason}")
    base = tmp_path_factory.mktemp("attacks")
    tiny = TinyLab(base / "root")
    tiny.edit("lab.toml", "points = 5\n", "points = 5\ntime_limit = 6\n")
    tiny.edit("lab.toml", "points = 3\n", "points = 3\ntime_limit = 20\n")
    lab = Command(tiny.root, base / "home", DOCKER_HOST=engine.docker_host, THE_GRADERS_TOKEN=SECRET)
    (lab.cache / "rooms").mkdir(parents=True)
    (lab.cache / "rooms/stock").symlink_to(stock)
    secret = lab.home / "secret.txt"
    secret.write_text(SECRET)
    visits: list[str] = []
    listener = _listener(visits)
    folders = []
    for path in CORPUS:
        folder = tiny.solve(lab.home / "class" / path.stem / tiny.name)
        (folder / "steps/push.sh").write_text(path.read_text())
        (folder / "where.txt").write_text(str(secret))
        (folder / "port.txt").write_text(str(listener.getsockname()[1]))
        folders.append(folder)
    neighbours = []
    for name in ("aaa-first", "mmm-between", "zzz-last"):
        folder = tiny.solve(lab.home / "class" / name / tiny.name)
        (folder / "neighbours-own.txt").write_text(SECRET)
        neighbours.append(name)
    before, settings = census(engine), _settings()
    report = lab.home / "report.json"

    done = lab.spawn("grade", lab.home / "class", "--jobs", "2", "--json", report).wait(500)

    listener.close()
    results = {Path(one["path"]).parent.name: one for one in json.loads(report.read_text())["results"]}
    return Fallout(done, results, secret, neighbours, visits, before, census(engine), (settings, _settings()))


def _listener(visits: list[str]) -> socket.socket:
    listener = socket.create_server(("127.0.0.1", 0))

    def listen() -> None:
        try:
            while True:
                end, who = listener.accept()
                visits.append(str(who))
                end.close()
        except OSError:
            return

    threading.Thread(target=listen, daemon=True).start()
    return listener


def _settings() -> str:
    names = ("core_pattern", "hostname")
    return " ".join(Path("/proc/sys/kernel", name).read_text() for name in names)


def test_there_are_attacks_of_many_kinds() -> None:
    assert len(CORPUS) >= 25


@pytest.mark.parametrize("attack", [path.stem for path in CORPUS])
def test_an_attack_earns_nothing_and_gets_nothing(fallout: Fallout, attack: str) -> None:
    result = fallout.results[attack]
    steps = {step["step"]: step["outcome"] for step in result["steps"]}

    assert not result["error"], result["error"]
    assert "error" not in steps.values(), result["steps"]
    assert steps["push"] == ("pass" if attack in RIGHT else "fail"), result["steps"][0]
    assert result["points"] <= (10 if attack in RIGHT else 2)
    assert SECRET not in json.dumps(result), "the secret of another is in its report"
    assert "STOLEN" not in (result["steps"][0].get("answer") or {}).get("output", "")


def test_neighbours_get_what_they_earned(fallout: Fallout) -> None:
    assert {name: fallout.results[name]["points"] for name in fallout.neighbours} == dict.fromkeys(
        fallout.neighbours, 10
    )


def test_every_submission_is_in_the_report_once(fallout: Fallout) -> None:
    assert fallout.done.code == 1, fallout.done.err
    assert sorted(fallout.results) == sorted([*fallout.neighbours, *(path.stem for path in CORPUS)])


def test_nothing_outside_was_reached_or_changed(fallout: Fallout) -> None:
    assert fallout.visits == []
    assert fallout.secret.read_text() == SECRET
    assert fallout.settings[0] == fallout.settings[1]
    before, after = fallout.engine_before, fallout.engine_after
    assert before["image names"] == after["image names"]


def test_nothing_is_left_of_any_room(fallout: Fallout) -> None:
    sleepers = [
        path for path in Path("/proc").glob("[0-9]*/cmdline") if _command(path) == f"sleep\0{SLEEP}\0"
    ]
    rooms = fallout.secret.parent / "cache/rooms"

    assert sleepers == []
    assert {path.name for path in rooms.iterdir()} <= {"log", "stock"}
    mine = f"registry-lab-{os.getpid()}-"
    assert [path for path in Path("/sys/fs/cgroup").glob("*/registry-lab-*") if mine in path.name] == []


def _command(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
