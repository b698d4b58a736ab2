"""A collector of registries' notifications, which is a receiver of webhooks as well.

On the run's network registries post to `http://NAME:8000/notifications`, webhooks to
`http://NAME:8000/hooks/ANYTHING`.
"""

import msgspec

from checker.stack import MAIN, Kind, Plan, Ready, Run
from checker.stack.served import Settings


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hooks_fail: name of a webhook -> how many times it is refused before it is taken."""

    hooks_fail: dict[str, int] = {}


def _plan(name: str, options: Options, run: Run) -> Plan:
    settings = Settings(
        api=run.addresses[name][MAIN],
        alias=name,
        operator=run.keys[name],
        hooks_fail=options.hooks_fail,
    )
    return Plan(command=("events",), files=settings.files(), network=True)


KIND = Kind(
    image="services",
    ports={MAIN: 8000},
    ready=Ready(path="/health"),
    options=Options,
    keyed=True,
    plan=_plan,
)
