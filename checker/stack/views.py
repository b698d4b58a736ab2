"""The object through which checks look at each service of a stack."""

from checker.base.errors import BrokenLab
from checker.engine.connection import Engine
from checker.stack.kind import kind
from checker.stack.running import Running
from checker.stack.stack import Stack


def view(engine: Engine, service: Running, key: str) -> object:
    """Return what the service's kind shows of it; the service itself where that is no more than its address.

    key: that of the service's operator, empty if it has none.
    """
    shown = kind(service.kind).view
    return shown(engine, service, key) if shown else service


def views(engine: Engine, stack: Stack) -> dict[str, object]:
    """Service name -> its view. Raises BrokenLab for a real service of a kind that has none."""
    found = {
        name: view(engine, service, stack.keys.get(name, "")) for name, service in stack.services.items()
    }
    for name, sort in stack.real.items():
        if (shown := kind(sort).real) is None:
            raise BrokenLab(f"There is no real service of kind {sort!r}.")
        found[name] = shown(engine)
    return found
