"""Replaying one submission in a room: what is asked of it, what it tells while it works, and how it ends."""

import os
import select
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from checker import replay, submission
from checker.catalog import Catalog
from checker.engine import cache_dir, connect
from checker.errors import LabError
from checker.isolation import roots, stock
from checker.isolation.limits import Limits
from checker.isolation.room import Room, supervise
from checker.isolation.roots import Plan
from checker.model import AnswerRun, Lab, LabReport, Step

INTAKE = "intake.json"
ANSWERS = "workspace"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One submission to replay.

    name: of the room, nobody else's. here: the folder from which `path` is named. stock: empty to replay on this
    machine's engine. cores: of the machine, for a room alone; empty for any.
    """

    name: str
    root: str
    lab: str
    path: str
    here: str
    stock: str
    cores: tuple[int, ...] = ()
    limits: Limits = Limits()


class Told(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from a worker: an answer was run, the result, or why there is none."""

    step: str = ""
    run: AnswerRun | None = None
    report: LabReport | None = None
    fault: str = ""


def carry_out(order: Order, talk: int) -> None:
    """Replay a submission and tell over the socket `talk`. Leaves nothing behind."""
    os.chdir(order.here)
    catalog = Catalog(Path(order.root))
    lab = catalog.lab(order.lab)
    tell = _Teller(talk)
    if not order.stock:
        _end_when_nobody_listens(talk)
        _tell_result(tell, lambda: replay.grade(connect(), lab, Path(order.path), tell))
        return
    if order.cores:
        os.sched_setaffinity(0, order.cores)
    plan = Plan(
        readable=(*roots.python_paths(), str(catalog.root / "labs"), str(catalog.root / "notebooks")),
        programs=str(cache_dir() / "programs"),
        stock=order.stock,
        layers=stock.has_layers(Path(order.stock)),
    )
    base = cache_dir() / "rooms" / order.name
    in_time = supervise(
        order.name,
        base,
        plan,
        order.limits,
        talk,
        lambda place: _hand_in(lab, Path(order.path), place, tell),
        lambda room: _replay(room, order, tell),
        lambda why: tell(Told(fault=why)),
    )
    if not in_time:
        tell(Told(fault=f"It was not done after {order.limits.seconds:.0f} seconds and was ended."))


def _end_when_nobody_listens(talk: int) -> None:
    """Without a supervisor around: be interrupted as by Ctrl-C, which removes what was made."""

    def watch() -> None:
        poll = select.poll()
        poll.register(talk, select.POLLHUP | getattr(select, "POLLRDHUP", 0))
        poll.poll()
        os.kill(os.getpid(), signal.SIGINT)

    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=watch, daemon=True).start()


def _hand_in(lab: Lab, source: Path, place: Path, tell: "_Teller") -> None:
    try:
        intake = submission.take_in(lab, source, place / ANSWERS)
    except LabError as error:
        tell(Told(fault=error.told))
        raise
    (place / INTAKE).write_bytes(msgspec.json.encode(intake))


def _replay(room: Room, order: Order, tell: "_Teller") -> None:
    os.environ.update(
        HOME="/root",
        TMPDIR=str(roots.SHARED / "tmp"),
        REGISTRY_LAB_CACHE=str(roots.CACHE),
        DOCKER_HOST=f"unix://{roots.SOCKET}",
    )
    lab = Catalog(Path(order.root)).lab(order.lab)
    _tell_result(tell, lambda: replay.replay(connect(), lab, _fill, order.path, tell, door=room))


def _fill(target: Path) -> submission.Intake:
    shutil.copytree(roots.HANDED_IN / ANSWERS, target, symlinks=True)
    return msgspec.json.decode((roots.HANDED_IN / INTAKE).read_bytes(), type=submission.Intake)


class _Teller(replay.Silent):
    """Passes on what a replay is at."""

    def __init__(self, talk: int) -> None:
        self._talk = talk

    def __call__(self, told: Told) -> None:
        with suppress(OSError), socket.socket(fileno=os.dup(self._talk)) as end:
            end.sendall(msgspec.json.encode(told) + b"\n")

    def on_ran(self, step: Step, run: AnswerRun | None) -> None:
        self(Told(step=step.name, run=run and msgspec.structs.replace(run, output="")))


def _tell_result(tell: _Teller, work: Callable[[], LabReport]) -> None:
    try:
        tell(Told(report=work()))
    except LabError as error:
        tell(Told(fault=error.told))
