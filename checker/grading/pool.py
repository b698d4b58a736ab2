"""Replay many submissions, several in parallel, each in a worker process of its own."""

import selectors
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from checker.archives import shelf
from checker.base.model import Lab
from checker.base.pace import scaled
from checker.base.processes import own_name
from checker.base.results import AnswerRun, LabReport, Outcome, Versions
from checker.grading.forkserver import ForkServer
from checker.grading.worker import Order, WorkerMessage
from checker.sandbox.room.limits import RoomLimits, shares
from checker.sandbox.room.making import WHAT_TO_DO

ATTEMPTS = 2
EXTRA_SECONDS = 240.0
"""What a replay may take besides its answers' own time limits."""


class Task(msgspec.Struct, frozen=True):
    """One submission. number: its place among all of this grading."""

    number: int
    lab: Lab
    path: Path


class GradingEvent(msgspec.Struct, frozen=True):
    """Something happened to a submission: it was begun, an answer was run, or there is a report."""

    task: Task
    step: str = ""
    run: AnswerRun | None = None
    report: LabReport | None = None
    again: str = ""


class _Lane(msgspec.Struct):
    task: Task
    attempt: int
    end: socket.socket
    buffer: bytearray
    cores: tuple[int, ...]


def replay_all(
    forkserver: ForkServer, tasks: Sequence[Task], jobs: int, stocks: dict[str, str], root: Path
) -> Iterator[GradingEvent]:
    """Replay the tasks, `jobs` of them side by side; tells what happens, in the order in which it does.

    Each is on cores of its own where there are enough of them.
    stocks: by a lab's name, what `Order` calls stock. What ends without a result, or in an error, is tried once
    more. When the iteration is given up, all rooms are ended.
    """
    shared = shares(max(1, min(jobs, len(tasks))))
    waiting = deque((task, 1) for task in tasks)
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or selector.get_map():
                while waiting and len(selector.get_map()) < jobs:
                    task, attempt = waiting.popleft()
                    busy = [key.data.cores for key in selector.get_map().values()]
                    cores = next((share for share in shared if share not in busy), ())
                    end = forkserver.worker(_order(task, stocks[task.lab.name], root, cores))
                    lane = _Lane(task, attempt, end, bytearray(), cores)
                    selector.register(end, selectors.EVENT_READ, lane)
                    yield GradingEvent(task)
                for key, _ in selector.select():
                    yield from _hear(key.data, selector, waiting.appendleft)
        finally:
            for key in list(selector.get_map().values()):
                key.data.end.close()


def _order(task: Task, stock: str, root: Path, cores: tuple[int, ...]) -> Order:
    seconds = sum(step.time_limit for step in task.lab.steps) + EXTRA_SECONDS
    return Order(
        name=own_name(), root=str(root), lab=task.lab.name, path=str(task.path), here=str(Path.cwd()), stock=stock,
        shelf=str(shelf.current() or ""), limits=RoomLimits(seconds=scaled(seconds)), cores=cores,
    )  # fmt: skip


def _hear(
    lane: _Lane, selector: selectors.BaseSelector, again: Callable[[tuple[Task, int]], None]
) -> Iterator[GradingEvent]:
    """Take what a worker told. After its result its room is ended, which nobody has to wait for."""
    data = lane.end.recv(1 << 18)
    lane.buffer += data
    fault = "" if data else f"The process that graded it is gone and told no result. {WHAT_TO_DO}"
    if b"\n" in data:
        *lines, rest = bytes(lane.buffer).split(b"\n")
        lane.buffer = bytearray(rest)
        for line in lines:
            told = msgspec.json.decode(line, type=WorkerMessage)
            if told.step:
                yield GradingEvent(lane.task, step=told.step, run=told.run)
            elif told.report and lane.attempt < ATTEMPTS and _doubtful(told.report):
                fault = "It could not be judged in full."
            elif told.report:
                _close(lane, selector)
                yield GradingEvent(lane.task, report=told.report)
                return
            fault = fault or told.fault
    if not fault:
        return
    _close(lane, selector)
    if lane.attempt < ATTEMPTS:
        again((lane.task, lane.attempt + 1))
        yield GradingEvent(lane.task, again=fault)
        return
    yield GradingEvent(lane.task, report=in_error(lane.task, fault))


def _doubtful(report: LabReport) -> bool:
    """Return whether a machine under load may have had a part in it: then it has to happen twice to count."""
    codes = {finding.code for step in report.steps for finding in step.findings}
    return report.outcome is Outcome.ERROR or "room-broken" in codes


def _close(lane: _Lane, selector: selectors.BaseSelector) -> None:
    selector.unregister(lane.end)
    lane.end.close()


def in_error(task: Task, why: str) -> LabReport:
    """Return the report of a submission that could not be graded."""
    return LabReport(
        lab=task.lab.name,
        title=task.lab.title,
        path=str(task.path),
        steps=(),
        versions=Versions(lab=task.lab.version),
        error=why,
    )
