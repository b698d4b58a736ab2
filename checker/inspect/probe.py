"""Find out what an image serves: start it, ask it over HTTP, remove it.

What an image does is decided by its layers and the part of its configuration that a container is run
with. So an answer once seen is remembered by just these: images that differ in labels or history only are
asked once. Failures are remembered for one run only: a busy machine is no fact about an image.
"""

import hashlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import msgspec

from checker.base.deadline import Deadline
from checker.base.errors import ServiceFault
from checker.base.files import replace_file
from checker.base.pace import scaled
from checker.base.ports import HOST, free_port
from checker.base.processes import process_identity
from checker.engine.connection import Engine, engine_calls
from checker.engine.labels import OWNER, PROCESS
from checker.inspect.engineview import EngineView
from checker.inspect.registry import RegistryClient

APP_PORT = 8080
ANSWERS_WITHIN = 20.0
"""Seconds a started image may take until it answers: ten were not enough on a machine with much else to do."""
RESPONDS_WITHIN = 5.0
SILENT_FOR = 2.0
"""Seconds for the whole of one response."""
POLL = 0.005
BODY_LIMIT = 64 * 1024
MEMORY = "256m"
PROCESSES = 256
AT_ONCE = 4
"""Images asked side by side: starting one is mostly waiting for the engine."""
RUN_WITH = frozenset(
    (
        "User",
        "ExposedPorts",
        "Env",
        "Entrypoint",
        "Cmd",
        "Volumes",
        "WorkingDir",
        "StopSignal",
        "Healthcheck",
        "Shell",
        "ArgsEscaped",
    )
)
"""The fields of an image's `config` that its containers are run with (image-spec, config.md)."""


class ProbeAnswer(msgspec.Struct, frozen=True):
    """What came back for `GET /`. status 0: it never answered; log: what the container printed."""

    status: int
    body: str
    log: str = ""


class Probe:
    """Starts images and keeps what they answered, in `memory` when that file may be written.

    To be closed: containers are removed in the background, and `close` waits until all are.
    """

    def __init__(self, engine: Engine, memory: Path | None) -> None:
        self._engine = engine
        self._view = EngineView(engine)
        self._registry: RegistryClient | None = None
        self._memory = memory
        self._known = _read(memory)
        self._asked: dict[str, Future[ProbeAnswer]] = {}
        self._starting = ThreadPoolExecutor(AT_ONCE)
        self._removing = ThreadPoolExecutor(AT_ONCE)
        self._removals: list[Future[None]] = []
        self._closing = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._starting.shutdown(cancel_futures=True)
        self._removing.shutdown()
        for removal in self._removals:
            removal.result()

    def begin_look(self, view: EngineView, registry: RegistryClient | None) -> None:
        """Look with these from now on. What an image answered is kept; one that did not answer is asked again."""
        self._view = view
        self._registry = registry
        self._asked = {}

    def ahead(self, ids: Iterable[str]) -> None:
        """Begin to ask several of the engine's images side by side; `local` and `remote` wait for theirs."""
        for image in map(self._view.image, dict.fromkeys(ids)):
            if image:
                self._begin(image.id, behaviour(image.layers, image.config))

    def local(self, reference: str) -> ProbeAnswer | None:
        """Return what the engine's image answers; None if there is no such image."""
        image = self._view.image(reference)
        return self._ask(image.id, behaviour(image.layers, image.config)) if image else None

    def remote(self, repository: str, reference: str) -> ProbeAnswer | None:
        """Return what the registry's image answers, pulled by digest if need be; None if there is none."""
        image = self._registry.image(repository, reference) if self._registry else None
        if image is None or self._registry is None:
            return None
        key = behaviour(image.diff_ids, image.config)
        if key in self._known or key in self._asked or self._view.image(image.config_digest):
            return self._ask(image.config_digest, key)
        return self._pulled(f"{self._registry.address}/{repository}@{image.digest}", key)

    def port(self, number: int, path: str = "/") -> ProbeAnswer | None:
        """Return what answers on a port of this machine now, whatever it is; None if nothing does."""
        wait = Deadline(SILENT_FOR)
        if (answer := _get(number, path)) is None:
            wait.require_now(f"port {number} did not answer in {wait.elapsed:.0f} s")
        return answer

    def _pulled(self, name: str, key: str) -> ProbeAnswer:
        import docker.errors

        present = self._view.image(name) is not None
        try:
            if not present:
                with engine_calls():
                    self._engine.client.api.pull(name)
            return self._ask(name, key)
        except docker.errors.APIError as error:
            return ProbeAnswer(0, "", f"The engine cannot pull {name}: {error.explanation or error}")
        finally:
            if not present:
                for removal in self._removals:  # an image in use cannot be removed
                    removal.result()
                self._forget(name)

    def _forget(self, name: str) -> None:
        import docker.errors

        try:
            with engine_calls():
                self._engine.client.api.remove_image(name)
        except docker.errors.APIError:
            return

    def _begin(self, image: str, key: str) -> None:
        if key not in self._known and key not in self._asked:
            self._asked[key] = self._starting.submit(self._run, image)

    def _ask(self, image: str, key: str) -> ProbeAnswer:
        self._begin(image, key)
        if key not in self._known:
            answer = self._asked[key].result()
            if not answer.status:
                return answer
            self._known[key] = answer
            _write(self._memory, self._known)
        return self._known[key]

    def _run(self, image: str) -> ProbeAnswer:
        import docker.errors

        api = self._engine.client.api
        port = free_port()
        try:
            with engine_calls():
                container: str = api.create_container(
                    image,
                    ports=[APP_PORT],
                    labels={OWNER: "probe", PROCESS: process_identity(os.getpid())},
                    host_config=api.create_host_config(
                        port_bindings={APP_PORT: (HOST, port)}, mem_limit=MEMORY, pids_limit=PROCESSES
                    ),
                )["Id"]
        except docker.errors.APIError as error:
            return ProbeAnswer(
                0, "", f"The engine cannot make a container of it: {error.explanation or error}"
            )
        try:
            with engine_calls():
                api.start(container)
            return self._wait(container, port)
        except docker.errors.APIError as error:
            return ProbeAnswer(0, "", f"The engine cannot start it: {error.explanation or error}")
        finally:
            self._removals.append(self._removing.submit(self._remove, container))

    def _remove(self, container: str) -> None:
        import docker.errors

        try:
            with engine_calls():
                self._engine.client.api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            raise ServiceFault(
                f"A probe's container could not be removed: {error.explanation or error}"
            ) from error

    def _wait(self, container: str, port: int) -> ProbeAnswer:
        deadline = Deadline(ANSWERS_WITHIN)
        looked = time.monotonic()
        while not self._closing.is_set() and not deadline.over():
            now = time.monotonic()
            if (answer := _get(port)) is not None:
                return answer
            if now - looked > 0.2:
                looked = now
                with engine_calls():
                    state = self._engine.client.api.inspect_container(container)["State"]
                if not state["Running"]:
                    return ProbeAnswer(
                        0,
                        "",
                        f"It ended by itself with exit code {state['ExitCode']}. {self._log(container)}",
                    )
            time.sleep(POLL)
        deadline.require(f"a container of an image did not answer in {deadline.elapsed:.0f} s")
        return ProbeAnswer(
            0, "", f"It runs but did not answer on port {APP_PORT} within {ANSWERS_WITHIN:.0f} s."
        )

    def _log(self, container: str) -> str:
        with engine_calls():
            return self._engine.client.api.logs(container, tail=5).decode("utf-8", "replace").strip()


def behaviour(layers: Sequence[str], config: Mapping[str, Any]) -> str:
    """Return a digest of what decides how containers of an image behave: its diff ids and what they are run
    with."""
    run_with = {name: config[name] for name in sorted(RUN_WITH & config.keys()) if config[name]}
    return hashlib.sha256(msgspec.json.encode((layers, run_with), order="sorted")).hexdigest()


def _get(port: int, path: str = "/") -> ProbeAnswer | None:
    connection = http.client.HTTPConnection(HOST, port, timeout=scaled(SILENT_FOR))
    ending: threading.Timer | None = None
    try:
        connection.connect()
        # The connection's own timeout is for each piece, and a response may come in pieces for hours.
        ending = threading.Timer(scaled(RESPONDS_WITHIN), _hang_up, (connection.sock,))
        ending.daemon = True
        ending.start()
        connection.request("GET", path)
        response = connection.getresponse()
        return ProbeAnswer(response.status, response.read(BODY_LIMIT).decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException):
        return None
    finally:
        if ending:
            ending.cancel()
        connection.close()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _read(path: Path | None) -> dict[str, ProbeAnswer]:
    if path is None:
        return {}
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, ProbeAnswer])
    except (OSError, msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError):
        return {}


def _write(path: Path | None, known: dict[str, ProbeAnswer]) -> None:
    if path is None:
        return
    with suppress(OSError):  # a memory that cannot be kept costs time, nothing else
        replace_file(path, msgspec.json.encode(known), durable=False)
