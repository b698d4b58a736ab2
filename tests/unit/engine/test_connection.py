"""Which engine is taken, and what it is asked."""

import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import docker.errors
import pytest

from checker.base.errors import EngineFault
from checker.engine import connection

DOCKER_29 = {
    "Components": [{"Name": "Engine"}],
    "Version": "29.0.1",
    "ApiVersion": "1.52",
    "MinAPIVersion": "1.44",
}
PODMAN = {
    "Components": [{"Name": "Podman Engine"}],
    "Version": "5.4.2",
    "ApiVersion": "1.41",
    "MinAPIVersion": "1.24",
}


class Server(socketserver.ThreadingUnixStreamServer):
    """Answers `/version` as an engine does, with or without a version in front; refuses versions that are too old."""

    daemon_threads = True

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.about, self.asked = about, list[str]()
        super().__init__(str(path), Handler)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        version = self.path.removeprefix("/v").partition("/")[0] if self.path.startswith("/v1.") else ""
        oldest = self.server.about["MinAPIVersion"]
        old = bool(version) and int(version.removeprefix("1.")) < int(oldest.removeprefix("1."))
        said = (
            {"message": f"client version {version} is too old; it has to be {oldest} or later"}
            if old
            else self.server.about
        )
        text = json.dumps(said).encode()
        self.send_response(400 if old else 200)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        pass

    def address_string(self) -> str:
        return "a client"


Serve = Callable[[str, dict[str, Any]], Server]


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Starts an engine at a socket of the given name; the candidates are these sockets, in the order of their start."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DOCKER_CONFIG", "")
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    servers: list[Server] = []
    monkeypatch.setattr(
        connection, "candidates", lambda: tuple(f"unix://{server.server_address!s}" for server in servers)
    )

    def start(name: str, about: dict[str, Any]) -> Server:
        server = Server(tmp_path / name, about)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_an_engine_that_refuses_old_versions_is_asked_for_none(serve: Serve) -> None:
    server = serve("docker", DOCKER_29)

    engine = connection.connect()
    assert engine.version == "Docker 29.0.1"
    assert engine.client.version()["Version"] == "29.0.1"
    assert server.asked[0] == "/version"
    assert all(path.startswith(("/version", "/v1.44/", "/v1.45/")) for path in server.asked), server.asked


def test_an_engine_newer_than_our_client_is_asked_for_the_oldest_version_it_has(serve: Serve) -> None:
    server = serve("docker", DOCKER_29 | {"ApiVersion": "1.70", "MinAPIVersion": "1.60"})

    assert connection.connect().client.version()["Version"] == "29.0.1"
    assert server.asked[-1] == "/v1.60/version"


def test_the_engine_of_these_tests_does_refuse_them(serve: Serve) -> None:
    server = serve("docker", DOCKER_29)

    client = docker.APIClient(base_url=f"unix://{server.server_address!s}", version="1.43")
    with pytest.raises(docker.errors.APIError, match="too old"):
        client.version()


def test_podman_is_no_engine_for_the_labs_and_that_is_said(serve: Serve) -> None:
    server = serve("podman", PODMAN)

    with pytest.raises(
        EngineFault, match=r"Podman 5\.4\.2, which is not enough: it pushes to no registry"
    ) as caught:
        connection.connect()
    assert str(server.server_address) in caught.value.message
    assert "lab doctor --fix" in caught.value.action


def test_docker_is_taken_where_podman_answers_too(serve: Serve) -> None:
    serve("podman", PODMAN)
    serve("docker", DOCKER_29)

    assert connection.connect().version == "Docker 29.0.1"
