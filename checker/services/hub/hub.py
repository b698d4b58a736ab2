"""The hub put together."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from checker.services.authlog import AuthLog
from checker.services.clock import now
from checker.services.credentials import Credentials
from checker.services.distribution import Backend, Unanswered
from checker.services.hub.accesstokens import AccessTokenApi, Issued
from checker.services.hub.courier import Courier, Delivery
from checker.services.hub.gate import HubGate, Turns
from checker.services.hub.limits import PullLimits
from checker.services.hub.outbox import Outbox
from checker.services.hub.repositories import Repositories, Visibility
from checker.services.hub.repositoryapi import RepositoryApi
from checker.services.hub.sessions import Sessions
from checker.services.hub.storage import Storage
from checker.services.hub.tagapi import TagApi
from checker.services.hub.webhookapi import WebhookApi
from checker.services.notifications import Announced
from checker.services.operatorapi import operator_route
from checker.services.settings import OPERATOR, Settings
from checker.services.store import ServiceStore
from checker.services.tokens import Signer
from checker.services.web import Answer, Call, Route


@dataclass
class Hub:
    """policy: for the token server; gate: for the front; routes: for the API."""

    policy: Repositories
    gate: HubGate
    routes: list[Route]
    outbox: Outbox
    courier: Courier
    backend: Backend
    store: ServiceStore

    async def work(self) -> None:
        """Mend what a kill left half done, then carry deliveries for ever."""
        await self._mend()
        self.gate.ready.set()
        await self.courier.work()

    async def _mend(self) -> None:
        pending = self.outbox.pending()
        while pending:
            with suppress(Unanswered):
                await self.outbox.resolve(pending[0], self.backend)
                pending = self.outbox.pending()
                continue
            await asyncio.sleep(0.01)  # Distribution is starting; if it cannot, the whole service ends

    def heard(self, announced: list[Announced]) -> None:
        """Count what was pulled."""
        for event in announced:
            counts = event.action == "pull" and event.actor.name != OPERATOR
            if counts and _is_manifest(event.target.media_type):
                self._count(event)

    def _count(self, event: Announced) -> None:
        self.policy.pulled(event.target.repository)
        self.store.write(
            "UPDATE tags SET pulled_at = ? WHERE repository = ? AND (name = ? OR (? = '' AND digest = ?))",
            now(),
            event.target.repository,
            event.target.tag,
            event.target.tag,
            event.target.digest,
        )


def _is_manifest(media_type: str) -> bool:
    return "manifest" in media_type or "image.index" in media_type


def build_hub(
    settings: Settings,
    store: ServiceStore,
    credentials: Credentials,
    signer: Signer,
    backend: Backend,
    log: AuthLog,
) -> Hub:
    """Put the parts of the hub together."""
    repositories = Repositories(store)
    outbox = Outbox(store, repositories, settings.api)
    courier = Courier(store)
    outbox.waiting = courier.wake
    turns = Turns()
    gate = HubGate(repositories, PullLimits(store, settings.limits), outbox, backend, turns)

    async def deliveries(_call: Call) -> Answer:
        return Answer(courier.all())

    async def issued(_call: Call) -> Answer:
        return Answer(tokens.everything())

    async def visibility(_call: Call) -> Answer:
        return Answer(repositories.visibility())

    sessions = Sessions(credentials, signer, log)
    storage = Storage(settings.storage)
    address = settings.api
    tokens = AccessTokenApi(store, sessions, address)
    routes = [
        *sessions.routes(),
        *tokens.routes(),
        *RepositoryApi(sessions, repositories, storage, turns, address).routes(),
        *TagApi(store, sessions, repositories, storage, outbox, turns, backend, address).routes(),
        *WebhookApi(store, sessions, repositories, address).routes(),
        operator_route(
            credentials,
            "deliveries",
            deliveries,
            "What was sent to webhooks, and how it went",
            list[Delivery],
        ),
        operator_route(
            credentials,
            "visibility",
            visibility,
            "Which repositories were public or private from when on",
            list[Visibility],
        ),
        operator_route(credentials, "access-tokens", issued, "What access tokens there are", list[Issued]),
    ]
    return Hub(repositories, gate, routes, outbox, courier, backend, store)
