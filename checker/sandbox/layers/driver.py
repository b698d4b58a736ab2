"""What an engine asks a graph driver over a socket: version 1 of Docker's plugin protocol.

Every call is a POST of JSON, answered in JSON; archives of changes go as bodies in either direction. The calls and
their fields are those of "Graphdriver plugins" in the manual of Docker Engine 20.10.
"""

import json
import os
import socketserver
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import parse_qs, urlsplit

from checker.sandbox.layers import NAME
from checker.sandbox.layers.overlay import Layers

PLUGINS = Path("/run/docker/plugins")
"""Where an engine looks for a driver's socket."""
PIECE = 1 << 18


class DriverServer(socketserver.ThreadingUnixStreamServer):
    """Where an engine finds the driver; to be made before that engine starts."""

    daemon_threads = True
    request_queue_size = 128
    layers: Layers

    def __init__(self) -> None:
        PLUGINS.mkdir(parents=True, exist_ok=True)
        super().__init__(str(PLUGINS / f"{NAME}.sock"), _Handler)

    def serve(self) -> None:
        """Answer for as long as this process is left alone, which keeps nothing else open."""
        os.closerange(3, self.fileno())
        os.closerange(self.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        os.umask(0)
        self.serve_forever()


class _Chunks:
    """A body in pieces of unknown number, to be written (RFC 9112, 7.1)."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out, self._kept = out, bytearray()

    def write(self, data: bytes) -> None:
        self._kept += data
        if len(self._kept) >= PIECE:
            self._send()

    def close(self) -> None:
        if self._kept:
            self._send()
        self._out.write(b"0\r\n\r\n")

    def _send(self) -> None:
        self._out.write(b"%x\r\n%b\r\n" % (len(self._kept), bytes(self._kept)))
        self._kept.clear()


class _Body:
    """A body in pieces, to be read."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self._left, self._ended = source, 0, False

    def read(self, size: int = -1) -> bytes:
        """As much as that; less at the end only. Raises EOFError if it stops before its end."""
        found = bytearray()
        while not self._ended and (size < 0 or len(found) < size):
            if not self._left:
                self._left = int(self._source.readline().split(b";")[0], 16)
                self._ended = not self._left
                if self._ended:
                    self._source.readline()
                    break
            piece = self._source.read(min(self._left, size - len(found) if size >= 0 else PIECE))
            if not piece:
                raise EOFError("the archive stopped before its end")
            found += piece
            self._left -= len(piece)
            if not self._left:
                self._source.readline()
        return bytes(found)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass

    def do_POST(self) -> None:
        url = urlsplit(self.path)
        call = url.path.removeprefix("/GraphDriver.")
        try:
            if call == "ApplyDiff":
                asked = {name: values[0] for name, values in parse_qs(url.query).items()}
                body = _Body(cast(IO[bytes], self.rfile))
                size = self._layers.unpack(asked["id"], cast(IO[bytes], body))
                while body.read(PIECE):
                    pass  # what fills the archive up belongs to its digest too
                self._json({"Size": size})
                return
            length = int(self.headers.get("Content-Length") or 0)
            asked = json.loads(self.rfile.read(length) or b"{}")
            if call == "Diff":
                self._archive(asked)
            elif answer := ANSWERS.get(call):
                self._json(answer(self.server, asked) or {})
            else:
                self._json({"Err": f"no such call: {url.path}"}, 404)
        except BrokenPipeError:
            self.close_connection = True  # whoever asked does not want it any more
        except Exception as error:
            self.close_connection = call == "ApplyDiff"  # nobody read the rest of it
            self._json({"Err": str(error) or type(error).__name__}, 500 if call == "Diff" else 200)

    @property
    def _layers(self) -> Layers:
        return cast(DriverServer, self.server).layers

    def _json(self, answer: dict[str, object], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.2+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _archive(self, asked: dict[str, str]) -> None:
        layer, parent = asked["ID"], asked.get("Parent", "")
        self._layers.place(layer)  # what is not there is said before the archive begins
        self.send_response(200)
        self.send_header("Content-Type", "application/x-tar")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        chunks = _Chunks(cast(IO[bytes], self.wfile))
        try:
            self._layers.pack(layer, parent, chunks)
        except Exception:
            self.close_connection = True  # said by a body that has no end
            return
        chunks.close()


def _init(server: DriverServer, asked: dict[str, Any]) -> None:
    server.layers = Layers(Path(asked["Home"]))


def _create(server: DriverServer, asked: dict[str, Any]) -> None:
    if options := asked.get("StorageOpt"):
        raise ValueError(f"--storage-opt is not supported here: {', '.join(options)}")
    server.layers.create(asked["ID"], asked.get("Parent", ""))


def _changes(server: DriverServer, asked: dict[str, Any]) -> dict[str, object]:
    found = server.layers.changes(asked["ID"], asked.get("Parent", ""))
    return {"Changes": [{"Path": path, "Kind": kind} for path, kind in found]}


ANSWERS: dict[str, Callable[[Any, dict[str, Any]], dict[str, object] | None]] = {
    "/Plugin.Activate": lambda _, __: {"Implements": ["GraphDriver"]},
    "Init": _init,
    "Capabilities": lambda _, __: {"ReproducesExactDiffs": False},
    "Status": lambda _, __: {"Status": [["Backing Filesystem", "tmpfs"], ["userxattr", "true"]]},
    "Create": _create,
    "CreateReadWrite": _create,
    "Remove": lambda server, asked: server.layers.remove(asked["ID"]),
    "Get": lambda server, asked: {"Dir": str(server.layers.mounted(asked["ID"]))},
    "Put": lambda server, asked: server.layers.release(asked["ID"]),
    "Exists": lambda server, asked: {"Exists": server.layers.exists(asked["ID"])},
    "GetMetadata": lambda server, asked: {"Metadata": server.layers.folders(asked["ID"])},
    "Cleanup": lambda server, _: server.layers.release_all(),
    "Changes": _changes,
    "DiffSize": lambda server, asked: {"Size": server.layers.size(asked["ID"])},
}
