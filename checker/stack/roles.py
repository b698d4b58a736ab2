"""CNCF Distribution behind a token server that follows a file of roles in the learner's workspace."""

from pathlib import PurePosixPath

import msgspec

from checker.errors import BrokenLab
from checker.stack import MAIN, Kind, Plan, Ready, Run
from checker.stack.hub import API
from checker.stack.served import Account, Settings

FOLDER = "/etc/registry-lab/access"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """accounts: who has one, and the role of each. file: the file of roles in the workspace, inside a folder.

    The folder is what the container sees: a file that an editor replaces would otherwise be lost to it.
    """

    file: str
    accounts: list[Account] = []
    token_seconds: int = 300


def _plan(name: str, options: Options, run: Run) -> Plan:
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


KIND = Kind(
    image="services",
    ports={MAIN: 5000, API: 8000},
    ready=Ready(path="/health", port=API),
    options=Options,
    keyed=True,
    plan=_plan,
)
