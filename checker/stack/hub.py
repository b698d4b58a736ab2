"""A stand-in for Docker Hub: CNCF Distribution behind a token server that speaks Docker Hub's HTTP API.

Runs `checker.services` in its container; see the README there for what it can do and what it cannot.
"""

import msgspec

from checker import dockerhub
from checker.stack import MAIN, Kind, Plan, Ready, Run
from checker.stack.served import Account, Limits, Settings

API = "api"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """accounts: who has one. anonymous, authenticated: pulls allowed within `window` seconds, per
    address or account."""

    accounts: list[Account] = []
    anonymous: int = 100
    authenticated: int = 200
    window: int = 21600


def _plan(name: str, options: Options, run: Run) -> Plan:
    settings = Settings(
        registry=run.addresses[name][MAIN],
        api=run.addresses[name][API],
        alias=name,
        operator=run.keys[name],
        accounts=options.accounts,
        limits=Limits(options.anonymous, options.authenticated, options.window),
    )
    return Plan(command=("hub",), files=settings.files(), network=True)


KIND = Kind(
    image="services",
    ports={MAIN: 5000, API: 8000},
    ready=Ready(path="/health", port=API),
    options=Options,
    keyed=True,
    registry_url=dockerhub.registry_url,
    plan=_plan,
)
