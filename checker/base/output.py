"""Reading what a process prints until it ends or its time is over."""

import os
import selectors
import subprocess
from collections.abc import Callable
from typing import Protocol

TICK = 0.05
"""Seconds after which a deadline is looked at again."""

Take = Callable[[bytes], None]
"""Is handed the output as it comes."""


class Limit(Protocol):
    """When to stop waiting; `checker.base.deadline.Deadline` is one."""

    @property
    def left(self) -> float: ...

    def over(self) -> bool: ...


def follow(process: subprocess.Popen[bytes], take: Take, limit: Limit) -> bool:
    """Read until the process ends; False if its time is over first.

    The process's own end counts, not the end of its output: something it left running in the
    background may hold that open.
    """
    assert process.stdout is not None
    os.set_blocking(process.stdout.fileno(), False)
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        open_ = True
        while process.poll() is None:
            if limit.over():
                return False
            left = limit.left
            if not open_:
                try:
                    process.wait(min(TICK, left))
                except subprocess.TimeoutExpired:
                    continue
            elif selector.select(min(TICK, left)):
                open_ = _read(process, take)
    return True


def drain(process: subprocess.Popen[bytes], take: Take) -> None:
    """Take what was still on its way and close the output, without waiting for a writer that escaped its group."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector, process.stdout:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(0) and _read(process, take):
            pass


def _read(process: subprocess.Popen[bytes], take: Take) -> bool:
    """Take what is there; False at the end of the output."""
    assert process.stdout is not None
    try:
        data = os.read(process.stdout.fileno(), 1 << 16)
    except BlockingIOError:
        return True
    take(data)
    return bool(data)
