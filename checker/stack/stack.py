"""Starting, finding again and ending the services of one run, through testcontainers.

A stack belongs to an owner: a practice workspace, or one replay. It carries its values in labels, so
that it can be found again by any later command even if every file about it is lost.
"""

import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from checker import values as values_module
from checker.engine import LABEL, Engine, engine_calls
from checker.errors import BrokenLab, EnvironmentFault, ServiceFault
from checker.images import tag_of
from checker.model import Lab
from checker.processes import gone, process_identity
from checker.stack import Blueprint, blueprint, blueprints

T = TypeVar("T")

HOST = "127.0.0.1"
READY_WITHIN = 60.0
"""Seconds a service may take until it answers."""
POLL = 0.005

OWNER = f"{LABEL}.owner"
LAB = f"{LABEL}.lab"
SERVICE = f"{LABEL}.service"
PORT = f"{LABEL}.port"
VALUES = f"{LABEL}.values"
OWNED = f"{LABEL}.owned"
"""Patterns of the image names the run makes: cleaning up must not need the lab's files."""
PROCESS = f"{LABEL}.process"
"""On what must not outlive the process that made it: `PID:START TIME`."""
PLACE = f"{LABEL}.place"
"""The workspace of a practice stack, for people."""


class Running(msgspec.Struct, frozen=True):
    """One service of a stack: container id, address `127.0.0.1:PORT`, whether it runs."""

    name: str
    kind: str
    container: str
    port: int
    up: bool

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


class Stack(msgspec.Struct, frozen=True):
    """The services of one run, the values that go with them, patterns of the image names it makes."""

    owner: str
    lab: str
    services: dict[str, Running]
    values: dict[str, str]
    owned: tuple[str, ...] = ()

    @property
    def up(self) -> bool:
        return all(service.up for service in self.services.values())


def start(
    engine: Engine,
    lab: Lab,
    owner: str,
    *,
    throwaway: bool,
    place: str = "",
    values: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
) -> Stack:
    """Start fresh services for `owner` and wait until all of them answer.

    throwaway: the stack is to go when this process does. values, ports: those of an earlier stack
    to be kept. Raises ServiceFault (it names the log line or the port), EngineFault.
    """
    wanted = blueprints(lab)
    chosen = {name: (ports or {}).get(name) or free_port() for name in wanted}
    addresses = {name: f"{HOST}:{port}" for name, port in chosen.items()}
    made = dict(values) if values is not None else values_module.make(lab, addresses)
    owned = tuple(values_module.fill(pattern, made) for pattern in lab.owned)
    labels = {OWNER: owner, LAB: lab.name, VALUES: json.dumps(made), OWNED: json.dumps(owned), PLACE: place}
    if throwaway:
        labels[PROCESS] = process_identity(os.getpid())

    def one(name: str) -> Running:
        service = next(entry for entry in lab.services if entry.name == name)
        container = _start_one(
            engine,
            wanted[name],
            chosen[name],
            labels | {SERVICE: f"{service.kind}:{name}", PORT: str(chosen[name])},
        )
        return Running(name, service.kind, container, chosen[name], up=True)

    try:
        with ThreadPoolExecutor(max(1, len(wanted))) as pool:
            services = {running.name: running for running in pool.map(one, wanted)}
    except BaseException:
        remove(engine, owner)
        raise
    return Stack(owner, lab.name, services, made, owned)


def find(engine: Engine, owner: str) -> Stack | None:
    """The owner's stack as the engine knows it, running or not; None if there is none."""
    return next((stack for stack in stacks(engine) if stack.owner == owner), None)


def stacks(engine: Engine) -> list[Stack]:
    """All stacks in the engine, whoever started them."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": [OWNER, SERVICE]})
    found: dict[str, Stack] = {}
    for entry in containers:
        labels: dict[str, str] = entry["Labels"]
        kind, _, name = labels[SERVICE].partition(":")
        owner = labels[OWNER]
        known = found.setdefault(
            owner,
            Stack(
                owner,
                labels.get(LAB, ""),
                {},
                _labelled(labels.get(VALUES, "{}"), dict[str, str]),
                _labelled(labels.get(OWNED, "[]"), tuple[str, ...]),
            ),
        )
        known.services[name] = Running(
            name, kind, entry["Id"], int(labels.get(PORT, "0")), up=entry["State"] == "running"
        )
    return list(found.values())


def revive(engine: Engine, stack: Stack) -> Stack:
    """Start the stopped containers of a stack again; what they stored is kept. Raises ServiceFault."""
    import docker.errors

    for service in stack.services.values():
        if not service.up:
            try:
                with engine_calls():
                    engine.client.api.start(service.container)
            except docker.errors.APIError as error:
                raise refusal(error, service.port) from error
            wait_ready(engine, service.container, service.port, blueprint(service.kind))
    again = find(engine, stack.owner)
    if again is None:
        raise ServiceFault(
            "The services disappeared while they were being started.", "Run `lab start` again."
        )
    return again


def remove(engine: Engine, owner: str) -> int:
    """Remove everything labelled with the owner; returns how many containers that were."""
    return _remove_containers(engine, f"{OWNER}={owner}")


def orphans(engine: Engine) -> list[Stack]:
    """The stacks of processes that are gone."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": [PROCESS, OWNER]})
    owners = {entry["Labels"][OWNER] for entry in containers if gone(entry["Labels"][PROCESS])}
    return [stack for stack in stacks(engine) if stack.owner in owners] if owners else []


def sweep(engine: Engine) -> int:
    """Remove what processes that are gone left behind; returns how many containers that were."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": PROCESS})
    dead = {identity for entry in containers if gone(identity := entry["Labels"][PROCESS])}
    return sum(_remove_containers(engine, f"{PROCESS}={identity}") for identity in dead)


def free_port() -> int:
    """A TCP port nobody listens on at 127.0.0.1 just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def wait_ready(engine: Engine, container: str, port: int, plan: Blueprint) -> None:
    """Poll until the service answers 200, or raise ServiceFault saying why it does not."""
    deadline = time.monotonic() + READY_WITHIN
    looked = time.monotonic()
    while not answers(port, plan.ready):
        now = time.monotonic()
        if now > deadline:
            raise ServiceFault(
                f"The service did not answer on {HOST}:{port}{plan.ready} within {READY_WITHIN:.0f} s."
                + last_lines(engine, container)
            )
        if now - looked > 0.25:
            looked = now
            with engine_calls():
                state = engine.client.api.inspect_container(container)["State"]
            if not state["Running"]:
                raise ServiceFault(
                    f"The service ended by itself (exit code {state['ExitCode']})."
                    + last_lines(engine, container)
                )
        time.sleep(POLL)


def answers(port: int, path: str) -> bool:
    """Whether `GET path` on 127.0.0.1:port gives 200 within a second."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def last_lines(engine: Engine, container: str, count: int = 5) -> str:
    """The end of a container's log as a sentence; empty if there is none."""
    import docker.errors

    try:
        with engine_calls():
            log = engine.client.api.logs(container, tail=count).decode("utf-8", "replace").strip()
    except docker.errors.APIError:
        return ""
    return f" Its last log lines: {log}" if log else ""


def _start_one(engine: Engine, plan: Blueprint, port: int, labels: dict[str, str]) -> str:
    import docker.errors
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy

    class Ready(WaitStrategy):
        """testcontainers' own HTTP strategy asks it for the host, and may get the bridge's address."""

        def wait_until_ready(self, container: Any) -> None:
            wait_ready(engine, container.get_container_id(), port, plan)

    # The reaper's image cannot be pulled without Docker Hub; labels and `sweep` do its work.
    testcontainers_config.ryuk_disabled = True
    container = DockerContainer(tag_of(plan.image)).with_envs(**plan.environment).waiting_for(Ready())
    # testcontainers knows a port to publish, not the address to publish it on.
    container.ports = {f"{plan.port}/tcp": (HOST, port)}  # type: ignore[dict-item]
    container.with_kwargs(labels=labels)
    try:
        with engine_calls():
            container.start()
    except docker.errors.ImageNotFound as error:
        raise EnvironmentFault(
            f"The image {tag_of(plan.image)} is not in the engine.", "Run `lab doctor --fix`."
        ) from error
    except docker.errors.APIError as error:
        raise refusal(error, port) from error
    return str(container.get_container_id())


def refusal(error: Any, port: int) -> ServiceFault:
    """What the engine said against starting something, as a fault a person can act on."""
    text = str(getattr(error, "explanation", "") or error)
    if "already allocated" in text or "address already in use" in text:
        return ServiceFault(
            f"Port {port} on {HOST} is taken by another program.",
            "End that program, or start with another port: `lab start LAB --port NUMBER`.",
        )
    return ServiceFault(f"The engine refused to start a service: {text}")


def _remove_containers(engine: Engine, label: str) -> int:
    import docker.errors

    with engine_calls():
        entries = engine.client.api.containers(all=True, filters={"label": label})
    for entry in entries:
        try:
            with engine_calls():
                engine.client.api.remove_container(entry["Id"], force=True, v=True)
        except docker.errors.NotFound:
            continue
        except docker.errors.APIError as error:
            if "already in progress" not in str(error):
                raise
    return len(entries)


def _labelled(text: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise BrokenLab(
            f"A running stack carries a label that cannot be read: {text[:80]!r}.",
            "Remove its container with the engine's own means.",
        ) from error


Say = Callable[[str], None]
"""Tells a person what is going on, one line at a time."""
