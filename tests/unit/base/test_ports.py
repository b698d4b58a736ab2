"""Ports: free, from outside the system's range, and promised once."""

import errno
import fcntl
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from checker.base import ports
from checker.base.errors import EnvironmentFault
from checker.base.ports import HOST, free_port

MANY = 400


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache and promises of the test's own."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(ports, "_promised", deque())
    stated = ports.own_range
    stated.cache_clear()
    yield tmp_path / "cache"
    stated.cache_clear()


def only(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    monkeypatch.setattr(ports, "own_range", lambda: numbers)


def listening() -> tuple[socket.socket, int]:
    server = socket.create_server((HOST, 0))
    return server, int(server.getsockname()[1])


def unused(count: int) -> list[int]:
    held = [listening() for _ in range(count)]
    for server, _ in held:
        server.close()
    return [port for _, port in held]


def test_a_port_can_be_listened_on_at_once() -> None:
    with socket.create_server((HOST, free_port())) as server:
        assert server.getsockname()[0] == HOST


def test_no_port_is_of_those_the_system_hands_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stated = tmp_path / "range"
    stated.write_text("20000\t50000\n")
    monkeypatch.setattr(ports, "SYSTEM_RANGE", stated)

    found = {free_port() for _ in range(MANY)}

    assert not [port for port in found if 20000 <= port <= 50000 or port < ports.LOWEST]
    assert min(found) < 20000 < 50000 < max(found)


@pytest.mark.parametrize("text", ["1024 65535", "no numbers", "", None])
def test_there_are_ports_whatever_the_system_says_of_its_own(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stated = tmp_path / "range"
    if text is not None:
        stated.write_text(text)
    monkeypatch.setattr(ports, "SYSTEM_RANGE", stated)

    assert ports.LOWEST <= free_port() <= 65535


def test_a_port_that_is_listened_on_or_taken_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    server, busy = listening()
    taken, free = unused(2)
    only(monkeypatch, busy, taken, free)

    with server:
        assert free_port({taken}) == free


def test_threads_are_never_given_the_same_port() -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: free_port(), range(MANY)))

    assert len(set(found)) == MANY


def test_another_process_is_not_given_what_is_promised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = unused(2)
    only(monkeypatch, ours)
    assert free_port() == ours

    asking = f"from checker.base import ports; ports.own_range = lambda: ({ours}, {theirs}); print(ports.free_port())"
    done = subprocess.run([sys.executable, "-c", asking], capture_output=True, text=True, check=True)

    assert int(done.stdout) == theirs


def test_what_a_process_was_promised_is_free_when_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    (port,) = unused(1)
    asking = f"from checker.base import ports; ports.own_range = lambda: ({port},); print(ports.free_port())"
    subprocess.run([sys.executable, "-c", asking], check=True, stdout=subprocess.DEVNULL)
    only(monkeypatch, port)

    assert free_port() == port


def test_the_oldest_promise_is_given_back_when_there_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = unused(2)
    monkeypatch.setattr(ports, "KEPT", 1)
    only(monkeypatch, first)
    assert free_port() == first
    only(monkeypatch, second)
    assert free_port() == second
    only(monkeypatch, first)

    assert free_port() == first


def test_ports_are_given_where_files_have_no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "lockf", without)
    monkeypatch.setattr(ports, "KEPT", 2)

    assert len({free_port() for _ in range(5)}) == 5


def test_it_is_told_when_all_ports_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    server, busy = listening()
    only(monkeypatch, busy)

    with server, pytest.raises(EnvironmentFault, match=r"No port of 127\.0\.0\.1 is free"):
        free_port()


def test_it_is_told_when_there_is_no_loopback_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "HOST", "192.0.2.1")

    with pytest.raises(EnvironmentFault, match="Nothing can listen on"):
        free_port()


def test_ports_are_given_where_no_promise_can_be_written(cache: Path) -> None:
    cache.write_text("a file where the folder should be")

    assert free_port() != free_port()
    assert list(cache.parent.iterdir()) == [cache]
