"""What a cell shows while an answer runs and while it is checked: the time, the limit, each check as it ends."""

import contextvars
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from checker.base.model import Step
from checker.base.results import StepReport
from checker.notebook.shown import CellOutput, status
from checker.report import wording

FIRST = 1.0
"""Seconds after which the time is shown: what is faster needs no clock."""


def watched() -> bool:
    """Return whether somebody sees what a cell shows in the meantime: not where a program executes the
    notebook.

    Such programs (nbclient, nbval) keep each output for comparison, how long something took included.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    if shell is None or getattr(shell, "kernel", None) is None:
        return True
    return "JPY_SESSION_NAME" in os.environ or "__vsc_ipynb_file__" in shell.user_ns


class OutputPlace:
    """One output of a cell that is drawn anew in place."""

    def __init__(self) -> None:
        self._handle: object = None

    def show(self, what: CellOutput) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(what, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(what)  # type: ignore[attr-defined]


@contextmanager
def running(step: Step) -> Iterator[None]:
    """Show how long an answer has been running, and its limit, once it takes over a second."""
    if not watched():
        yield
        return
    ended = threading.Event()
    place = OutputPlace()
    began = time.monotonic()
    limit = step.time_limit  # of a healthy machine; a slow one gets more

    def tick() -> None:
        wait = FIRST
        while not ended.wait(wait):
            taken = time.monotonic() - began
            place.show(status(f"Running for {taken:.0f} s; the limit is {limit:.0f} s."))
            wait = 1.0

    # The output belongs to the cell that runs now, whichever thread makes it.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(tick,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        taken = time.monotonic() - began
        if taken > FIRST:
            place.show(status(f"Ran for {taken:.0f} s."))


class Checking:
    """An output that says "Checking ...", then each verdict as it is known, and becomes the card in the end."""

    def __init__(self) -> None:
        self._place = OutputPlace()
        self._known: list[str] = []
        self._watched = watched()
        self._say("Checking ...")

    def on_step(self, report: StepReport) -> None:
        self._known.append(f"{wording.symbol(report)} {report.step}")
        self._say(f"Checking ... {', '.join(self._known)}")

    def end(self, card: CellOutput) -> None:
        self._place.show(card)

    def _say(self, text: str) -> None:
        if self._watched:
            self._place.show(status(text))
