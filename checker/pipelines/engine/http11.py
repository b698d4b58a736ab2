"""Requests to an engine (HTTP/1.1, RFC 9112), read and passed on."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any
from urllib.parse import parse_qs, urlencode

import h11
import msgspec

from checker.base.pace import scaled
from checker.sandbox.relay import Reader, Writer

LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 4 * 1024 * 1024
"""Bytes of a body that is read and looked at; others are passed on as they come."""
LONGEST_ARCHIVE = 256 * 1024 * 1024
"""Bytes of an archive of images."""
ANSWER_WITHIN = 60.0

Connect = Callable[[], Coroutine[Any, Any, tuple[Reader, Writer]]]


class Bad(Exception):
    """What came is no request that can be passed on."""


class EngineRequest(msgspec.Struct):
    """The head of a request. path: without the API's version, which is `version`, and without the query."""

    method: str
    version: str
    path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]

    def one(self, name: str) -> str:
        """Return a parameter of the query; empty if it is not there."""
        return self.query.get(name, [""])[0]

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def length(self) -> int:
        text = self.header("content-length") or "0"
        if not text.isdecimal():
            raise Bad("its length is no number")
        return int(text)

    @property
    def chunked(self) -> bool:
        return "chunked" in self.header("transfer-encoding").lower()

    @property
    def upgrades(self) -> bool:
        return "upgrade" in self.header("connection").lower()

    def head(self, body: bytes | None = None) -> bytes:
        """As it goes over the wire. body: the one that is sent instead of its own."""
        headers = self.headers
        if body is not None:
            kept = ("content-length", "transfer-encoding")
            headers = [(key, value) for key, value in headers if key.lower() not in kept]
            headers.append(("Content-Length", str(len(body))))
        query = f"?{urlencode(self.query, doseq=True)}" if self.query else ""
        lines = [f"{self.method} {self.version}{self.path}{query} HTTP/1.1"]
        lines += [f"{key}: {value}" for key, value in headers]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class Incoming:
    """The requests of one client, one after the other, as h11 reads them.

    What h11 allows and the engine may read in another way is refused here. What nobody read of a body is skipped before
    the next request.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._client = h11.Connection(h11.SERVER, max_incomplete_event_size=LONGEST_HEAD)
        self._ended = False

    async def next(self) -> EngineRequest | None:
        """Return the next request; None at the end of the connection. Raises Bad."""
        while await self._piece() is not None:
            pass
        if self._client.our_state is h11.SEND_RESPONSE:
            # Answers go back past this; to h11 one has to be given before it reads on.
            self._client.send(h11.Response(status_code=200, headers=[("Content-Length", "0")]))
            self._client.send(h11.EndOfMessage())
            if self._client.states[h11.SERVER] is h11.MUST_CLOSE:
                # The client said that it would ask for no more. It hangs up when it has the answer.
                while await self._reader.read(1 << 16):
                    pass
                return None
            self._client.start_next_cycle()
        try:
            event = await self._event()
        except EOFError:
            return None
        if not isinstance(event, h11.Request):
            return None
        return _request(event)

    async def body(self, request: EngineRequest, limit: int = LONGEST_BODY) -> bytes:
        """Return the whole body of the request. Raises Bad for one of more than `limit` bytes, EOFError for a part."""
        if request.length > limit:
            raise Bad("its body is too long")
        body = bytearray()
        while (piece := await self._piece()) is not None:
            body += piece
            if len(body) > limit:
                raise Bad("its body is too long")
        return bytes(body)

    async def pass_body(self, request: EngineRequest, writer: Writer) -> None:
        """Pass the body on as it comes. Raises Bad, EOFError."""
        while (piece := await self._piece()) is not None:
            writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if request.chunked else piece)
            await writer.drain()
        if request.chunked:
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    def rest(self) -> bytes:
        """Return what came behind a request that upgrades, and was read already."""
        return self._client.trailing_data[0]

    async def _piece(self) -> bytes | None:
        """Return the next piece of the body; None at its end."""
        if self._client.their_state is not h11.SEND_BODY:
            return None
        event = await self._event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        if isinstance(event, h11.EndOfMessage) and list(event.headers):
            raise Bad("there are headers behind its body")
        return None

    async def _event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while True:
            try:
                event = self._client.next_event()
            except h11.RemoteProtocolError as error:
                if self._ended:
                    raise EOFError from None
                raise Bad(str(error)) from None
            if event is not h11.NEED_DATA:
                return event
            data = await self._reader.read(1 << 16)
            self._ended = not data
            self._client.receive_data(data)


def _request(event: h11.Request) -> EngineRequest:
    if len(event.target) + sum(len(key) + len(value) for key, value in event.headers) > LONGEST_HEAD:
        raise Bad("its head is too long")
    target = event.target.decode("latin-1")
    if not target.startswith("/") or "#" in target:
        raise Bad("its first line names no path")
    whole, _, query = target.partition("?")
    version = ""
    if whole.startswith("/v1.") and "/" in whole[1:]:
        version, _, rest = whole[1:].partition("/")
        version, whole = f"/{version}", f"/{rest}"
    path = whole.replace("%2F", "/").replace("%3A", ":")
    if "%" in path or "//" in path or {".", ".."} & set(path.split("/")):
        raise Bad("its path is ambiguous")
    headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in event.headers.raw_items()]
    found = EngineRequest(event.method.decode("latin-1"), version, path, {}, headers)
    found.query = parse_qs(query, keep_blank_values=True)
    if found.chunked and found.header("content-length"):
        raise Bad("it has a length and comes in chunks")
    return found


def answer(status: int, body: object) -> bytes:
    """Return a whole answer with a JSON body."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Lab\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def ask(connect: Connect, method: str, path: str) -> tuple[int, Any]:
    """Return a request of our own: its status and what its JSON body says, None without one."""
    status, body = await asyncio.wait_for(_asked(connect, method, path), scaled(ANSWER_WITHIN))
    try:
        return status, json.loads(body)
    except ValueError:
        return status, None


async def pulled(connect: Connect, path: str, auth: str) -> tuple[int, str]:
    """Let the engine pull; the status, and what it complained about. auth: as in X-Registry-Auth."""
    status, body = await _asked(connect, "POST", path, {"X-Registry-Auth": auth} if auth else {})
    said = [json_object(line) for line in body.splitlines() if line.startswith(b"{")]
    wrong = next((str(entry.get("error") or entry.get("message")) for entry in said
                  if entry.get("error") or entry.get("message")), "")  # fmt: skip
    return (status if status != 200 else 404, wrong) if wrong else (status, "")


async def _asked(
    connect: Connect, method: str, path: str, headers: Mapping[str, str] = {}
) -> tuple[int, bytes]:
    """Return the status and the body of an answer; 500 for a connection that ends without one."""
    engine = h11.Connection(h11.CLIENT)
    sent = {"Host": "engine", "Connection": "close", "Content-Length": "0", **headers}
    reader, writer = await connect()
    status, body = 500, bytearray()
    try:
        writer.write(engine.send(h11.Request(method=method, target=path, headers=list(sent.items()))) or b"")
        writer.write(engine.send(h11.EndOfMessage()) or b"")
        await writer.drain()
        while not isinstance(event := engine.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
            if event is h11.NEED_DATA:
                engine.receive_data(await reader.read(1 << 16))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
    except h11.RemoteProtocolError:
        pass  # it broke off: what came is what there is
    finally:
        writer.close()
    return status, bytes(body)


class Said:
    """An answer given without asking the engine."""

    def __init__(self, status: int, body: object) -> None:
        self.data = answer(status, body)


def json_object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data or b"{}")
    except ValueError:
        raise Bad("its body is no JSON") from None
    if not isinstance(found, dict):
        raise Bad("its body is no JSON object")
    return found


def json_listed(value: object) -> list[str]:
    """Return a filter's values: the engine takes a list, and the keys of an object."""
    return [str(entry) for entry in value] if isinstance(value, list | dict) else []
