"""Finding and talking to the container engine: Docker, wherever it listens.

One `Engine` is one connection. It carries the address explicitly (`docker_host`), because answers
run with a `DOCKER_CONFIG` of their own, where the user's contexts are not seen.
"""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checker.base import surroundings
from checker.base.cache import cache_dir, home
from checker.base.errors import EngineFault

if TYPE_CHECKING:
    import docker

LABEL = "registry-lab"
"""Prefix of every label put on what this project creates in an engine."""

LONGEST_SOCKET_FOLDER = 64
"""Bytes. A socket's path has at most 107 (unix(7)), and the engine puts some 40 behind its folder's."""

NOT_PODMAN = (
    "it pushes to no registry on 127.0.0.1 without TLS, "
    "logs in to none through its Docker API, and has no BuildKit"
)
"""Why the labs are not played on Podman (tried with 4.3 and 5.4; docs/operator/engines.md has the details)."""

NO_ENGINE_ACTION = "Run `lab doctor --fix` to get one, or start your engine and try again."


def own_socket() -> Path:
    """Return where an engine started by `lab doctor --fix` listens.

    In the cache, or in /run where that path would be too long for the engine's sockets.
    """
    folder = cache_dir() / "engine"
    if len(os.fsencode(folder)) > LONGEST_SOCKET_FOLDER:
        import hashlib

        folder = Path(f"/run/registry-lab-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]}")
    return folder / "docker.sock"


def candidates() -> tuple[str, ...]:
    """Addresses worth asking, best first. `DOCKER_HOST` alone when it is set."""
    if named := os.environ.get("DOCKER_HOST"):
        return (named,)
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    paths = (
        Path("/var/run/docker.sock"),
        own_socket(),
        Path(runtime) / "docker.sock",
        home() / ".docker/run/docker.sock",
        Path(runtime) / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
    )
    return tuple(f"unix://{path}" for path in paths if path.exists())


class Engine:
    """A container engine that answered. Raises `EngineFault` wherever it stops doing so."""

    def __init__(
        self, docker_host: str, client: "docker.DockerClient", version: Mapping[str, Any] | None = None
    ) -> None:
        self.docker_host = docker_host
        self.client = client
        self._version = version or {}

    @property
    def version(self) -> str:
        """What the engine calls itself, like `Docker 20.10.24`."""
        components = self._version.get("Components") or [{}]
        name = str(components[0].get("Name", "Engine"))
        named = "Docker" if name == "Engine" else name.removesuffix(" Engine")
        return f"{named} {self._version.get('Version', '')}".strip()

    @property
    def architecture(self) -> str:
        """The machine the engine runs images for, in the OCI spelling: amd64, arm64."""
        return str(self._version.get("Arch", "amd64"))

    def environment(self) -> Mapping[str, str]:
        """Return what a child process needs to reach this same engine."""
        return {"DOCKER_HOST": self.docker_host}

    def close(self) -> None:
        self.client.close()


def answers_at(path: Path, timeout: float = 5.0) -> bool:
    """Return whether an engine answers on this socket, whatever it is and whatever version it speaks.

    The address without a version is the only one that all of them have: Docker 29 refuses `/v1.40/_ping`.
    """
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.settimeout(timeout)
            end.connect(str(path))
            end.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
            return b" 200 " in end.recv(200)
    except OSError:
        return False


@contextmanager
def engine_calls() -> Iterator[None]:
    """Turn what the client library raises when the engine is gone into an `EngineFault`.

    Answers with an HTTP status (`docker.errors.APIError`) pass through: there the engine did answer.
    """
    import docker.errors
    import requests
    import urllib3

    try:
        yield
    except docker.errors.APIError:
        raise
    except (
        docker.errors.DockerException,
        requests.RequestException,
        urllib3.exceptions.HTTPError,
        OSError,
    ) as error:
        raise EngineFault(
            f"The container engine stopped answering ({_plain(error)}).", NO_ENGINE_ACTION
        ) from error


def connect(*, timeout: float = 60) -> Engine:
    """Connect to the first engine that answers.

    timeout: seconds any one later call may take. Raises EngineFault when none answers that the labs can be played
    on; its message names every address that was asked and what it said.
    """
    import docker.errors
    import requests

    taken = surroundings.settle()
    # The client library reads the user's logins when it is made; it is shown an empty place instead.
    os.environ["DOCKER_CONFIG"] = str(cache_dir() / "docker")
    seen: list[str] = []
    podman = False
    for address in candidates():
        try:
            engine = _ask(address, int(timeout))
        except (docker.errors.DockerException, requests.RequestException, ValueError, OSError) as error:
            seen.append(f"{address}: {_plain(error)}")
            continue
        if engine.version.startswith("Podman"):
            engine.close()
            podman = True
            seen.append(f"{address} is {engine.version}, which is not enough: {NOT_PODMAN}")
            continue
        os.environ["DOCKER_HOST"] = address  # testcontainers and child processes meet the same engine
        return engine
    what = "; ".join(seen) if seen else "no engine socket exists"
    who = "No engine answers that the labs can be played on" if podman else "No container engine answers"
    raise EngineFault(f"{who} ({what}).{_about_tls(taken)}", _start_one())


def _start_one() -> str:
    chosen = os.environ.get("DOCKER_HOST")
    if not chosen:
        return NO_ENGINE_ACTION
    return f"DOCKER_HOST asks for {chosen}: start Docker there, or unset it and run `lab doctor --fix`."


def _about_tls(taken: tuple[str, ...]) -> str:
    """Return what to say of settings for TLS, where DOCKER_HOST names an engine that may ask for it."""
    names = [name for name in surroundings.TLS if name in taken]
    if not names or not os.environ.get("DOCKER_HOST", "").startswith("tcp:"):
        return ""
    return (
        f" The lab asks without TLS, as an engine elsewhere would not serve on 127.0.0.1; {' and '.join(names)} "
        "had no effect. Unset DOCKER_HOST to use an engine of this machine."
    )


def _ask(address: str, timeout: int) -> Engine:
    """Connect with one request: the engine's version tells that it answers and what it speaks."""
    import docker
    import docker.utils
    from docker.constants import DEFAULT_DOCKER_API_VERSION as OURS

    first = docker.APIClient(base_url=address, version=OURS, timeout=timeout)
    version = dict(first.version(api_version=False))
    first.close()
    theirs = str(version.get("ApiVersion", OURS))
    spoken = theirs if docker.utils.version_lt(theirs, OURS) else OURS
    oldest = str(version.get("MinAPIVersion", spoken))
    spoken = oldest if docker.utils.version_lt(spoken, oldest) else spoken
    return Engine(address, docker.DockerClient(base_url=address, version=spoken, timeout=timeout), version)


def _plain(error: BaseException) -> str:
    """Return the innermost reason of an error, without the wrapping the client library adds."""
    text = str(error)
    for sign in ("Permission denied", "No such file or directory", "Connection refused", "timed out"):
        if sign in text:
            return sign.lower()
    return text.splitlines()[0][:160] if text else type(error).__name__
