"""Grade on a cluster: workers of Dask distributed, each with rooms of its own.

The scheduler gives a submission to one worker, and to another when that one is lost; what comes back is one report
for each. See https://distributed.dask.org for how to start a scheduler and workers.
"""

import hashlib
import io
import logging
import queue
import signal
import socket
import tarfile
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from checker import __version__
from checker.base.errors import BrokenLab, EnvironmentFault, LabError
from checker.base.model import Lab
from checker.base.results import Finding, LabReport, Versions
from checker.engine.connection import connect
from checker.grading.forkserver import ForkServer
from checker.grading.pool import GradingEvent, Task, in_error, replay_all
from checker.judge import replay, submission
from checker.lab.catalog import Catalog
from checker.sandbox.room import image_cache, support
from checker.stack import needs
from checker.stack.kind import images as of_lab

if TYPE_CHECKING:
    from distributed import Client

CONNECTING = 10.0
"""Seconds for the scheduler to answer."""
PATIENCE = 60.0
"""Seconds to wait for a worker where there is none, or none any more."""
AHEAD = 2
"""Submissions handed to the scheduler for each thread of a worker: one at work, one to go on with."""
POLL = 2.0


class Parcel(msgspec.Struct, frozen=True, kw_only=True):
    """A submission on its way to a worker.

    number, path: as they were given. fingerprint: of the lab that it is to be judged by. files: a tar.gz of what was
    taken in. warnings, refused: what was said of it then.
    """

    number: int
    lab: str
    path: str
    fingerprint: str
    files: bytes
    warnings: tuple[str, ...]
    refused: Finding | None
    unprotected: bool


def replay_on(address: str, tasks: Sequence[Task], *, unprotected: bool) -> Iterator[GradingEvent]:
    """Replay the tasks on the workers of the scheduler at `address`; tells what happens as it does.

    What a lost worker was at is done again by another. Raises EnvironmentFault if there is no scheduler there, or no
    worker for a minute; what was told by then stays true.
    """
    client = _connected(address)
    try:
        yield from _Round(client, address, tasks, unprotected).events()
    finally:
        client.close(timeout=CONNECTING)


def _connected(address: str) -> "Client":
    try:
        from distributed import Client
    except ImportError as error:
        raise EnvironmentFault(
            "Dask is not installed.",
            "Install it here and on each worker: `pip install 'registry-lab[dask]'`.",
        ) from error
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it is told by us
    try:
        return Client(address, timeout=CONNECTING, set_as_default=False)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(
            f"No Dask scheduler answers at {address}.", "Start one: `dask scheduler --host ADDRESS`."
        ) from error


class _Round:
    def __init__(self, client: "Client", address: str, tasks: Sequence[Task], unprotected: bool) -> None:
        self._client, self._address = client, address
        self._unprotected = unprotected
        self._waiting = deque(tasks)
        self._out: dict[str, tuple[Task, Any]] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._fingerprints: dict[str, str] = {}
        self._seen_worker = time.monotonic()

    def events(self) -> Iterator[GradingEvent]:
        try:
            while self._waiting or self._out:
                yield from self._hand_out()
                try:
                    key = self._ended.get(timeout=POLL)
                except queue.Empty:
                    continue
                task, future = self._out.pop(key)
                yield GradingEvent(task, report=self._report(task, future))
        finally:  # an interrupt: what no worker has begun is taken back
            self._client.cancel([future for _, future in self._out.values()], force=True)

    def _hand_out(self) -> Iterator[GradingEvent]:
        room = AHEAD * self._threads()
        while self._waiting and len(self._out) < room:
            task = self._waiting.popleft()
            try:
                with _undisturbed():
                    parcel = self._packed(task)
            except LabError as error:
                yield GradingEvent(task, report=in_error(task, error.told))
                continue
            yield GradingEvent(task)
            future = self._client.submit(carry_out, parcel, pure=False, retries=1)
            self._out[future.key] = (task, future)
            future.add_done_callback(lambda ended: self._ended.put(ended.key))

    def _threads(self) -> int:
        """Of all workers. Raises EnvironmentFault after a minute without any."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        now = time.monotonic()
        if workers:
            self._seen_worker = now
        elif now - self._seen_worker > PATIENCE:
            raise EnvironmentFault(
                f"There is no worker at {self._address}.",
                f"Start one on each machine: `dask worker {self._address}`; `--resume` goes on from here.",
            )
        return sum(worker["nthreads"] for worker in workers.values())

    def _packed(self, task: Task) -> bytes:
        with tempfile.TemporaryDirectory(prefix="registry-lab-") as folder:
            place = Path(folder) / task.lab.name
            intake = submission.take_in(task.lab, task.path, place)
            files = io.BytesIO()
            if intake.refused is None:
                with tarfile.open(fileobj=files, mode="w:gz", compresslevel=1) as packed:
                    packed.add(place, task.lab.name)
        if task.lab.name not in self._fingerprints:
            self._fingerprints[task.lab.name] = fingerprint(task.lab)
        return msgspec.msgpack.encode(
            Parcel(
                number=task.number,
                lab=task.lab.name,
                path=str(task.path),
                fingerprint=self._fingerprints[task.lab.name],
                files=files.getvalue(),
                warnings=intake.warnings,
                refused=intake.refused,
                unprotected=self._unprotected,
            )
        )

    def _report(self, task: Task, future: Any) -> LabReport:
        if future.status == "finished":
            report = msgspec.msgpack.decode(future.result(), type=LabReport)
            return msgspec.structs.replace(report, title=task.lab.title)  # its worker may not have the lab
        if future.status == "cancelled":
            raise EnvironmentFault(
                f"The scheduler at {self._address} has ended.",
                "Start it and its workers again; `--resume` goes on from here.",
            )
        error = future.exception()
        if type(error).__name__ == "KilledWorker":
            return in_error(task, "Every worker that was at it was lost.")
        return in_error(task, f"Its worker failed: {error}")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put a Ctrl-C off to the end of work that is short and has to clean up after itself. For the main thread."""
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt


def fingerprint(lab: Lab) -> str:
    """Of this program and of what a submission is judged by: equal on two machines that judge alike."""
    found = hashlib.sha256(__version__.encode())
    for path in sorted(
        path for path in lab.folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ):
        found.update(f"\n{path.relative_to(lab.folder).as_posix()}\n".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def carry_out(data: bytes) -> bytes:
    """In a worker of the cluster: replay what is in a parcel; the report, packed. Leaves nothing behind."""
    parcel = msgspec.msgpack.decode(data, type=Parcel)
    try:
        report = _judged(parcel)
    except LabError as error:
        report = LabReport(
            lab=parcel.lab,
            title=parcel.lab,
            path="",
            steps=(),
            versions=Versions(),
            error=f"On {socket.gethostname()}: {error.told}",
        )
    # The worker took in what had been taken in already, and what it says of that was said before.
    warnings = tuple(dict.fromkeys((*parcel.warnings, *report.warnings)))
    return msgspec.msgpack.encode(msgspec.structs.replace(report, path=parcel.path, warnings=warnings))


def _judged(parcel: Parcel) -> LabReport:
    catalog = Catalog()
    lab = catalog.lab(parcel.lab)
    if fingerprint(lab) != parcel.fingerprint:
        raise BrokenLab(
            f"The lab {lab.name} is another one here.", "Install the same version of registry-lab everywhere."
        )
    engine = connect()
    if parcel.refused:
        intake = submission.Intake(parcel.warnings, parcel.refused)
        return replay.replay(engine, lab, lambda _: intake, parcel.path, replay.Silent())
    reason = support.missing(engine)
    if reason and not parcel.unprotected:
        raise EnvironmentFault(
            f"Submissions cannot be kept apart: {reason}.", "Add `--unprotected` if you trust all of them."
        )
    support.sweep()
    replay.sweep()
    needs.provide(engine, [lab], lambda _: None)
    unprotected = bool(reason) or parcel.unprotected
    stocks = {lab.name: "" if unprotected else str(image_cache.ready(engine, of_lab(lab)))}
    # Among the workspaces of replays: there others look for what a worker left that was killed.
    with replay.folder() as base, ForkServer() as forkserver:
        with tarfile.open(fileobj=io.BytesIO(parcel.files)) as packed:
            packed.extractall(base, filter="tar")
        task = Task(parcel.number, lab, base / lab.name)
        (report,) = (
            event.report for event in replay_all(forkserver, [task], 1, stocks, catalog.root) if event.report
        )
    return report
