"""A pull-through cache: the distribution API, and what it was asked, from its own access log."""

import re
from datetime import datetime

import msgspec

from checker.engine import Engine, engine_calls
from checker.registry import RegistryClient
from checker.stack.stack import Running

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
        """What it was asked and answered, oldest first, from the log that the engine keeps."""
        with engine_calls():
            log = self._engine.client.api.logs(self.service.container, timestamps=True)
        found = (_LINE.match(line) for line in log.decode("utf-8", "replace").splitlines())
        return [
            Asked(_moment(line["at"]), line["method"], line["path"], int(line["status"]))
            for line in found
            if line
        ]


def view(engine: Engine, service: Running, _key: str) -> Cache:
    return Cache(engine, service)


def _moment(text: str) -> datetime:
    """RFC 3339 with nanoseconds, as the engine writes it; Python takes microseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
