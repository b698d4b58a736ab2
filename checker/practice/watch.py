"""Watching a practice: checks again whenever an answer is saved or something happens in the registry.

Two sources put events into one queue: the workspace's files (watchfiles) and the registry's own
notifications. A slow timer stands behind both, for file systems that announce nothing.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import msgspec

from checker.base.errors import LabError
from checker.base.model import Step
from checker.engine.connection import Engine, engine_calls
from checker.lab import progress
from checker.lab.workspace import PRIVATE
from checker.practice.session import Session
from checker.stack.cleanup import sweep
from checker.stack.listener import RegistryEvent, listening
from checker.stack.operated import OperatorClient
from checker.stack.running import Running
from checker.stack.views import view

SETTLE = 0.15
"""Seconds without anything new before a batch of changes is handed out: a push is several events."""
FALLBACK = 30.0
"""Seconds after which the world is looked at anyway."""


class NoticedChange(msgspec.Struct, frozen=True):
    """Why it is worth looking again.

    saved: the step whose answer was saved, `.` for another file. event: in the registry. recorded: somebody wrote to
    the record of progress. asked: steps that somebody wants to have checked; ran: whether their answers were run.
    fault: why nothing more can be heard. over: the one who watches has enough.
    """

    saved: str = ""
    event: RegistryEvent | None = None
    recorded: bool = False
    asked: tuple[str, ...] = ()
    ran: bool = False
    fault: str = ""
    over: bool = False


class Changes:
    """What happens to a practice, as it happens.

    To be used as a context manager: once it is entered, nothing is missed.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: queue.SimpleQueue[NoticedChange] = queue.SimpleQueue()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        stop, looking = threading.Event(), threading.Event()
        sweep(self._session.engine)  # a listener that outlived its process has the port that ours needs
        try:
            self._stack.callback(stop.set)
            for service, events in _sources(self._session, self._stack):
                _thread(_hear, service, events, self._waiting, stop)
                _thread(_mind, self._session.engine, service, self._waiting, stop)
            _thread(_see, self._session, self._waiting, stop, looking)
            looking.wait(FALLBACK)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def put(self, change: NoticedChange) -> None:
        """Add something that happened; any thread may."""
        self._waiting.put(change)

    def first(self, seconds: float) -> list[NoticedChange]:
        """Return the next change at once when there is one, or nothing after so many seconds."""
        try:
            return [self._waiting.get(timeout=seconds)]
        except queue.Empty:
            return []

    def rest(self) -> list[NoticedChange]:
        """Return what else happens until nothing new has come for `SETTLE` seconds: a push is several events."""
        found: list[NoticedChange] = []
        while more := self.first(SETTLE):
            found += more
        return found


def _sources(session: Session, stack: ExitStack) -> Iterator[tuple[Running, Iterator[RegistryEvent]]]:
    """Every service that tells what happens in a registry, with its events from now on."""
    found = session.started()
    collected = any(service.kind == "events" for service in found.services.values())
    for service in found.services.values():
        seen = view(session.engine, service, found.keys.get(service.name, ""))
        if isinstance(seen, OperatorClient):
            yield service, _followed(seen)
        elif service.kind == "registry" and not collected:
            yield service, stack.enter_context(listening(session.engine, service))


def _followed(seen: OperatorClient) -> Iterator[RegistryEvent]:
    for event in seen.follow():
        if "manifest" in event.media_type or "index" in event.media_type or event.action == "delete":
            yield RegistryEvent(event.id, event.action, event.repository, event.tag, event.digest)


def _hear(
    registry: Running,
    events: Iterator[RegistryEvent],
    waiting: "queue.SimpleQueue[NoticedChange]",
    stop: threading.Event,
) -> None:
    fault = f"The registry at {registry.address} stopped."
    try:
        for event in events:
            if event.action != "pull":  # checks pull too: that would never end
                waiting.put(NoticedChange(event=event))
    except (LabError, OSError) as error:
        fault = str(error)
    if not stop.is_set():
        waiting.put(NoticedChange(fault=fault))


def _mind(
    engine: Engine, registry: Running, waiting: "queue.SimpleQueue[NoticedChange]", stop: threading.Event
) -> None:
    """Wait for the registry's end: the listener outlives it and would wait for ever."""
    import docker.errors

    fault = f"The registry at {registry.address} stopped."
    try:
        with engine_calls():
            engine.client.api.wait(registry.container, timeout=None)
    except LabError as error:
        fault = error.message
    except docker.errors.APIError:
        pass  # it was removed before anybody could wait for it
    if not stop.is_set():
        waiting.put(NoticedChange(fault=fault))


def _see(
    session: Session,
    waiting: "queue.SimpleQueue[NoticedChange]",
    stop: threading.Event,
    looking: threading.Event,
) -> None:
    import watchfiles

    root = session.workspace.path
    record = session.workspace.private / progress.FILE
    names: dict[Path, Step] = {}
    for step in session.lab.steps:
        names.setdefault(session.workspace.answer(step), step)
    try:
        for found in watchfiles.watch(
            root,
            stop_event=stop,
            watch_filter=_worth(root),
            step=20,
            debounce=100,
            rust_timeout=200,
            yield_on_timeout=True,  # the first time round tells that it looks
        ):
            looking.set()
            for _, path in sorted(found, key=lambda pair: pair[1]):
                if Path(path) == record:
                    waiting.put(NoticedChange(recorded=True))
                    continue
                saved = names.get(Path(path))
                waiting.put(NoticedChange(saved=saved.name if saved else "."))
    except OSError:
        pass  # this system watches no more files: the timer goes on looking
    finally:
        looking.set()


def _worth(root: Path) -> Callable[[object, str], bool]:
    hidden = (str(root / PRIVATE), str(root / ".git"))
    record = str(root / PRIVATE / progress.FILE)

    def worth(_change: object, path: str) -> bool:
        return path == record or (not path.startswith(hidden) and not path.endswith(".tmp"))

    return worth


def _thread(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
