"""The registry as it is seen through nginx, and nginx's access log."""

import msgspec

from checker.engine import Engine, engine_calls
from checker.registry import RegistryClient
from checker.stack.stack import Running


class Request(msgspec.Struct, frozen=True):
    """One line of the access log. at: ISO 8601; sent: bytes of the body; seconds: until it was sent."""

    at: str
    address: str
    account: str
    method: str
    uri: str
    status: int
    sent: int
    seconds: float
    user_agent: str


class Edge:
    def __init__(self, engine: Engine, service: Running) -> None:
        self.service = service
        self.registry = RegistryClient(service.address, architecture=engine.architecture)
        self._engine = engine

    def requests(self) -> list[Request]:
        """What was asked of it, oldest first; lines that are no access log are left out."""
        with engine_calls():
            log = self._engine.client.api.logs(self.service.container, stdout=True, stderr=False)
        lines = (line for line in log.splitlines() if line.startswith(b"{"))
        return [msgspec.json.decode(line, type=Request) for line in lines]


def view(engine: Engine, service: Running, _key: str) -> Edge:
    return Edge(engine, service)
