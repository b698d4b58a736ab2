"""The parts of each mode, put together; no sockets here, so that tests can talk to the applications
directly.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec

from checker.services.authlog import AuthLog
from checker.services.credentials import Credentials
from checker.services.distribution import OWN_AGENT, Backend
from checker.services.keys import Keys
from checker.services.notifications import Events, receiver
from checker.services.openapi import described
from checker.services.operatorapi import routes as operator_routes
from checker.services.proxy import Front, Gate
from checker.services.settings import Settings
from checker.services.store import ServiceStore
from checker.services.tokens import Signer
from checker.services.tokenserver import Policy, TokenServer
from checker.services.web import Answer, Call, Error, Problem, Route, application

SETTLING = 10.0
"""Seconds to wait for notifications that are under way: after fifty clients at once they are a thousand."""


class Health(msgspec.Struct, frozen=True):
    """Everything answers."""

    status: str = "ok"


@dataclass
class ServiceProcess:
    """A mode: ASGI applications (front and notifications are None in a mode without Distribution) and what
    goes on.
    """

    api: Any
    front: Any = None
    notifications: Any = None
    backend: Backend | None = None
    events: Events | None = None
    background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    def tasks(self) -> list[Coroutine[Any, Any, None]]:
        """Begin what has to run as long as the service does."""
        return [begin() for begin in self.background]

    def close(self) -> None:
        """Begin to end: send those away who wait for news."""
        if self.events:
            self.events.close()

    async def drain(self, seconds: float) -> None:
        """Wait until Distribution has told everything, at most so long."""
        if self.backend:
            await _settled(self.backend, seconds)

    async def finish(self) -> None:
        """Close what is open."""
        if self.backend:
            await self.backend.close()


def build(
    mode: str, settings: Settings, store: ServiceStore, keys: Keys | None, notify_key: str = ""
) -> ServiceProcess:
    """Put a mode together. keys: None in mode events only."""
    credentials = Credentials(store, settings.operator)
    if mode == "events" or keys is None:
        from checker.services.collector import build_events

        events = Events(store)
        routes = [*operator_routes(store, credentials, events, None), receiver(events)]
        routes += build_events(settings, store, credentials)
        return ServiceProcess(_api("Events", [_health(None), *routes]), events=events)

    credentials.open_accounts(settings.accounts)
    signer = Signer(keys, settings.issuer, settings.service, settings.token_seconds)
    backend = Backend(settings, signer)
    log = AuthLog(store)

    async def settled() -> None:
        await _settled(backend, SETTLING)

    events = Events(store, OWN_AGENT, settled)
    policy: Policy
    gate: Gate | None = None
    background: list[Callable[[], Coroutine[Any, Any, None]]] = []
    heard = None
    if mode == "hub":
        from checker.services.hub import build_hub

        hub = build_hub(settings, store, credentials, signer, backend, log)
        policy, gate, own, background = hub.policy, hub.gate, hub.routes, [hub.work]
        heard = hub.heard
    else:
        from checker.services.roles import Roles

        roles = Roles(settings, credentials, events, log)
        policy, own, background = roles, roles.routes(), [roles.watch]
    tokens = TokenServer(settings.service, credentials, signer, policy, log)
    routes = [
        _health(backend),
        *tokens.routes(),
        *own,
        *operator_routes(store, credentials, events, log),
    ]
    api = _api("Hub" if mode == "hub" else "Roles", routes)
    return ServiceProcess(
        api,
        Front(settings, backend, signer, gate, api),
        application([receiver(events, notify_key, heard)]),
        backend,
        events,
        background,
    )


def _api(title: str, routes: list[Route]) -> Any:
    return application([*routes, described(f"registry-lab: {title}", routes)])


def _health(backend: Backend | None) -> Route:
    async def health(_call: Call) -> Answer:
        if backend and not await backend.is_up():
            raise Problem(503, "The registry does not answer yet.")
        return Answer(Health())

    return Route("GET", "/health", health, "Whether everything answers", {200: Health, 503: Error})


async def _settled(backend: Backend, seconds: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while await backend.pending_notifications() and loop.time() < deadline:
        await asyncio.sleep(0.005)
