"""Relay connections between a sandbox and the few services it may reach, in one thread."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

CHUNK = 1 << 16

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Serve = Callable[[Reader, Writer], Awaitable[None]]


class Relays:
    """The relays of one sandbox; all connections are cut when it is left."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="sandbox-relays", daemon=True)
        self._connections: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def carry(self, listener: socket.socket, port: int) -> None:
        """Carry what connects to `listener` to 127.0.0.1:`port`."""
        self._start(asyncio.start_server(self._served(_to_port(port)), sock=listener))

    def listen(self, path: Path, serve: Serve) -> None:
        """Let `serve` answer what connects to a Unix socket that is made at `path`."""
        self._start(asyncio.start_unix_server(self._served(serve), path=path))

    def _start(self, starting: Awaitable[asyncio.Server]) -> None:
        async def start() -> None:
            self._servers.append(await starting)

        asyncio.run_coroutine_threadsafe(start(), self._loop).result(5)

    def _served(self, serve: Serve) -> Callable[[Reader, Writer], None]:
        async def one(reader: Reader, writer: Writer) -> None:
            with suppress(OSError, EOFError, asyncio.CancelledError):
                await serve(reader, writer)
            writer.close()

        def begin(reader: Reader, writer: Writer) -> None:
            task = self._loop.create_task(one(reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        return begin

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        tasks: Sequence[asyncio.Task[None]] = tuple(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _to_port(port: int) -> Serve:
    async def serve(reader: Reader, writer: Writer) -> None:
        theirs = await asyncio.open_connection("127.0.0.1", port)
        await both_ways((reader, writer), theirs)

    return serve


async def both_ways(ours: tuple[Reader, Writer], theirs: tuple[Reader, Writer]) -> None:
    """Pass bytes on between two connections until both directions are over."""
    try:
        await asyncio.gather(pass_on(ours[0], theirs[1]), pass_on(theirs[0], ours[1]))
    finally:
        theirs[1].close()


async def pass_on(reader: Reader, writer: Writer) -> None:
    """Pass bytes on in one direction until its end, which is passed on as well."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        with suppress(OSError):
            writer.write_eof()
