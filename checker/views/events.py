"""The collector of notifications, which receives webhooks too."""

from checker.engine import Engine
from checker.stack.stack import Running
from checker.views.operated import Operated, Received


class Events(Operated):
    def received(self, name: str | None = None) -> list[Received]:
        """The webhooks that came in under a name (all if None), oldest first."""
        found = self.ask("/_lab/hooks", list[Received])
        return [entry for entry in found if name is None or entry.name == name]


def view(_engine: Engine, service: Running, key: str) -> Events:
    return Events(service, key)
