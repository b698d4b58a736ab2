"""TCP ports of this machine. Everything that serves is bound to and addressed as 127.0.0.1.

A port that is free now and used in a moment can be taken in between: by a connection that goes out, by an
engine that hands ports out, by another thread or process of ours. The first two use the system's own range of
ports, so ours are from outside it; the last is kept off by a promise, which is a lock on one byte of a file.
"""

import errno
import fcntl
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Container, Sequence
from functools import cache
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault

HOST = "127.0.0.1"
SYSTEM_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
SYSTEM_RANGE_OTHERWISE = (49152, 65535)
"""RFC 6335, 6: where a system does not say what it uses."""
LOWEST = 10000
"""Below it are most of the ports that programs are known by."""
TRIES = 1000
KEPT = 2048
"""How many promises one process keeps; the oldest is given back then."""

_promised: deque[int] = deque()
_promising = threading.Lock()


def free_port(taken: Container[int] = ()) -> int:
    """Return a TCP port nobody listens on at 127.0.0.1 just now, promised to nobody else as long as we run.

    taken: ports promised to somebody already. Raises EnvironmentFault if there seems to be none, or no
    loopback interface.
    """
    ours = own_range()
    try:
        for _ in range(TRIES):
            port = secrets.choice(ours)
            if port not in taken and _promise(port) and _is_free(port):
                return port
    except OSError as error:
        raise EnvironmentFault(f"Nothing can listen on {HOST}: {error.strerror}.") from error
    raise EnvironmentFault(f"No port of {HOST} is free.", "End programs that listen on many of them.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True


@cache
def own_range() -> Sequence[int]:
    """Return the ports that neither outgoing connections nor an engine choose by themselves."""
    try:
        first, last = map(int, SYSTEM_RANGE.read_text().split())
    except (OSError, ValueError):
        first, last = SYSTEM_RANGE_OTHERWISE
    return [*range(LOWEST, min(first, 65536)), *range(max(last + 1, LOWEST), 65536)] or range(LOWEST, 65536)


def _promise(port: int) -> bool:
    """Return whether the port was nobody's until now, here and in other processes with the same cache."""
    with _promising:
        if port in _promised:
            return False
        promises = _promises(cache_dir())
        if promises is not None:
            try:
                fcntl.lockf(promises, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except (BlockingIOError, PermissionError):  # which of them is the system's choice: fcntl(2)
                return False
            except OSError:  # a file system without locks
                promises = None
        if len(_promised) == KEPT:
            oldest = _promised.popleft()
            if promises is not None:
                fcntl.lockf(promises, fcntl.LOCK_UN, 1, oldest)
        _promised.append(port)
        return True


@cache
def _promises(folder: Path) -> int | None:
    """Return the file of promises; None where it cannot be written. Never closed: with it would go its
    locks."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return os.open(folder / "ports.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return None
