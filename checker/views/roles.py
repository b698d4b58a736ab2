"""A registry whose tokens follow a file of roles."""

from typing import Any

import msgspec

from checker.engine import Engine
from checker.stack.stack import Running
from checker.views.operated import Guarded


class InForce(msgspec.Struct, frozen=True):
    """The file that is in force: digest of its bytes, when it was read."""

    sha256: str
    loaded_at: str


class Refused(msgspec.Struct, frozen=True):
    """A file that was refused, and where in it; line and column count from 1."""

    sha256: str
    line: int
    column: int
    expected: str
    seen: str
    message: str


class Rules(msgspec.Struct, frozen=True):
    """What the token server goes by. roles: by their names, those of the file in force."""

    in_force: InForce | None = None
    roles: dict[str, Any] = {}
    refused: Refused | None = None


class Roles(Guarded):
    def rules(self) -> Rules:
        return self.ask("/rbac", Rules)


def view(engine: Engine, service: Running, key: str) -> Roles:
    return Roles(engine, service, key)
