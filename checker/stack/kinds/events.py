"""A collector of registries' notifications, which is a receiver of webhooks as well.

On the run's network registries post to `http://NAME:8000/notifications`, webhooks to
`http://NAME:8000/hooks/ANYTHING`.
"""

import msgspec

from checker.engine.connection import Engine
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.operated import OperatorClient, Received
from checker.stack.running import MAIN, Running
from checker.stack.served import Settings


class EventsView(OperatorClient):
    def received(self, name: str | None = None) -> list[Received]:
        """Return the webhooks that came in under a name (all if None), oldest first."""
        found = self.ask("/_lab/hooks", list[Received])
        return [entry for entry in found if name is None or entry.name == name]


class EventsOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """hooks_fail: name of a webhook -> how many times it is refused before it is taken."""

    hooks_fail: dict[str, int] = {}


def _plan(name: str, options: EventsOptions, run: Run) -> Plan:
    settings = Settings(
        api=run.addresses[name][MAIN],
        alias=name,
        operator=run.keys[name],
        hooks_fail=options.hooks_fail,
    )
    return Plan(command=("events",), files=settings.files(), network=True)


def _view(_engine: Engine, service: Running, key: str) -> EventsView:
    return EventsView(service, key)


KIND = Kind(
    image="services",
    ports={MAIN: 8000},
    ready=Ready(path="/health"),
    options=EventsOptions,
    keyed=True,
    plan=_plan,
    view=_view,
)
