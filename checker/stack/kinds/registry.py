"""CNCF Distribution, plain: no accounts, deletion on, every push and deletion announced.

Notifications go to port 8999 of the registry's own network namespace. Nobody listens there until
`checker.stack.listener` joins that namespace; until then Distribution keeps and repeats them. Where a
lab has a collector of events, they go there as well.
"""

import importlib

import msgspec

from checker.base.errors import BrokenLab
from checker.engine.connection import Engine
from checker.inspect.registry import RegistryClient
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.running import MAIN, Running

EVENTS_PORT = 8999


class RegistryOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """events: the service that collects this registry's notifications. network: whether other containers
    of the run reach it by its name. internal: it is only on a network without a way out, for an edge.
    holds: names a module; what its `stored()` returns, path in the container -> content, is there from the beginning,
    such as `checker.scanning.artifact`: the lab's advisory database, as scanners ask for it."""

    events: str = ""
    holds: str = ""
    network: bool = False
    internal: bool = False


def endpoint(name: str, url: str) -> str:
    """Return a notification endpoint as Distribution's configuration has it, in YAML's flow style."""
    return f"{{name: {name}, url: '{url}', timeout: 1s, threshold: 3, backoff: 500ms}}"


def _plan(_name: str, options: RegistryOptions, _run: Run) -> Plan:
    endpoints = [endpoint("lab", f"http://127.0.0.1:{EVENTS_PORT}/cgi-bin/events")]
    if options.events:
        endpoints.append(endpoint("events", f"http://{options.events}:8000/notifications"))
    environment = {
        "REGISTRY_STORAGE_DELETE_ENABLED": "true",
        "REGISTRY_HTTP_SECRET": "one-registry-needs-no-shared-secret",
        "REGISTRY_LOG_LEVEL": "warn",
        "OTEL_TRACES_EXPORTER": "none",
        # Distribution reads the value of a whole section as YAML.
        "REGISTRY_NOTIFICATIONS": f"endpoints: [{', '.join(endpoints)}]",
    }
    files: dict[str, bytes] = {}
    if options.holds:
        try:
            files = importlib.import_module(options.holds).stored()
        except (ImportError, AttributeError) as error:
            raise BrokenLab(
                f"{options.holds!r} names nothing that a registry could hold: {error}."
            ) from error
    if options.internal:
        return Plan(environment=environment, files=files, inside=True, published=False)
    return Plan(environment=environment, files=files, network=options.network or bool(options.events))


def _view(engine: Engine, service: Running, _key: str) -> RegistryClient | Running:
    """Return the service itself where it is internal: then its edge shows the registry."""
    if not service.ports:
        return service
    return RegistryClient(service.address, architecture=engine.architecture)


KIND = Kind(
    image="registry",
    ports={MAIN: 5000},
    ready=Ready(path="/v2/"),
    options=RegistryOptions,
    plan=_plan,
    view=_view,
)
