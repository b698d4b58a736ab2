"""What a guarded registry's server remembers of its accounts, as checks ask it: who asked for which
right, what was really pushed, pulled and deleted, and whether it ran all the while.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from checker.base.errors import ServiceFault
from checker.check import fail
from checker.inspect.engineview import EngineView
from checker.stack.operated import Guarded, LogEntry, Period, RegistryNotification


@dataclass(frozen=True)
class Record:
    """Log, events and periods of one server at one moment, oldest first."""

    log: Sequence[LogEntry]
    events: Sequence[RegistryNotification]
    periods: Sequence[Period]

    def asked(self, account: str, repository: str, action: str) -> list[LogEntry]:
        """When somebody, signed in with the right password, asked for an action on a repository."""
        return [
            entry
            for entry in self.log
            if (entry.account, entry.credential) == (account, "password")
            and action in named(entry.requested, repository)
        ]

    def images(
        self, action: str, repository: str, actor: str = "", tag: str = ""
    ) -> list[RegistryNotification]:
        """Manifests pushed or pulled, or deleted by their digest. actor, tag: anybody's and any if empty."""
        return [
            event
            for event in self.events
            if (event.action, event.repository) == (action, repository)
            and actor in ("", event.actor)
            and tag in ("", event.tag)
            and is_image(event)
        ]

    def unbroken(self, first: str, last: str) -> bool:
        """Return whether the server ran without a pause from one moment to the other (RFC 3339)."""
        began, ended = datetime.fromisoformat(first), datetime.fromisoformat(last)
        starts = (datetime.fromisoformat(period.started) for period in self.periods)
        return not any(began < start <= ended for start in starts)


def read(server: Guarded, engine: EngineView) -> Record:
    """Return all of it. A server that somebody stopped or removed is a finding, one that is ill a
    ServiceFault."""
    try:
        return Record(server.log(), server.events(), server.periods())
    except ServiceFault:
        missed(server, engine)
        raise


def missed(server: Guarded, engine: EngineView) -> None:
    """Fail if the server does not answer since somebody removed it, or had stopped it before the look began.

    Return if it is there and ill: a service that ends by itself is nobody's mistake.
    """
    container = engine.container(server.service.container)
    if container is not None and server.service.up:
        return
    fail(
        "server-gone",
        expected=f"The lab's own service {server.service.name} runs.",
        observed="Its container was removed." if container is None else f"It is {container.status}.",
        action="`lab start` brings it back. Nothing in this lab needs it stopped.",
    )


def named(scopes: Iterable[str], repository: str) -> set[str]:
    """Return the actions that scopes name for a repository."""
    begin = f"repository:{repository}:"
    parts = (scope.removeprefix(begin) for scope in scopes if scope.startswith(begin))
    return {action for part in parts for action in part.split(",")}


def is_image(event: RegistryNotification) -> bool:
    """Return whether an event is about a manifest, not about a layer or a tag: deletions tell no media
    type."""
    if event.action == "delete":
        return bool(event.digest)
    return "manifest" in event.media_type or "image.index" in event.media_type
