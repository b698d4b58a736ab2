"""One process at a time, for things that all processes of a user share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault

WAIT_FOR_OTHERS = 1200.0
"""Seconds: more than the slowest download takes."""


@contextmanager
def alone(name: str, busy: str, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of that name in the cache folder.

    busy: what the other process is doing, as in `starting an engine`. say: is told when there is a
    wait. Raises EnvironmentFault when the other does not come to an end or the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"Another lab process is {busy}; waiting for it.")
            lock.acquire(timeout=WAIT_FOR_OTHERS, poll_interval=0.1)
    except Timeout as error:
        raise EnvironmentFault(
            f"Another lab process has been {busy} for {WAIT_FOR_OTHERS:.0f} s.", "End it, then try again."
        ) from error
    except OSError as error:
        raise EnvironmentFault(
            f"The cache folder {folder} cannot be written ({error.strerror}).",
            "Make it writable, or name another in REGISTRY_LAB_CACHE.",
        ) from error
    try:
        yield
    finally:
        lock.release()
