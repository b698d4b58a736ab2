"""`lab watch` hears of what happens by itself: files, pushes, deletions, and the registry's end."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker.engine.connection import Engine
from checker.engine.labels import OWNER
from tests.helpers import Command, Done, Process, TinyLab, until

pytestmark = pytest.mark.engine

SOON = 15.0
"""Seconds to wait for a reaction: half of what the timer would take, so it cannot be the timer's."""


@pytest.fixture
def values(lab: Command, started: Done, engine: Engine) -> dict[str, str]:
    """The values of the started practice, as the engine's labels know them."""
    (found,) = engine.client.api.containers(filters={"label": "registry-lab.values"})
    return dict(json.loads(found["Labels"]["registry-lab.values"]))


@pytest.fixture
def watching(lab: Command, started: Done) -> Iterator[Process]:
    process = lab.spawn("watch", "90")
    process.says("Watching.")
    yield process
    if process.popen.poll() is None:
        process.interrupt()
        assert process.wait().code == 0


def docker(lab: Command, *arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], env=lab.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_saved_answer_is_checked(watching: Process, workspace: Path) -> None:
    (workspace / "note.txt").write_text("Tags move.\n")

    watching.says("saved note", SOON)
    watching.says("1 of 3 steps passed", SOON)


def test_a_plain_push_is_heard(
    watching: Process, lab: Command, tiny: TinyLab, values: dict[str, str], workspace: Path
) -> None:
    push = tiny.folder / "solution/steps/push.sh"
    done = subprocess.run(["bash", push], env=lab.env | values, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

    watching.says(f"push {values['WORD']}:1", SOON)
    watching.says("1 of 3 steps passed", SOON)


def test_a_deletion_through_the_api_is_heard(
    lab: Command, started: Done, tiny: TinyLab, values: dict[str, str], workspace: Path
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    process = lab.spawn("watch", "90")
    process.says("Watching.")
    digest = (workspace / "pinned.txt").read_text().strip().partition("@")[2]
    manifest = f"http://{values['REGISTRY']}/v2/{values['WORD']}/manifests/{digest}"

    urllib.request.urlopen(urllib.request.Request(manifest, method="DELETE"), timeout=10)

    process.says(f"delete {values['WORD']}:{digest[:12]}", SOON)
    process.says("Push it.", SOON)
    process.interrupt()
    assert process.wait().code == 0


def test_the_end_of_the_registry_ends_the_watch(watching: Process, lab: Command, engine: Engine) -> None:
    (service,) = engine.client.api.containers(filters={"label": "registry-lab.values"})

    docker(lab, "kill", service["Id"])

    done = watching.wait()
    assert done.code == 3
    assert "The registry at 127.0.0.1:" in done.err
    assert "`lab start 90` brings it back." in done.err


def test_two_who_watch_share_a_listener_and_who_stays_takes_over(
    watching: Process, lab: Command, tiny: TinyLab, values: dict[str, str], engine: Engine
) -> None:
    def listeners() -> list[str]:
        found = engine.client.api.containers(filters={"label": f"{OWNER}=listener"})
        return [entry["Id"] for entry in found]

    [known] = listeners()
    second = lab.spawn("watch", "90")
    second.says("Watching.")
    push = tiny.folder / "solution/steps/push.sh"
    subprocess.run(["bash", push], env=lab.env | values, capture_output=True, check=True)
    watching.says(f"push {values['WORD']}:1", SOON)
    second.says(f"push {values['WORD']}:1", SOON)
    assert listeners() == [known]

    watching.interrupt()
    watching.wait()
    until(lambda: listeners() not in ([], [known]), "a listener of the one who stays")
    second.interrupt()
    second.wait()
    assert listeners() == []


def test_ctrl_c_removes_the_listener(watching: Process, engine: Engine) -> None:
    label = {"label": f"{OWNER}=listener"}
    assert len(engine.client.api.containers(filters=label)) == 1

    watching.interrupt()

    assert watching.wait().code == 0
    assert engine.client.api.containers(all=True, filters=label) == []


def test_the_timer_sees_what_nothing_announces(lab: Command, tiny: TinyLab, workspace: Path) -> None:
    sign = workspace.parent / "sign"
    seen = f"__import__('pathlib').Path({str(sign)!r}).exists()"
    tiny.edit("checks.py", 'if not (workspace.read("note.txt") or "").strip():', f"if not {seen}:")
    assert lab("start", "90").code == 0
    process = lab.spawn(
        "watch", "90", before="import checker.practice.watch; checker.practice.watch.FALLBACK = 0.3"
    )
    process.says("Watching.")

    sign.touch()

    process.says("something changed", SOON)
    process.says("1 of 3 steps passed", SOON)
    process.interrupt()
    assert process.wait().code == 0
    assert lab("stop", "90").code == 0


def test_another_program_hears_of_a_push_and_ends_it_by_closing_its_input(
    lab: Command, tiny: TinyLab, values: dict[str, str], workspace: Path, engine: Engine
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "checker.cli", "watch", "90", "--json"],
        env=lab.env,
        cwd=lab.home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdin
        assert process.stdout
        lines = (json.loads(line) for line in process.stdout)
        until_event(lines, "ready", set())

        push = tiny.folder / "solution/steps/push.sh"
        subprocess.run(["bash", push], env=lab.env | values, capture_output=True, check=True)
        heard = until_event(lines, "checked", {"push"})

        assert heard["why"] == f"push {values['WORD']}:1"
        record = json.loads((workspace / ".lab/progress.json").read_text())
        assert record["steps"]["push"]["standing"] == "passed"

        process.stdin.write('{"check": ["note"]}\n')
        process.stdin.flush()
        assert until_event(lines, "checked", {"note"})["message"] == ""
        process.stdin.close()
        assert process.wait(SOON) == 0
    finally:
        process.kill()
        process.wait()
    assert engine.client.api.containers(all=True, filters={"label": f"{OWNER}=listener"}) == []


def until_event(lines: Iterator[dict[str, Any]], event: str, steps: set[str]) -> dict[str, Any]:
    """The next line that tells of this event and at least these steps."""
    return next(line for line in lines if line["event"] == event and steps <= set(line["steps"]))
