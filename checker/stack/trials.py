"""Services that a check starts itself, from what the learner wrote, and that are removed when it is over.

Checks use such throw-away copies, of the same kind and with the same files, so the learner's services stay untouched.
"""

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from checker.base.model import Lab, Service, Value
from checker.base.ports import HOST
from checker.engine.connection import Engine
from checker.inspect.throwaway import Throwaway
from checker.stack import removing, starting
from checker.stack.cleanup import remove_images
from checker.stack.stack import Stack
from checker.stack.views import views


class Trial:
    """Services on trial. `view(name)` is what checks see of one; `stack` has addresses and keys."""

    def __init__(self, engine: Engine, stack: Stack) -> None:
        self.stack = stack
        self._views = views(engine, stack)

    def view(self, name: str) -> object:
        return self._views[name]


class Trials:
    """Starts services for a check and removes all of them at its end, and images that are named after them.

    place: the workspace, whose files the services may be given. throwaway: makes images and containers that
    go as well.
    """

    def __init__(self, engine: Engine, place: Path) -> None:
        self._engine = engine
        self._place = place
        self._owners: list[str] = []
        self._addresses: list[str] = []
        self.throwaway = Throwaway(engine)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.throwaway.close()
        for owner in self._owners:
            removing.remove(self._engine, owner)
        if self._addresses:  # what a script of the learner's pulled from there, or was about to push
            remove_images(self._engine, [f"{address}/*" for address in self._addresses])

    def start(self, *services: Service, values: Mapping[str, Value] | None = None) -> Trial:
        """Start services side by side and wait until they answer.

        values: what the services' options name. Raises `checker.stack.container.ServiceEnded`, with the
        log, for one that ends instead of answering; ServiceFault, EngineFault, BrokenLab.
        """
        owner = f"trial-{secrets.token_hex(8)}"
        lab = Lab(
            name="trial",
            folder=self._place,
            notebook=self._place,
            title="",
            version="",
            summary="",
            minutes=0,
            services=services,
            values=dict(values or {}),
            steps=(),
        )
        self._owners.append(owner)
        stack = starting.start(self._engine, lab, owner, throwaway=True, place=self._place)
        self._addresses += [
            f"{HOST}:{port}" for service in stack.services.values() for port in service.ports.values()
        ]
        return Trial(self._engine, stack)

    def stop(self, trial: Trial, name: str) -> None:
        """Really end one service of a trial: its container is killed and removed."""
        from checker.engine.connection import engine_calls

        with engine_calls():
            self._engine.client.api.remove_container(trial.stack.services[name].container, force=True, v=True)
