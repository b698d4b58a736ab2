"""As much of HTTP/1.1 (RFC 9112) as passing on requests to an engine takes."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import parse_qs, urlencode

import msgspec

from checker.pace import scaled
from checker.pipelines.relay import Reader, Writer

LONGEST_HEAD = 64 * 1024
LONGEST_BODY = 4 * 1024 * 1024
"""Bytes of a body that is read and looked at; others are passed on as they come."""
LONGEST_ARCHIVE = 256 * 1024 * 1024
"""Bytes of an archive of images."""
ANSWER_WITHIN = 60.0

Connect = Callable[[], Coroutine[Any, Any, tuple[Reader, Writer]]]


class Bad(Exception):
    """What came is no request that can be passed on."""


class Request(msgspec.Struct):
    """The head of a request. path: without the API's version, which is `version`, and without the query."""

    method: str
    version: str
    path: str
    query: dict[str, list[str]]
    headers: list[tuple[str, str]]

    def one(self, name: str) -> str:
        """A parameter of the query; empty if it is not there."""
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


async def read_head(reader: Reader) -> Request | None:
    """The next request; None at the end of the connection. Raises Bad."""
    try:
        data = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError:
        raise Bad("its head is too long") from None
    first, *lines = data.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1].startswith("/") or "#" in words[1]:
        raise Bad("its first line is none of HTTP")
    whole, _, query = words[1].partition("?")
    version = ""
    if whole.startswith("/v1.") and "/" in whole[1:]:
        version, _, rest = whole[1:].partition("/")
        version, whole = f"/{version}", f"/{rest}"
    path = whole.replace("%2F", "/").replace("%3A", ":")
    if "%" in path or "//" in path or {".", ".."} & set(path.split("/")):
        raise Bad("its path is ambiguous")
    headers = [(key.strip(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]
    if len({value for key, value in headers if key.lower() == "content-length"}) > 1:
        raise Bad("it has two lengths")
    found = Request(words[0], version, path, {}, headers)
    found.query = parse_qs(query, keep_blank_values=True)
    if found.chunked and found.header("content-length"):
        raise Bad("it has a length and comes in chunks")
    return found


async def read_body(reader: Reader, request: Request, limit: int = LONGEST_BODY) -> bytes:
    """The whole body of a request. Raises Bad if it is longer than `limit` bytes."""
    if not request.chunked:
        if request.length > limit:
            raise Bad("its body is too long")
        return await reader.readexactly(request.length)
    body = bytearray()
    while size := await _chunk_size(reader):
        if size + len(body) > limit:
            raise Bad("its body is too long")
        body += await reader.readexactly(size)
        await _chunk_end(reader)
    await _chunk_end(reader)
    return bytes(body)


async def pass_body(reader: Reader, writer: Writer, request: Request) -> None:
    """Pass a body on as it comes."""
    if not request.chunked:
        left = request.length
        while left:
            data = await reader.read(min(left, 1 << 16))
            if not data:
                raise EOFError
            left -= len(data)
            writer.write(data)
            await writer.drain()
        return
    while True:
        size = await _chunk_size(reader)
        writer.write(f"{size:x}\r\n".encode())
        data = await reader.readexactly(size + 2)
        if not data.endswith(b"\r\n"):
            raise Bad("a chunk does not end where it should")
        writer.write(data)
        await writer.drain()
        if not size:
            return


async def _chunk_size(reader: Reader) -> int:
    line = await reader.readuntil(b"\r\n")
    size = line.partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,15}", size):
        raise Bad("a chunk has no size")
    return int(size, 16)


async def _chunk_end(reader: Reader) -> None:
    if await reader.readexactly(2) != b"\r\n":
        raise Bad("a chunk does not end where it should")


def answer(status: int, body: object) -> bytes:
    """A whole answer with a JSON body."""
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Lab\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


async def ask(connect: Connect, method: str, path: str) -> tuple[int, Any]:
    """A request of our own: its status and what its JSON body says, None without one."""

    async def asked() -> bytes:
        reader, writer = await connect()
        try:
            # HTTP/1.0, so that the answer does not come in chunks.
            writer.write(f"{method} {path} HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()

    data = await asyncio.wait_for(asked(), scaled(ANSWER_WITHIN))
    head, _, body = data.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head else 500
    try:
        return status, json.loads(body)
    except ValueError:
        return status, None


async def pulled(connect: Connect, path: str, auth: str) -> tuple[int, str]:
    """Let the engine pull; the status, and what it complained about. auth: as in X-Registry-Auth."""
    reader, writer = await connect()
    try:
        lines = [f"POST {path} HTTP/1.0", "Host: engine", "Content-Length: 0"]
        lines += [f"X-Registry-Auth: {auth}"] if auth else []
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await writer.drain()
        data = (await reader.read()).decode("utf-8", "replace")
    finally:
        writer.close()
    head, _, body = data.partition("\r\n\r\n")
    said = [json_object(line.encode()) for line in body.splitlines() if line.startswith("{")]
    wrong = next((str(entry.get("error") or entry.get("message")) for entry in said
                  if entry.get("error") or entry.get("message")), "")  # fmt: skip
    status = int(head.split(" ", 2)[1]) if head else 500
    return (status if status != 200 else 404, wrong) if wrong else (status, "")


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
    """A filter's values: the engine takes a list, and the keys of an object."""
    return [str(entry) for entry in value] if isinstance(value, list | dict) else []
