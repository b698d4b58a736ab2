"""What the hub has to say in requests for manifests: pull limits, and the outbox round every push and
deletion.
"""

import asyncio
import hashlib
from contextlib import suppress

from checker.services.distribution import Backend, Unanswered
from checker.services.hub.limits import PullLimits
from checker.services.hub.outbox import Outbox
from checker.services.hub.repositories import Repositories
from checker.services.proxy import Exchange, Headers, UpstreamReply, refusal
from checker.services.scopes import DIGEST, TAG
from checker.services.settings import OPERATOR

TOO_MANY = "You have fetched as many images as you may for now; wait, or log in for more."


class Turns:
    """One at a time for each name, in the order they came."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}

    async def take(self, name: str) -> None:
        """Wait for one's turn."""
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = (lock, users + 1)
        await lock.acquire()

    def give(self, name: str) -> None:
        """Let the next one."""
        lock, users = self._locks[name]
        if users == 1:
            del self._locks[name]
        else:
            self._locks[name] = (lock, users - 1)
        lock.release()


class HubGate:
    """Limits pulls and writes pushes down. Changes of one repository go one after the other."""

    def __init__(
        self, repositories: Repositories, limits: PullLimits, outbox: Outbox, backend: Backend, turns: Turns
    ) -> None:
        self._repositories, self._limits, self._outbox = repositories, limits, outbox
        self._backend, self._turns = backend, turns
        self.ready = asyncio.Event()
        """Set when everything that a kill left open is resolved; changes wait for it."""

    async def before(self, exchange: Exchange) -> UpstreamReply | None:
        """Count a pull; write down a push or a deletion. What has no right anyway is left to Distribution."""
        claims, notes = exchange.claims, exchange.notes
        if claims is None:
            return None
        if exchange.method == "GET" and claims.sub != OPERATOR and claims.allows(exchange.repository, "pull"):
            left = self._limits.take(claims.sub, exchange.address)
            if not left.granted:
                return refusal(429, "TOOMANYREQUESTS", TOO_MANY, left.headers())
            notes["counted"] = "yes"
        elif exchange.method == "PUT" and claims.allows(exchange.repository, "push"):
            await self._turn(exchange)
            if TAG.fullmatch(exchange.reference):
                digest = f"sha256:{hashlib.sha256(exchange.body).hexdigest()}"
                notes["intent"] = self._outbox.intend(
                    "put", exchange.repository, exchange.reference, digest, exchange.media_type, claims.sub
                )
        elif exchange.method == "DELETE" and claims.allows(exchange.repository, "delete"):
            await self._turn(exchange)
            if DIGEST.fullmatch(exchange.reference):
                notes["intent"] = self._outbox.intend("delete", exchange.repository, "", exchange.reference)
        return None

    async def after(self, exchange: Exchange, status: int, digest: str) -> Headers:
        """Keep what was intended if Distribution did it; tell pullers what they have left."""
        try:
            if exchange.method in ("GET", "HEAD"):
                return self._left(exchange, status)
            intent = exchange.notes.get("intent")
            if intent and status == 0:
                with suppress(Unanswered):  # then it stays pending until the next start
                    await self._outbox.resolve(intent, self._backend)
            elif intent and status < 300:
                self._outbox.done(intent)
            elif intent:
                self._outbox.dropped(intent)
            elif exchange.method == "PUT" and exchange.notes.get("turn") and 200 <= status < 300:
                self._repositories.pushed(exchange.repository)
            return []
        finally:
            if exchange.notes.pop("turn", ""):
                self._turns.give(exchange.repository)

    async def _turn(self, exchange: Exchange) -> None:
        await self.ready.wait()
        await self._turns.take(exchange.repository)
        exchange.notes["turn"] = "taken"

    def _left(self, exchange: Exchange, status: int) -> Headers:
        claims = exchange.claims
        if claims is None or claims.sub == OPERATOR or not claims.allows(exchange.repository, "pull"):
            return []
        if exchange.notes.get("counted") and (status == 0 or status >= 400):
            return self._limits.give_back(claims.sub, exchange.address).headers()
        return self._limits.look(claims.sub, exchange.address).headers()
