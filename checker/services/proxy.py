"""What clients of the registry talk to: a reverse proxy, as a plain ASGI application, in front of
Distribution.

It changes nothing of what passes but these: the address of the token server in a challenge, where a request
came from (`X-Forwarded-For`, never believed from outside), hop-by-hop headers (RFC 9110, section 7.6.1), and mounts
of blobs from where the client may not pull, which become uploads.
A Gate may look at requests for manifests before and after Distribution has.
"""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import quote

import httpcore
import msgspec

from checker.services import mounts
from checker.services.credentials import bearer
from checker.services.distribution import REALM, Backend
from checker.services.repository_locks import RepositoryLocks
from checker.services.scopes import is_repository
from checker.services.settings import TOKEN_PATH, Settings
from checker.services.tokens import BadToken, Claims, Signer

_MANIFEST = re.compile(r"/v2/(?P<repository>.+)/manifests/(?P<reference>[^/]+)")
_STORED = re.compile(r"/v2/(?P<repository>.+)/(?:manifests|blobs)/.+")
_HOP_BY_HOP = """
connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding
upgrade expect
"""
_CLAIMED_ORIGIN = "forwarded x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-real-ip"
_DROPPED = frozenset((_HOP_BY_HOP + _CLAIMED_ORIGIN).encode().split())
LARGEST_MANIFEST = 4 * 1024 * 1024
"""Bytes; Distribution takes no larger one."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Exchange:
    """A request for a manifest. claims: of its token, None without a good one; body: of a PUT, whole.

    notes: what the gate wants to remember from before to after.
    """

    method: str
    repository: str
    reference: str
    claims: Claims | None
    address: str
    media_type: str
    body: bytes = b""
    notes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class UpstreamReply:
    """An answer made here instead of by Distribution."""

    status: int
    headers: Headers
    body: bytes


class Gate(Protocol):
    """What has a say in requests for manifests."""

    async def before(self, exchange: Exchange) -> UpstreamReply | None:
        """Look at a request before Distribution gets it; a reply keeps it from getting there."""

    async def after(self, exchange: Exchange, status: int, digest: str) -> Headers:
        """Look at the answer before the client gets it; return headers to add. status 0: there was none."""


def refusal(status: int, code: str, message: str, headers: Headers | None = None) -> UpstreamReply:
    """Make a reply in the form of the distribution specification ("Error Codes")."""
    body = msgspec.json.encode({"errors": [{"code": code, "message": message, "detail": None}]})
    return UpstreamReply(status, [(b"content-type", b"application/json"), *(headers or [])], body)


class Gone(Exception):
    """The client went away in the middle of its request."""


class Front:
    """The ASGI application."""

    def __init__(
        self,
        settings: Settings,
        backend: Backend,
        signer: Signer,
        gate: Gate | None = None,
        tokens: Any = None,
    ) -> None:
        """tokens: the application of the token server, for clients that look for it at this address."""
        self._settings, self._backend, self._signer, self._gate = settings, backend, signer, gate
        self._tokens = tokens
        self._crossing = RepositoryLocks()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if self._tokens and scope["path"] == TOKEN_PATH:
            await self._tokens(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        claims, stale = self._claims(headers.get(b"authorization", b"").decode("latin-1"))
        scope = mounts.without_foreign(scope, claims)
        exchange = self._exchange(scope, headers, claims)
        body: AsyncIterator[bytes] | None = None
        if b"content-length" in headers or b"transfer-encoding" in headers:
            body = _body(receive)
        try:
            if exchange and exchange.method == "PUT":
                content = await _whole(body) if body else b""
                if content is None:
                    await _say(send, refusal(413, "SIZE_INVALID", "The manifest is too large."))
                    return
                exchange = replace(exchange, body=content)
                body = _once(content) if body else None
            if exchange and self._gate and (reply := await self._gate.before(exchange)):
                await _say(send, reply)
                return
            request = self._forwarded(scope, headers, stale)
            await self._forward(scope, request, body, exchange, send)
        except Gone:
            return

    async def _forward(
        self,
        scope: Any,
        headers: Headers,
        body: AsyncIterator[bytes] | None,
        exchange: Exchange | None,
        send: Any,
    ) -> None:
        # What was matched above is what Distribution matches: the path is decoded once, and encoded anew.
        target = quote(scope["path"], safe="/:@!$&'()*+,;=~").encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        told = started = False
        try:
            async with (
                AsyncExitStack() as storage,
                self._backend.pool.stream(
                    scope["method"],
                    self._backend.url(target),
                    headers=headers,
                    content=await self._in_order(scope, body, storage),
                ) as answer,
            ):
                await storage.aclose()  # with the head of its answer Distribution is done
                more: Headers = []
                if exchange and self._gate:
                    told = True
                    digest = _header(answer.headers, b"docker-content-digest")
                    more = await self._gate.after(exchange, answer.status, digest)
                started = True
                realm = self._settings.realm(_header(headers, b"host"), _header(headers, b"user-agent"))
                await self._pass_on(send, answer, realm, more)
        except (httpcore.NetworkError, httpcore.ProtocolError):
            if started:
                raise
            await _say(send, refusal(503, "UNAVAILABLE", "The registry does not answer."))
        finally:
            if exchange and self._gate and not told:
                await self._gate.after(exchange, 0, "")

    async def _in_order(
        self, scope: Any, body: AsyncIterator[bytes] | None, storage: AsyncExitStack
    ) -> AsyncIterator[bytes] | None:
        """Take one's turn at the repository's storage until `storage` is closed; a body does before its last
        part.

        So that whoever sends a large blob slowly keeps nobody waiting meanwhile.
        """
        found = _STORED.fullmatch(scope["path"])
        if not found or scope["method"] == "PATCH":
            return body
        name = found["repository"]
        if scope["method"] in ("GET", "HEAD"):
            await storage.enter_async_context(self._crossing.reading(name))
            return body
        if body is None:
            await storage.enter_async_context(self._crossing.writing(name))
            return None
        return _held_back(body, storage, self._crossing.writing(name))

    def _claims(self, authorization: str) -> tuple[Claims | None, bool]:
        """Return what the token says, and whether it is a good one whose time is over.

        Distribution takes a token for another minute. Here it ends when it says so.
        """
        token = bearer(authorization)
        if token is None:
            return None, False
        try:
            return self._signer.read_registry(token), False
        except BadToken as error:
            return None, error.expired

    def _exchange(self, scope: Any, headers: dict[bytes, bytes], claims: Claims | None) -> Exchange | None:
        found = _MANIFEST.fullmatch(scope["path"])
        if not found or not is_repository(found["repository"]) or self._gate is None:
            return None
        media_type = headers.get(b"content-type", b"").decode("latin-1")
        return Exchange(
            scope["method"], found["repository"], found["reference"], claims, _address(scope), media_type
        )

    def _forwarded(self, scope: Any, headers: dict[bytes, bytes], stale: bool) -> Headers:
        named = {name.strip().lower() for name in headers.get(b"connection", b"").split(b",")}
        dropped = _DROPPED | named | ({b"authorization"} if stale else set())
        passed = [(name, value) for name, value in scope["headers"] if name.lower() not in dropped]
        if b"transfer-encoding" in headers and b"content-length" not in headers:
            passed.append((b"transfer-encoding", b"chunked"))
        return [*passed, (b"x-forwarded-for", _address(scope).encode())]

    async def _pass_on(self, send: Any, answer: httpcore.Response, realm: str, more: Headers) -> None:
        headers = [
            (
                name,
                value.replace(REALM.encode(), realm.encode())
                if name.lower() == b"www-authenticate"
                else value,
            )
            for name, value in answer.headers
            if name.lower() not in _DROPPED
        ]
        await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, *more]})
        async for part in answer.aiter_stream():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _address(scope: Any) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _header(headers: Headers, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in headers if name.lower() == wanted), "")


async def _body(receive: Any) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        if message.get("body"):
            yield message["body"]
        more = message.get("more_body", False)


async def _whole(body: AsyncIterator[bytes]) -> bytes | None:
    content = bytearray()
    async for part in body:
        content += part
        if len(content) > LARGEST_MANIFEST:
            return None
    return bytes(content)


async def _held_back(
    body: AsyncIterator[bytes], storage: AsyncExitStack, entering: AbstractAsyncContextManager[None]
) -> AsyncIterator[bytes]:
    """Pass a body on, and enter a context before its last part."""
    last = b""
    async for part in body:
        if last:
            yield last
        last = part
    await storage.enter_async_context(entering)
    if last:
        yield last


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def _say(send: Any, reply: UpstreamReply) -> None:
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
