"""One container of a stack: starting it through testcontainers and waiting until it answers."""

import http.client
import re
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from checker.base import surroundings
from checker.base.deadline import Deadline
from checker.base.errors import EnvironmentFault, ServiceFault
from checker.base.pace import scaled
from checker.base.ports import HOST
from checker.engine.connection import Engine, engine_calls
from checker.engine.images import tag_of
from checker.stack.kind import Kind, Plan

POLL = 0.005


_TELLING = re.compile(r"^configuration error|^panic: |level=(fatal|panic|error)|\[emerg\]")
_MESSAGE = re.compile(r'msg="((?:[^"\\]|\\.)*)"')


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one container is started with.

    name: its own in the engine. alias: its name on all `networks`. ports: name -> port on 127.0.0.1.
    files: more of them than its plan has.
    """

    kind: Kind
    plan: Plan
    name: str
    alias: str
    networks: tuple[str, ...]
    ports: Mapping[str, int]
    labels: Mapping[str, str]
    files: Mapping[str, bytes]


class ServiceEnded(ServiceFault):
    """A service ended by itself instead of answering. log: what it printed."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


class ServiceSilent(ServiceFault):
    """A service runs and did not answer in time."""


def launch(engine: Engine, wanted: Launch) -> str:
    """Start the container and wait until it answers; its id. Raises ServiceFault, EnvironmentFault."""
    import docker.errors

    surroundings.testcontainers()  # before anything else of it: importing it reads settings
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import WaitStrategy

    class Answers(WaitStrategy):
        """testcontainers' own HTTP strategy asks it for the host, and may get the bridge's address."""

        def wait_until_ready(self, container: Any) -> None:
            for network in wanted.networks[1:]:  # the engine takes one at creation
                engine.client.api.connect_container_to_network(
                    container.get_container_id(), network, aliases=[wanted.alias]
                )
            if wanted.plan.published:
                wait_ready(engine, container.get_container_id(), wanted.ports, wanted.kind)

    image = tag_of(wanted.kind.image)
    container = (
        DockerContainer(image, docker_client_kw={"environment": engine.environment()})
        .with_envs(**wanted.plan.environment)
        .waiting_for(Answers())
        .with_name(wanted.name)
    )
    # testcontainers knows a port to publish, not the address to publish it on.
    if wanted.plan.published:
        container.ports = {
            f"{inside}/tcp": (HOST, wanted.ports[port])  # type: ignore[misc]
            for port, inside in wanted.kind.ports.items()
        }
    if wanted.plan.command:
        container.with_command(list(wanted.plan.command))
    for path, data in {**wanted.plan.files, **wanted.files}.items():
        container.with_copy_into_container(data, path, 0o600)
    for path, folder in wanted.plan.folders.items():
        container.with_volume_mapping(str(folder), path, "ro")
    more: dict[str, Any] = {"labels": dict(wanted.labels)}
    if wanted.plan.offline:
        more["dns_opt"] = ["timeout:1", "attempts:1"]
    if wanted.networks:
        from docker.types import EndpointConfig

        first = wanted.networks[0]
        aliases = EndpointConfig(engine.client.api.api_version, aliases=[wanted.alias])
        more |= {"network": first, "networking_config": {first: aliases}}
    container.with_kwargs(**more)
    try:
        with engine_calls():
            # testcontainers would go and pull it from Docker Hub, where the name is anybody's.
            engine.client.api.inspect_image(image)  # type: ignore[no-untyped-call]
            container.start()
    except docker.errors.ImageNotFound as error:
        raise EnvironmentFault(
            f"The image {image} is not in the engine.", "Run `lab doctor --fix`."
        ) from error
    except docker.errors.APIError as error:
        raise refusal(error, next(iter(wanted.ports.values()), 0)) from error
    return str(container.get_container_id())


def wait_ready(engine: Engine, container: str, ports: Mapping[str, int], kind: Kind) -> None:
    """Poll until the service answers as its kind says, or raise ServiceFault saying why it does not."""
    port = ports[kind.ready.port]
    deadline = Deadline(kind.ready.within)
    looked = time.monotonic()
    while not answers(port, kind.ready.path, kind.ready.statuses):
        now = time.monotonic()
        if deadline.over():
            deadline.require(f"a service did not answer on {HOST}:{port} in {deadline.elapsed:.0f} s")
            raise ServiceSilent(
                f"The service did not answer on {HOST}:{port}{kind.ready.path} within "
                f"{kind.ready.within:.0f} s." + last_lines(engine, container)
            )
        if now - looked > 0.25:
            looked = now
            with engine_calls():
                state = engine.client.api.inspect_container(container)["State"]
            if not state["Running"]:
                log = log_of(engine, container, 60)  # a Go program's last words come before its long trace
                said = f" It said: {telling(log)}" if log else ""
                raise ServiceEnded(f"The service ended by itself (exit code {state['ExitCode']}).{said}", log)
        time.sleep(POLL)


def answers(port: int, path: str, statuses: tuple[int, ...] = (200,)) -> bool:
    """Return whether `GET path` on 127.0.0.1:port gives one of the statuses (any if none) within a second.

    On a slow machine it has more than a second.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=scaled(1))
    try:
        connection.request("GET", path)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    else:
        return not statuses or status in statuses
    finally:
        connection.close()


def log_of(engine: Engine, container: str, count: int = 5) -> str:
    """Return the last lines of a container's log; empty if there are none."""
    import docker.errors

    try:
        with engine_calls():
            return engine.client.api.logs(container, tail=count).decode("utf-8", "replace").strip()
    except docker.errors.APIError:
        return ""


def telling(log: str) -> str:
    """Return the line of a registry's or nginx's log that says why it ended; its last line if none does."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    number = next((n for n, line in enumerate(lines) if _TELLING.search(line)), len(lines) - 1)
    found = lines[number] if lines else "nothing at all"
    if found.endswith(":") and lines[number + 1 :]:  # the YAML library puts the reason on the next line
        found = f"{found} {lines[number + 1]}"
    said = _MESSAGE.search(found)
    return (said[1].replace('\\"', '"') if said else found)[:400]


def last_lines(engine: Engine, container: str, count: int = 5) -> str:
    """Return the end of a container's log as a sentence; empty if there is none."""
    log = log_of(engine, container, count)
    return f" Its last log lines: {log}" if log else ""


def refusal(error: Any, port: int) -> ServiceFault:
    """Return what the engine said against starting something, as a fault a person can act on."""
    text = str(getattr(error, "explanation", "") or error)
    if "already allocated" in text or "address already in use" in text:
        return ServiceFault(
            f"Port {port} on {HOST} is taken by another program.",
            "End that program, or start with another port: `lab start LAB --port NUMBER`.",
        )
    if "non running container" in text:
        return ServiceFault(
            "The service does not run, so nothing can join it.", "`lab start LAB` brings it back."
        )
    if "invalid volume specification" in text:
        return ServiceFault(
            f"The engine cannot be given a folder of this workspace: {text}.",
            "A colon ends a path there. Move the workspace to a folder without one; REGISTRY_LAB_WORKSPACE names it.",
        )
    return ServiceFault(f"The engine refused to start a service: {text}")
