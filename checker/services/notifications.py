"""What registries announce (Distribution documentation, "Work with notifications"): kept once, in order.

Distribution delivers an event at least once; it is known by its id, so a repeated one changes nothing.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable

import msgspec

from checker.services.clock import moment, now, text
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Problem, Route

LONGEST_WAIT = 60.0
"""Seconds that a reader can be kept waiting."""


class Event(msgspec.Struct, frozen=True):
    """One thing that happened.

    action: pull, push, delete or mount; actor: the account, "" for anonymous. method: of the request, as
    HEAD, which Distribution announces as a pull although nothing was sent.
    """

    seq: int
    id: str
    action: str
    repository: str
    tag: str
    digest: str
    media_type: str
    actor: str
    address: str
    user_agent: str
    at: str
    method: str


class _Target(msgspec.Struct, frozen=True, rename="camel"):
    repository: str = ""
    tag: str = ""
    digest: str = ""
    media_type: str = ""


class _Request(msgspec.Struct, frozen=True):
    addr: str = ""
    useragent: str = ""
    method: str = ""


class _Actor(msgspec.Struct, frozen=True):
    name: str = ""


class Announced(msgspec.Struct, frozen=True):
    """An event in Distribution's form."""

    id: str
    action: str
    timestamp: str = ""
    target: _Target = _Target()
    request: _Request = _Request()
    actor: _Actor = _Actor()


class Envelope(msgspec.Struct, frozen=True):
    """What Distribution posts."""

    events: list[Announced]


async def _nothing() -> None:
    return None


class Events:
    """Keeps events and hands them out, also to those who wait for the next."""

    def __init__(
        self, store: ServiceStore, own_agent: str = "", settled: Callable[[], Awaitable[None]] = _nothing
    ) -> None:
        """own_agent: whose pulls are no events. settled: returns when nothing is under way any more."""
        self._store, self._own_agent, self._settled = store, own_agent, settled
        self._new = asyncio.Event()
        self._closing = False

    def keep(self, announced: list[Announced]) -> list[Announced]:
        """Keep those not known yet; return them."""
        fresh = []
        with self._store.together():
            for event in announced:
                if self._own_agent and event.request.useragent == self._own_agent:
                    continue
                if self._store.write(
                    "INSERT OR IGNORE INTO events (id, action, repository, tag, digest, media_type, actor,"
                    " address,"
                    " user_agent, at, method) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    event.id,
                    event.action,
                    event.target.repository,
                    event.target.tag,
                    event.target.digest,
                    event.target.media_type,
                    event.actor.name,
                    _host(event.request.addr),
                    event.request.useragent,
                    _time(event.timestamp),
                    event.request.method,
                ):
                    fresh.append(event)
        self._wake()
        return fresh

    async def after(self, seq: int, wait: float = 0.0) -> list[Event]:
        """Return the events after a number; without any, wait so many seconds for the first."""
        await self._settled()
        found = self._read(seq)
        deadline = asyncio.get_running_loop().time() + min(wait, LONGEST_WAIT)
        while not found and not self._closing:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            new = self._new
            try:
                await asyncio.wait_for(new.wait(), left)
            except TimeoutError:
                break
            found = self._read(seq)
        return found

    def close(self) -> None:
        """Send everybody away who waits."""
        self._closing = True
        self._wake()

    def _wake(self) -> None:
        self._new.set()
        self._new = asyncio.Event()

    def _read(self, seq: int) -> list[Event]:
        rows = self._store.rows("SELECT * FROM events WHERE seq > ? ORDER BY seq", seq)
        return [_event(row) for row in rows]


def receiver(events: Events, key: str = "", heard: Callable[[list[Announced]], None] | None = None) -> Route:
    """Return the call Distribution posts to. key: what it has to show, "" for nothing."""

    async def receive(call: Call) -> Answer:
        if key and call.authorization != f"Bearer {key}":
            raise Problem(401, "Only the registry announces things here.")
        fresh = events.keep(call.body.events)
        if heard:
            heard(fresh)
        return Answer({})

    return Route(
        "POST",
        "/notifications",
        receive,
        "Announce what happened in a registry",
        {200: dict[str, str], **({401: Error} if key else {})},
        body=Envelope,
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(**dict(row))


def _host(address: str) -> str:
    host, colon, port = address.rpartition(":")
    return host.strip("[]") if colon and port.isdecimal() and (":" not in host or "[" in host) else address


def _time(written: str) -> str:
    try:
        return text(moment(written))
    except (ValueError, OverflowError):
        return now()
