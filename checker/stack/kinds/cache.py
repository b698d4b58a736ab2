"""A pull-through cache: CNCF Distribution as a proxy of another registry of the stack.

Distribution documentation, "Registry as a pull through cache". It asks its upstream for the place of
tokens when it starts, so the upstream has to answer first.
"""

import re
from datetime import datetime

import msgspec

from checker.engine.connection import Engine, engine_calls
from checker.inspect.registry import RegistryClient
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.kinds.registry import endpoint
from checker.stack.running import MAIN, Running

_LINE = re.compile(r'^(?P<at>\S+) .*?"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" (?P<status>\d{3}) ')
"""One line in Apache's combined format, after the engine's own time."""


class Asked(msgspec.Struct, frozen=True):
    """One request that the cache answered. at: when the engine heard of it."""

    at: datetime
    method: str
    path: str
    status: int


class Cache(RegistryClient):
    def __init__(self, engine: Engine, service: Running) -> None:
        super().__init__(service.address, architecture=engine.architecture)
        self.service = service
        self._engine = engine

    def requests(self) -> list[Asked]:
        """Return what it was asked and answered, oldest first, from the log that the engine keeps."""
        with engine_calls():
            log = self._engine.client.api.logs(self.service.container, timestamps=True)
        found = (_LINE.match(line) for line in log.decode("utf-8", "replace").splitlines())
        return [
            Asked(_moment(line["at"]), line["method"], line["path"], int(line["status"]))
            for line in found
            if line
        ]


def _moment(text: str) -> datetime:
    """RFC 3339 with nanoseconds, as the engine writes it; Python takes microseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


class CacheOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """of: the service whose images are kept. events: the service that collects notifications."""

    of: str
    events: str = ""


def _plan(_name: str, options: CacheOptions, run: Run) -> Plan:
    upstream = run.real.get(options.of)
    environment = {
        "REGISTRY_PROXY_REMOTEURL": upstream or f"http://{options.of}:5000",
        "REGISTRY_HTTP_SECRET": "one-registry-needs-no-shared-secret",
        "REGISTRY_LOG_LEVEL": "warn",
        "OTEL_TRACES_EXPORTER": "none",
    }
    if options.events:
        url = f"http://{options.events}:8000/notifications"
        environment["REGISTRY_NOTIFICATIONS"] = f"endpoints: [{endpoint('events', url)}]"
    after = [name for name in (options.of, options.events) if name and name not in run.real]
    return Plan(environment=environment, network=True, after=tuple(after))


def _view(engine: Engine, service: Running, _key: str) -> Cache:
    return Cache(engine, service)


KIND = Kind(
    image="registry",
    ports={MAIN: 5000},
    ready=Ready(path="/v2/"),
    options=CacheOptions,
    plan=_plan,
    view=_view,
)
