"""The worker process that replays one submission in a room: its order, its messages, its result."""

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

from checker.archives import shelf
from checker.base.cache import cache_dir
from checker.base.errors import LabError
from checker.base.model import Lab, Step
from checker.base.results import AnswerRun, LabReport
from checker.engine.connection import connect
from checker.judge import replay, submission
from checker.lab.catalog import Catalog
from checker.sandbox.room import image_cache, roots
from checker.sandbox.room.limits import RoomLimits
from checker.sandbox.room.making import supervise
from checker.sandbox.room.room import Room
from checker.sandbox.room.roots import RoomPlan

INTAKE = "intake.json"
ANSWERS = "workspace"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One submission to replay.

    name: of the room, nobody else's. here: the folder from which `path` is named. stock: empty to replay on this
    machine's engine. shelf: where archives are kept that were unpacked already; empty for nowhere. cores: of the
    machine, for a room alone; empty for any.
    """

    name: str
    root: str
    lab: str
    path: str
    here: str
    stock: str
    shelf: str = ""
    cores: tuple[int, ...] = ()
    limits: RoomLimits = RoomLimits()


class WorkerMessage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line from a worker: an answer was run, the result, or why there is none."""

    step: str = ""
    run: AnswerRun | None = None
    report: LabReport | None = None
    fault: str = ""


def carry_out(order: Order, talk: int) -> None:
    """Replay a submission and tell over the socket `talk`. Leaves nothing behind."""
    with shelf.using(Path(order.shelf) if order.shelf else None):
        _carry_out(order, talk)


def _carry_out(order: Order, talk: int) -> None:
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
    plan = RoomPlan(
        readable=(*roots.python_paths(), str(catalog.root / "labs"), str(catalog.root / "notebooks")),
        programs=str(cache_dir() / "programs"),
        stock=order.stock,
        layers=image_cache.has_layers(Path(order.stock)),
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
        lambda why: tell(WorkerMessage(fault=why)),
    )
    if not in_time:
        tell(WorkerMessage(fault=f"It was not done after {order.limits.seconds:.0f} seconds and was ended."))


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
        tell(WorkerMessage(fault=error.told))
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
    _tell_result(tell, lambda: replay.replay(connect(), lab, _fill, order.path, tell, executor=room))


def _fill(target: Path) -> submission.Intake:
    shutil.copytree(roots.HANDED_IN / ANSWERS, target, symlinks=True)
    return msgspec.json.decode((roots.HANDED_IN / INTAKE).read_bytes(), type=submission.Intake)


class _Teller(replay.Silent):
    """Passes on what a replay is at."""

    def __init__(self, talk: int) -> None:
        self._talk = talk

    def __call__(self, told: WorkerMessage) -> None:
        with suppress(OSError), socket.socket(fileno=os.dup(self._talk)) as end:
            end.sendall(msgspec.json.encode(told) + b"\n")

    def on_ran(self, step: Step, run: AnswerRun | None) -> None:
        self(WorkerMessage(step=step.name, run=run and msgspec.structs.replace(run, output="")))


def _tell_result(tell: _Teller, work: Callable[[], LabReport]) -> None:
    try:
        tell(WorkerMessage(report=work()))
    except LabError as error:
        tell(WorkerMessage(fault=error.told))
