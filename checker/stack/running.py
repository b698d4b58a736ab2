"""A running service of a stack."""

import msgspec

from checker.base.ports import HOST

MAIN = ""
"""The name of a service's main port."""


class Running(msgspec.Struct, frozen=True):
    """One service of a stack: container id, its ports on 127.0.0.1 by name (none if it is internal), whether
    it runs."""

    name: str
    kind: str
    container: str
    ports: dict[str, int]
    up: bool

    @property
    def port(self) -> int:
        """The main port."""
        return self.ports.get(MAIN, 0)

    @property
    def address(self) -> str:
        """The main port's address, `127.0.0.1:PORT`."""
        return self.address_of(MAIN)

    def address_of(self, port: str) -> str:
        return f"{HOST}:{self.ports[port]}"
