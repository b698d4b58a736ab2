"""What checks get to see of a service, under the service's name. One module per kind that has more to show
than its address."""

import importlib
import importlib.util

from checker.engine import Engine
from checker.stack.stack import Running, Stack


def view(engine: Engine, service: Running, key: str) -> object:
    """The view in the module `checker.views.<kind>`; the service itself where the kind has none.

    key: that of the service's operator, empty if it has none.
    """
    name = f"checker.views.{service.kind.replace('-', '_')}"
    if importlib.util.find_spec(name) is None:
        return service
    return importlib.import_module(name).view(engine, service, key)


def views(engine: Engine, stack: Stack) -> dict[str, object]:
    """Service name -> its view."""
    found = {
        name: view(engine, service, stack.keys.get(name, "")) for name, service in stack.services.items()
    }
    for name, kind in stack.real.items():
        found[name] = importlib.import_module(f"checker.views.{kind}").real(engine)
    return found
