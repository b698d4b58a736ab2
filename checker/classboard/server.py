"""The board's web server: learners post how they stand, the instructor's page is told of it as it happens.

A learner's join code lets one post and read nothing. The page and its events need the board's own secret, in a cookie.
"""

import asyncio
import hmac
import json
import socket
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from checker.base.model import Lab
from checker.classboard.protocol import MOST_BYTES, Message
from checker.classboard.store import BoardRow, BoardStore

STATIC = Path(__file__).resolve().parent / "static"
COOKIE = "registry-lab-board"
GATHER = 0.25
"""Seconds in which changes are put together before the page is told."""
ALIVE = 15.0
"""Seconds after which a silent connection is told that it is alive."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Rate:
    """Lets each key do so many things a second, after a burst."""

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._left: dict[str, tuple[float, float]] = {}

    def allows(self, key: str) -> bool:
        now = time.monotonic()
        left, at = self._left.get(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        if len(self._left) > 10_000:  # strangers with ever new addresses must not fill the memory
            self._left.clear()
        self._left[key] = (left - 1 if left >= 1 else left, now)
        return left >= 1


class Board:
    """The state of a running server. Everything in it happens on one event loop."""

    def __init__(self, store: BoardStore, labs: list[Lab]) -> None:
        self.store = store
        self.labs = labs
        self._steps = {lab.name: {step.name for step in lab.steps} for lab in labs}
        self._revision = 0
        self._changed: dict[str, int] = defaultdict(int)
        self._waiting: set[asyncio.Event] = set()
        self._posts = Rate(5, 30)
        self._strangers = Rate(0.5, 20)
        self.closing = False

    async def progress(self, request: Request) -> Response:
        """`POST /v1/progress`: one message of one learner."""
        client = request.client.host if request.client else ""
        scheme, _, code = request.headers.get("authorization", "").partition(" ")
        who = self.store.learner(code.strip()) if scheme.lower() == "bearer" and code.isascii() else None
        if who is None:
            status = 401 if self._strangers.allows(client) else 429
            return _said(status, "This join code is nobody's. Ask your instructor for yours.")
        if not self._posts.allows(who):
            return _said(429, "That is more than one learner does. Wait a little.")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MOST_BYTES:
                return _said(413, f"A message has at most {MOST_BYTES} bytes.")
        try:
            told = msgspec.json.decode(body, type=Message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return _said(400, f"This is no message: {error}")
        known = self._steps.get(told.lab)
        if known is None or any(state.step not in known for state in told.steps):
            return _said(422, "This class has no such lab or step: is your registry-lab another release?")
        if len({state.step for state in told.steps}) != len(told.steps):
            return _said(422, "A step stands twice.")
        if self.store.take(who, told):
            self._tell(who)
        return Response(status_code=204)

    async def page(self, request: Request) -> Response:
        """`GET /`: the board. With `?key=` the secret goes into a cookie and out of the address."""
        key = request.query_params.get("key")
        if key is not None and self._opens(key):
            answer: Response = RedirectResponse("/", status_code=303)
            secure = request.url.scheme == "https"
            answer.set_cookie(COOKIE, key, httponly=True, samesite="strict", secure=secure)
            return answer
        if not self._known(request):
            return HTMLResponse(_REFUSED, status_code=403)
        return FileResponse(STATIC / "board.html", media_type="text/html")

    async def static(self, request: Request) -> Response:
        """`GET /static/NAME`: script and styles; there is nothing secret in them."""
        name = request.path_params["name"]
        kinds = {"board.js": "text/javascript", "board.css": "text/css"}
        if name not in kinds:
            return _said(404, "There is no such file.")
        return FileResponse(STATIC / name, media_type=kinds[name])

    async def events(self, request: Request) -> Response:
        """`GET /events`: everything once, then what changes."""
        if not self._known(request):
            return _said(403, "The board's secret is missing.")
        return StreamingResponse(self._stream(), media_type="text/event-stream")

    async def answered(self, request: Request) -> Response:
        """`POST /answered`: the instructor has seen a raised hand."""
        if not self._known(request) or request.headers.get("x-board") != "1":
            return _said(403, "The board's secret is missing.")
        origin = request.headers.get("origin")
        if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
            return _said(403, "This comes from another page.")
        body = await request.body()
        try:
            who = msgspec.json.decode(body[:2000], type=dict[str, str]).get("learner", "")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _said(400, "Say which learner.")
        if self.store.answer(who):
            self._tell(who)
        return Response(status_code=204)

    def _opens(self, key: str) -> bool:
        return hmac.compare_digest(key.encode(), self.store.secret.encode())

    def _known(self, request: Request) -> bool:
        return self._opens(request.cookies.get(COOKIE, ""))

    def _tell(self, who: str) -> None:
        self._revision += 1
        self._changed[who] = self._revision
        for event in self._waiting:
            event.set()

    async def _stream(self) -> AsyncIterator[str]:
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            seen = self._revision
            rows = self.store.rows()
            yield _event("all", {"now": time.time(), "labs": self._about_labs(), "rows": _forms(rows)})
            while not self.closing:
                try:
                    await asyncio.wait_for(event.wait(), ALIVE)
                except TimeoutError:
                    yield ": alive\n\n"
                    continue
                await asyncio.sleep(GATHER)
                event.clear()
                new = [who for who, revision in self._changed.items() if revision > seen]
                seen = self._revision
                rows = [row for who in new if (row := self.store.row(who))]
                yield _event("some", {"now": time.time(), "rows": _forms(rows)})
        finally:
            self._waiting.discard(event)

    def _about_labs(self) -> list[dict[str, Any]]:
        return [
            {
                "name": lab.name,
                "number": lab.number,
                "title": lab.title,
                "steps": [step.name for step in lab.steps],
            }
            for lab in self.labs
        ]

    def end(self) -> None:
        """Let open pages go, so that the server can end."""
        self.closing = True
        for event in self._waiting:
            event.set()


def app(store: BoardStore, labs: list[Lab], hosts: list[str]) -> Starlette:
    """Make the server's application. hosts: the names it may be asked by, `*` for any."""
    board = Board(store, labs)

    made = Starlette(
        routes=[
            Route("/v1/progress", board.progress, methods=["POST"]),
            Route("/", board.page),
            Route("/events", board.events),
            Route("/answered", board.answered, methods=["POST"]),
            Route("/static/{name}", board.static),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(_Headers)],
    )
    made.state.board = board
    return made


class BoardServer(uvicorn.Server):
    """Lets open pages go first when it ends: each would else be waited for.

    ready: called when it answers, and a Ctrl-C ends it in order.
    """

    def __init__(
        self,
        made: Starlette,
        *,
        cert: Path | None = None,
        key: Path | None = None,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._board: Board = made.state.board
        self._ready = ready
        super().__init__(
            uvicorn.Config(
                made,
                log_level="critical",  # what it says of a connection that broke is of no use to a teacher
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
                ssl_certfile=cert,
                ssl_keyfile=key,
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._board.end()
        await super().shutdown(sockets)


class _Headers:
    """Adds the headers that every answer has."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def adding(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                names = {name for name, _ in own}
                kept = [pair for pair in message["headers"] if pair[0].lower() not in names]
                message = {**message, "headers": [*kept, *own]}
            await send(message)

        await self._inner(scope, receive, adding)


def _forms(rows: list[BoardRow]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = msgspec.to_builtins(rows)
    return found


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"


def _said(status: int, text: str) -> Response:
    return Response(text + "\n", status_code=status, media_type="text/plain; charset=utf-8")


_REFUSED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Board</title>
<p>Open the board with the address that <code>lab class serve</code> printed: it has a key in it.</p></html>
"""
