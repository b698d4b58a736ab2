"""TCP ports of this machine. Everything that serves is bound to and addressed as 127.0.0.1.

A port that is free now and used in a moment can be taken in between: by a connection that goes out, by an
engine that hands ports out, by another thread or process of ours. The first two use the system's own range of
ports, so ours are from outside it; the last is kept off by a promise, which is a lock on one byte of a file.
"""

import fcntl
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Container, Sequence
from functools import cache
from pathlib import Path

from checker.engine import cache_dir

HOST = "127.0.0.1"
SYSTEM_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
SYSTEM_RANGE_OTHERWISE = (49152, 65535)
"""RFC 6335, 6: where a system does not say what it uses."""
LOWEST = 10000
"""Below it are most of the ports that programs are known by."""
KEPT = 2048
"""How many promises one process keeps; the oldest is given back then."""

_promised: deque[int] = deque()
_promising = threading.Lock()


def free_port(taken: Container[int] = ()) -> int:
    """A TCP port nobody listens on at 127.0.0.1 just now, promised to nobody else as long as we run.

    taken: ports promised to somebody already.
    """
    ours = own_range()
    while True:
        port = secrets.choice(ours)
        if port in taken or not _promise(port):
            continue
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


@cache
def own_range() -> Sequence[int]:
    """The ports that neither outgoing connections nor an engine choose by themselves."""
    try:
        first, last = map(int, SYSTEM_RANGE.read_text().split())
    except (OSError, ValueError):
        first, last = SYSTEM_RANGE_OTHERWISE
    return [*range(LOWEST, first), *range(max(last + 1, LOWEST), 65536)] or range(LOWEST, 65536)


def _promise(port: int) -> bool:
    """Whether the port was nobody's until now, here and in other processes with the same cache."""
    with _promising:
        if port in _promised:
            return False
        promises = _promises(cache_dir())
        if promises is not None:
            try:
                fcntl.lockf(promises, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except OSError:
                return False
            if len(_promised) == KEPT:
                fcntl.lockf(promises, fcntl.LOCK_UN, 1, _promised[0])
        if len(_promised) == KEPT:
            _promised.popleft()
        _promised.append(port)
        return True


@cache
def _promises(folder: Path) -> int | None:
    """The file of promises; None where it cannot be written. Never closed: with it would go its locks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
