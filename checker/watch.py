"""Watching a practice: checks again whenever an answer is saved or something happens in the registry.

Two sources put events into one queue: the workspace's files (watchfiles) and the registry's own
notifications. A slow timer stands behind both, for file systems that announce nothing.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec

from checker.engine import Engine, engine_calls
from checker.errors import LabError
from checker.model import Step
from checker.session import Session
from checker.stack.listener import Event, listening
from checker.stack.stack import Running
from checker.views import view
from checker.views.operated import Operated
from checker.workspace import PRIVATE

SETTLE = 0.15
"""Seconds without anything new before a batch of changes is handed out: a push is several events."""
FALLBACK = 30.0
"""Seconds after which the world is looked at anyway."""


class Change(msgspec.Struct, frozen=True):
    """Why it is worth looking again. saved: the step whose answer was saved. event: in the registry."""

    saved: str = ""
    event: Event | None = None
    fault: str = ""


def changes(session: Session) -> Iterator[list[Change]]:
    """Batches of changes, for ever; ends only by an exception or interrupt.

    The first batch is empty: from then on nothing is missed. Later empty ones are the timer's.
    """
    waiting: queue.SimpleQueue[Change] = queue.SimpleQueue()
    stop = threading.Event()
    with ExitStack() as stack:
        stack.callback(stop.set)
        for service, events in _sources(session, stack):
            _thread(_hear, service, events, waiting, stop)
            _thread(_mind, session.engine, service, waiting, stop)
        looking = threading.Event()
        _thread(_see, session, waiting, stop, looking)
        looking.wait(FALLBACK)
        yield []
        while True:
            yield _batch(waiting)


def _sources(session: Session, stack: ExitStack) -> Iterator[tuple[Running, Iterator[Event]]]:
    """Every service that tells what happens in a registry, with its events from now on."""
    found = session.started()
    collected = any(service.kind == "events" for service in found.services.values())
    for service in found.services.values():
        seen = view(session.engine, service, found.keys.get(service.name, ""))
        if isinstance(seen, Operated):
            yield service, _followed(seen)
        elif service.kind == "registry" and not collected:
            yield service, stack.enter_context(listening(session.engine, service))


def _followed(seen: Operated) -> Iterator[Event]:
    for event in seen.follow():
        if "manifest" in event.media_type or "index" in event.media_type or event.action == "delete":
            yield Event(event.id, event.action, event.repository, event.tag, event.digest)


def _batch(waiting: "queue.SimpleQueue[Change]") -> list[Change]:
    batch: list[Change] = []
    try:
        batch.append(waiting.get(timeout=FALLBACK))
        while True:
            batch.append(waiting.get(timeout=SETTLE))
    except queue.Empty:
        return batch


def _hear(
    registry: Running, events: Iterator[Event], waiting: "queue.SimpleQueue[Change]", stop: threading.Event
) -> None:
    fault = f"The registry at {registry.address} stopped."
    try:
        for event in events:
            if event.action != "pull":  # checks pull too: that would never end
                waiting.put(Change(event=event))
    except (LabError, OSError) as error:
        fault = str(error)
    if not stop.is_set():
        waiting.put(Change(fault=fault))


def _mind(
    engine: Engine, registry: Running, waiting: "queue.SimpleQueue[Change]", stop: threading.Event
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
        waiting.put(Change(fault=fault))


def _see(
    session: Session, waiting: "queue.SimpleQueue[Change]", stop: threading.Event, looking: threading.Event
) -> None:
    import watchfiles

    root = session.workspace.path
    names = {session.workspace.answer(step): step for step in session.lab.steps}
    try:
        for found in watchfiles.watch(
            root,
            stop_event=stop,
            watch_filter=_worth(root),
            rust_timeout=200,
            debounce=100,
            yield_on_timeout=True,  # the first time round tells that it looks
        ):
            looking.set()
            for _, path in sorted(found, key=lambda pair: pair[1]):
                step: Step | None = names.get(Path(path))
                waiting.put(Change(saved=step.name if step else "."))
    except OSError:
        pass  # this system watches no more files: the timer goes on looking
    finally:
        looking.set()


def _worth(root: Path) -> Callable[[object, str], bool]:
    hidden = (str(root / PRIVATE), str(root / ".git"))

    def worth(_change: object, path: str) -> bool:
        return not path.startswith(hidden) and not path.endswith(".tmp")

    return worth


def _thread(target: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=target, args=arguments, daemon=True).start()
