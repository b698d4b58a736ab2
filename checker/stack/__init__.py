"""The real services a lab needs. One module per kind of service; `lab.toml` asks for them by kind."""

import importlib

import msgspec

from checker.errors import BrokenLab
from checker.model import Lab


class Blueprint(msgspec.Struct, frozen=True, kw_only=True):
    """How one kind of service is started.

    image: name in the table of `checker.images`. port: the TCP port it serves on inside.
    ready: the path that answers 200 once it is ready.
    """

    image: str
    port: int
    ready: str
    environment: dict[str, str] = {}


def blueprint(kind: str) -> Blueprint:
    """The blueprint in the module `checker.stack.<kind>`. Raises BrokenLab for an unknown kind."""
    try:
        module = importlib.import_module(f"checker.stack.{kind}")
        found = module.BLUEPRINT
    except (ImportError, AttributeError):
        raise BrokenLab(f"No stack module provides a service of kind {kind!r}.") from None
    if not isinstance(found, Blueprint):
        raise BrokenLab(f"The stack module {kind!r} has no blueprint.")
    return found


def blueprints(lab: Lab) -> dict[str, Blueprint]:
    """Service name -> its blueprint. Raises BrokenLab naming the lab's file."""
    try:
        return {service.name: blueprint(service.kind) for service in lab.services}
    except BrokenLab as error:
        raise BrokenLab(
            f"{lab.folder / 'lab.toml'}: {error.message}", "This is for the lab's author to mend."
        ) from error


def images(lab: Lab) -> list[str]:
    """The base images a lab needs: those its services run from and those its answers build from."""
    return sorted({plan.image for plan in blueprints(lab).values()} | set(lab.images))
