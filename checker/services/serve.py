"""A service as a whole: its parts put together, started side by side, watched, and ended in order."""

import asyncio
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from checker.services.settings import Settings

DRAIN = 1.0
"""Seconds that the last notifications get on the way out."""
GRACE = 1
"""Seconds that requests under way get on the way out."""


def run(mode: str, settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status: 0, or 1 if a part could not start or ended by
    itself.
    """
    with ThreadPoolExecutor(1) as pool:
        # Distribution starts while this process still imports.
        notify_key = secrets.token_hex(32)
        backend = pool.submit(_prepare, mode, settings, notify_key)
        try:
            return _serve(mode, settings, notify_key, backend)
        except OSError as error:
            print(f"The service cannot start: {error}", file=sys.stderr)
            return 1
        finally:
            with suppress(Exception):
                _end(backend.result()[1])


def _prepare(mode: str, settings: Settings, notify_key: str) -> Any:
    if mode == "events":
        return None, None
    from checker.services import distribution, keys

    made = keys.load_or_make(Path(settings.state))
    return made, distribution.start(settings, made, notify_key)


def _serve(mode: str, settings: Settings, notify_key: str, backend: Any) -> int:
    import uvicorn

    from checker.services.clock import now
    from checker.services.service import build
    from checker.services.store import ServiceStore

    class Server(uvicorn.Server):
        """Leaves signals to us: there are several of these in one loop."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    def server(app: Any) -> Server:
        return Server(
            uvicorn.Config(
                app,
                loop="asyncio",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                date_header=False,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=GRACE,
                backlog=512,
            )
        )

    async def main() -> int:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        store = ServiceStore(Path(settings.state))
        store.write("INSERT INTO runs (started) VALUES (?)", now())
        this_run = store.count("SELECT max(id) FROM runs")
        made, process = backend.result()
        service = build(mode, settings, store, made, notify_key)
        ports = settings.ports
        listening: list[tuple[Server, asyncio.Task[None]]] = []
        for app, host, port in (
            (service.front, settings.host, ports.registry),
            (service.notifications, "127.0.0.1", ports.notifications),
            (service.api, settings.host, ports.api),
        ):
            if app is not None:
                one = server(app)
                sock = _listen(host, port)
                listening.append((one, asyncio.create_task(one.serve(sockets=[sock]))))
        tasks = [asyncio.create_task(task) for task in service.tasks()]
        ended = asyncio.create_task(asyncio.to_thread(process.wait)) if process else None
        stopping = asyncio.create_task(stop.wait())
        watched = {stopping, *tasks, *(task for _, task in listening), *([ended] if ended else [])}
        await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        status = 0 if stopping.done() else 1
        if ended and ended.done():
            print(f"Distribution ended by itself with status {ended.result()}.", file=sys.stderr)
        for task in (*tasks, *(task for _, task in listening)):
            if task.done() and not task.cancelled() and task.exception():
                print(f"A part of the service failed: {task.exception()!r}", file=sys.stderr)
        service.close()
        # First nothing new comes in, then what Distribution still has to say is heard, then it ends.
        for one, _ in listening[:1]:
            one.should_exit = True
        await asyncio.wait([task for _, task in listening[:1]], timeout=GRACE + 1)
        if process and process.poll() is None:
            await service.drain(DRAIN)
            process.terminate()
        for task in tasks:
            task.cancel()
        for one, _ in listening[1:]:
            one.should_exit = True
        if rest := [task for _, task in listening[1:]]:
            await asyncio.wait(rest, timeout=GRACE + 1)
        await service.finish()
        if status == 0:
            store.write("UPDATE runs SET stopped = ? WHERE id = ?", now(), this_run)
        store.close()
        _end(process)
        stopping.cancel()
        return status

    return asyncio.run(main())


def _listen(host: str, port: int) -> socket.socket:
    # With the protocol named: asyncio sets TCP_NODELAY on no other socket, and then a header waits 40 ms for
    # the acknowledgement of what came before it.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise OSError(f"port {port} on {host}: {error.strerror}") from error
    return sock


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
