"""What a kind of service is: how it starts, and what checks see of it. `lab.toml` asks for services by kind.

A kind says once what never changes (image, ports, when it is ready) and plans for every run what does:
environment, files put into the container before it starts, folders of the workspace it may read.
Kinds that several labs use are modules of `checker.stack.kinds`; a lab may bring one of its own.
"""

import functools
import importlib
import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec

from checker.base.errors import BrokenLab
from checker.base.model import Lab, Service
from checker.engine.connection import Engine
from checker.lab.values import Addresses, fill
from checker.stack.running import MAIN, Running


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
    reached from this machine, and it is waited for. offline: whether it
    has a DNS timeout of one second, as without a network it would wait ten for a name. after: services that
    have to answer before it is started.
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

    image: name in the table of `checker.engine.images`. ports: name -> the TCP port served on inside.
    options: what a lab.toml may choose. keyed: whether it has an operator's key. registry_url: of the
    real service, given the learner's environment. plan: called with the service's name, its options, the run.
    view: what checks see of one that runs, given its operator's key; None: its name, ports and address. real: the
    same of the real service.
    """

    image: str
    ports: dict[str, int]
    ready: Ready = Ready()
    options: type[msgspec.Struct] = NoOptions
    keyed: bool = False
    registry_url: Callable[[Mapping[str, str]], str] | None = None
    plan: Callable[[str, Any, Run], Plan] = _no_plan
    view: Callable[[Engine, Running, str], object] | None = None
    real: Callable[[Engine], object] | None = None


def kind(name: str) -> Kind:
    """Return the kind in the module `checker.stack.kinds.<name>` (hyphens as underscores), or in a lab's own file.

    name: as in `lab.toml`; a lab's own has the file's whole path by the time it comes here. Raises BrokenLab.
    """
    try:
        module = _of_file(name) if name.endswith(".py") else _of_checker(name)
        found = module.KIND
    except (ImportError, AttributeError):
        raise BrokenLab(f"No stack module provides a service of kind {name!r}.") from None
    if not isinstance(found, Kind):
        raise BrokenLab(f"The stack module {name!r} describes no kind of service.")
    return found


def _of_checker(name: str) -> ModuleType:
    return importlib.import_module(f"checker.stack.kinds.{name.replace('-', '_')}")


@functools.cache
def _of_file(path: str) -> ModuleType:
    """Return the module in a lab's folder, under a name that no other has."""
    spec = importlib.util.spec_from_file_location(f"kind of {path}", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BrokenLab(
            f"{path} cannot be read: {type(error).__name__}: {error}", "This is for the lab's author to mend."
        ) from error
    return module


def kinds(lab: Lab) -> dict[str, Kind]:
    """Service name -> its kind. Raises BrokenLab naming the lab's file."""
    try:
        return {service.name: kind(service.kind) for service in lab.services}
    except BrokenLab as error:
        raise _of_lab(lab, error.message) from error


def plan(lab: Lab, service: Service, run: Run) -> Plan:
    """Return the plan for one service of a run. Raises BrokenLab for options its kind does not have."""
    chosen = kind(service.kind)
    try:
        options = msgspec.convert(_filled(service.options, run.values), chosen.options)
    except msgspec.ValidationError as error:
        raise _of_lab(lab, f"the options of the service {service.name!r}: {error}") from error
    return chosen.plan(service.name, options, run)


def images(lab: Lab) -> list[str]:
    """Return the base images a lab needs: those its services run from and those its answers build from."""
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
