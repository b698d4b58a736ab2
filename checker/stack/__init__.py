"""The real services a lab needs. One module per kind of service; `lab.toml` asks for them by kind.

A kind says once what never changes (image, ports, when it is ready) and plans for every run what does:
environment, files put into the container before it starts, folders of the workspace it may read.
"""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from checker.errors import BrokenLab
from checker.model import Lab, Service
from checker.values import Addresses, fill

MAIN = ""
"""The name of a service's main port."""


class Ready(msgspec.Struct, frozen=True, kw_only=True):
    """When a service is ready: `GET path` on a port gives one of these statuses (any at all if none)."""

    path: str = "/"
    port: str = MAIN
    statuses: tuple[int, ...] = (200,)
    within: float = 60.0
    """Seconds it may take."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a run before its services start.

    values: all of them, secret ones too. keys: service -> the key of its operator, which is the checker.
    place: the workspace's folder, where there is one. real: services that are the real ones -> URL of
    the registry there.
    """

    values: Mapping[str, str]
    addresses: Addresses
    keys: Mapping[str, str] = {}
    place: Path | None = None
    real: Mapping[str, str] = {}


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How one service of one run is started.

    environment: never a secret, as the engine shows it to everybody. files: path -> content, put into
    the container before it starts, readable by its root alone. folders: path in the container ->
    folder on this machine, bound read-only. network, inside: whether it joins, under its service's
    name, the run's own network, and the one without a way out. published: whether its ports are to be
    reached from this machine, and it is waited for. offline: it gives up on a name after a second, as
    that of a service which is gone; a resolver that cannot be reached would keep it for ten. after:
    services that have to answer before.
    """

    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = {}
    files: Mapping[str, bytes] = {}
    folders: Mapping[str, Path] = {}
    network: bool = False
    inside: bool = False
    published: bool = True
    offline: bool = False
    after: tuple[str, ...] = ()


class NoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind with nothing to choose."""


def _no_plan(_name: str, _options: Any, _run: Run) -> Plan:
    return Plan()


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of service.

    image: name in the table of `checker.images`. ports: name -> the TCP port served on inside.
    options: what a lab.toml may choose. keyed: whether it has an operator's key. registry_url: of the
    real service, given the learner's environment. plan: called with the service's name, its options, the run.
    """

    image: str
    ports: dict[str, int]
    ready: Ready = Ready()
    options: type[msgspec.Struct] = NoOptions
    keyed: bool = False
    registry_url: Callable[[Mapping[str, str]], str] | None = None
    plan: Callable[[str, Any, Run], Plan] = _no_plan


def kind(name: str) -> Kind:
    """The kind in the module `checker.stack.<name>` (hyphens as underscores). Raises BrokenLab."""
    try:
        module = importlib.import_module(f"checker.stack.{name.replace('-', '_')}")
        found = module.KIND
    except (ImportError, AttributeError):
        raise BrokenLab(f"No stack module provides a service of kind {name!r}.") from None
    if not isinstance(found, Kind):
        raise BrokenLab(f"The stack module {name!r} describes no kind of service.")
    return found


def kinds(lab: Lab) -> dict[str, Kind]:
    """Service name -> its kind. Raises BrokenLab naming the lab's file."""
    try:
        return {service.name: kind(service.kind) for service in lab.services}
    except BrokenLab as error:
        raise _of_lab(lab, error.message) from error


def plan(lab: Lab, service: Service, run: Run) -> Plan:
    """The plan for one service of a run. Raises BrokenLab for options its kind does not have."""
    chosen = kind(service.kind)
    try:
        options = msgspec.convert(_filled(service.options, run.values), chosen.options)
    except msgspec.ValidationError as error:
        raise _of_lab(lab, f"the options of the service {service.name!r}: {error}") from error
    return chosen.plan(service.name, options, run)


def images(lab: Lab) -> list[str]:
    """The base images a lab needs: those its services run from and those its answers build from."""
    return sorted({kind.image for kind in kinds(lab).values()} | set(lab.images))


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return fill(value, values)
    if isinstance(value, dict):
        return {key: _filled(entry, values) for key, entry in value.items()}
    if isinstance(value, list):
        return [_filled(entry, values) for entry in value]
    return value


def _of_lab(lab: Lab, problem: str) -> BrokenLab:
    return BrokenLab(f"{lab.folder / 'lab.toml'}: {problem}", "This is for the lab's author to mend.")
