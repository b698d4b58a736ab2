"""CNCF Distribution behind a token server that follows a file of roles in the learner's workspace."""

from pathlib import PurePosixPath
from typing import Any

import msgspec

from checker.base.errors import BrokenLab
from checker.engine.connection import Engine
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.kinds.hub import API
from checker.stack.operated import Guarded
from checker.stack.running import MAIN, Running
from checker.stack.served import Account, Settings


class RolesSeen(msgspec.Struct, frozen=True):
    """The file that is in force: digest of its bytes, when it was read."""

    sha256: str
    loaded_at: str


class RefusedRoles(msgspec.Struct, frozen=True):
    """A file that was refused, and where in it; line and column count from 1."""

    sha256: str
    line: int
    column: int
    expected: str
    seen: str
    message: str


class RolesInForce(msgspec.Struct, frozen=True):
    """What the token server goes by. roles: by their names, those of the file in force."""

    in_force: RolesSeen | None = None
    roles: dict[str, Any] = {}
    refused: RefusedRoles | None = None


class RolesView(Guarded):
    def rules(self) -> RolesInForce:
        return self.ask("/rbac", RolesInForce)


FOLDER = "/etc/registry-lab/access"


class RolesOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """accounts: who has one, and the role of each. file: the file of roles in the workspace, inside a folder.

    The folder is what the container sees: a file that an editor replaces would otherwise be lost to it.
    """

    file: str
    accounts: list[Account] = []
    token_seconds: int = 300


def _plan(name: str, options: RolesOptions, run: Run) -> Plan:
    path = PurePosixPath(options.file)
    if run.place is None or len(path.parts) < 2:
        raise BrokenLab(f"The service {name!r} needs its file of roles inside a folder of a workspace.")
    folder = run.place / path.parent
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(
        registry=run.addresses[name][MAIN],
        api=run.addresses[name][API],
        alias=name,
        operator=run.keys[name],
        accounts=options.accounts,
        rbac=f"{FOLDER}/{path.name}",
        token_seconds=options.token_seconds,
    )
    return Plan(command=("roles",), files=settings.files(), folders={FOLDER: folder}, network=True)


def _view(engine: Engine, service: Running, key: str) -> RolesView:
    return RolesView(engine, service, key)


KIND = Kind(
    image="services",
    ports={MAIN: 5000, API: 8000},
    ready=Ready(path="/health", port=API),
    options=RolesOptions,
    keyed=True,
    plan=_plan,
    view=_view,
)
