"""Findings about a lab's own service that is not running: stopped, paused, removed, or just starting again.

That is told as what it is, and never as a fault of the lab.
"""

from typing import NoReturn

import pytest

from checker.base.deadline import soon
from checker.base.errors import ServiceFault
from checker.check import fail
from checker.inspect.engineview import EngineView
from checker.stack.container import answers
from checker.stack.running import Running

UP_WITHIN = 15.0
"""Seconds a service may need after an answer started it again."""


def require_up(request: pytest.FixtureRequest, engine: EngineView, name: str, port: str, path: str) -> object:
    """Return what checks see of a service, as soon as `GET path` on its port is answered."""
    try:
        view = request.getfixturevalue(name)
    except pytest.FixtureLookupError:
        _removed(name)
    service = getattr(view, "service", None)
    if not isinstance(service, Running):
        return view
    container = engine.container(service.container)
    if container is None:
        _removed(name)
    if container.status != "running":
        fail(
            f"{name}-stopped",
            expected=f"The lab's service {name} runs.",
            observed=f"Its container {container.name} is there, and its status is {container.status!r}.",
            action="End the pause with `docker unpause`."
            if container.status == "paused"
            else f"Start it again: `docker start {container.name}`, or `lab start` in a terminal.",
        )
    number = service.ports[port]
    if not soon(lambda: answers(number, path), UP_WITHIN):
        raise ServiceFault(
            f"The service {name} runs and does not answer.", "Start it again with `lab start`."
        )
    return view


def _removed(name: str) -> NoReturn:
    fail(
        f"{name}-removed",
        expected=f"The lab's service {name} runs.",
        observed="Its container is not there any more.",
        action="`lab start` makes a new one; what the old one held is gone. Never remove services.",
    )
