"""A service as a process: starts from its settings file, ends when told, and does not live on in parts."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from checker.base.ports import free_port
from checker.services.settings import BadSettings, read

DEADLINE = 30.0


def settings_file(folder: Path, **more: Any) -> tuple[Path, int]:
    registry, api, notifications, distribution, debug = (free_port() for _ in range(5))
    ports = {
        "registry": registry,
        "api": api,
        "notifications": notifications,
        "distribution": distribution,
        "debug": debug,
    }
    given = {
        "operator": "operator-key",
        "host": "127.0.0.1",
        "ports": ports,
        "state": str(folder / "state"),
        "storage": str(folder / "storage"),
    }
    path = folder / "settings.json"
    path.write_text(json.dumps({**given, **more}))
    return path, api


@contextmanager
def running(mode: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "checker.services", mode, "--settings", str(path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def get(port: int, path: str) -> Any:
    """Ask until somebody answers."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer operator-key"}
    )
    deadline = time.monotonic() + DEADLINE
    while True:
        try:
            with urllib.request.urlopen(request, timeout=DEADLINE) as answer:
                return json.load(answer)
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "nobody answers"
            time.sleep(0.01)


def test_a_service_tells_its_runs_those_that_ended_well_and_those_that_did_not(tmp_path: Path) -> None:
    path, api = settings_file(tmp_path)
    for end in (signal.SIGTERM, signal.SIGKILL):
        with running("events", path) as process:
            assert get(api, "/health") == {"status": "ok"}
            process.send_signal(end)
            assert process.wait(DEADLINE) == (0 if end == signal.SIGTERM else -signal.SIGKILL)
    with running("events", path):
        runs = get(api, "/_lab/runs")
    assert [run["stopped"] is None for run in runs] == [False, True, True]
    assert runs[0]["started"] < runs[0]["stopped"] < runs[1]["started"] < runs[2]["started"]


def test_a_service_ends_with_a_failure_when_distribution_does(tmp_path: Path) -> None:
    path, _api = settings_file(tmp_path, binary="false")
    with running("roles", path) as process:
        _out, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "Distribution ended by itself with status 1." in said


def test_a_service_without_its_program_says_so(tmp_path: Path) -> None:
    path, _api = settings_file(tmp_path, binary="no-such-program")
    with running("hub", path) as process:
        _out, said = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "no-such-program" in said
    assert "operator-key" not in said


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"operator": ""}',
        '{"operator": "k", "unheard": 1}',
        '{"operator": "k", "accounts": [{"username": "_operator", "password": "p"}]}',
        '{"operator": "k", "accounts": [{"username": "a", "password": "p"}, {"username": "a"}]}',
        '{"operator": "k", "accounts": [{"username": "", "password": "p"}]}',
    ],
)
def test_settings_that_are_wrong_are_refused_without_a_word_of_what_they_hold(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content)
    with pytest.raises(BadSettings) as raised:
        read(path)
    assert content not in str(raised.value)


def test_settings_never_show_their_secrets(tmp_path: Path) -> None:
    path, _api = settings_file(tmp_path, accounts=[{"username": "ann", "password": "hidden"}])
    shown = repr(read(path)) + repr(read(path).accounts)
    assert "hidden" not in shown
    assert "operator-key" not in shown
