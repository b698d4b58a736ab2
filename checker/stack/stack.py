"""The services of one run, and finding them again.

A stack belongs to an owner: a practice workspace, or one replay. It carries its values in labels, so
that it can be found again by any later command even if every file about it is lost. Its secrets lie in a
file inside one of its containers: labels are shown to everybody who asks the engine.
"""

import io
import tarfile
from typing import TypeVar

import msgspec

from checker.base.errors import BrokenLab
from checker.base.processes import gone
from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.labels import LAB, OWNED, OWNER, PLACE, PORTS, PROCESS, REAL, RESOURCES, SERVICE, VALUES
from checker.stack.running import Running

T = TypeVar("T")

SEALED = f"{LABEL}.sealed"
"""On the container that holds the stack's secrets."""
SECRETS = "/etc/registry-lab/stack.json"


class Stack(msgspec.Struct, frozen=True):
    """The services of one run and what goes with them.

    values: the secret ones too, if the stack was asked for by its owner. keys: service -> its
    operator's key. owned, resources, place, real: see the labels of these names.
    """

    owner: str
    lab: str
    services: dict[str, Running]
    values: dict[str, str]
    owned: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    keys: dict[str, str] = {}
    place: str = ""
    real: dict[str, str] = {}

    @property
    def up(self) -> bool:
        return all(service.up for service in self.services.values())


class Sealed(msgspec.Struct, frozen=True):
    values: dict[str, str] = {}
    keys: dict[str, str] = {}


def find(engine: Engine, owner: str) -> Stack | None:
    """Return the owner's stack as the engine knows it, running or not, with its secrets; None if there is
    none."""
    found = next((stack for stack in stacks(engine) if stack.owner == owner), None)
    return found and _unsealed(engine, found)


def stacks(engine: Engine) -> list[Stack]:
    """Return all stacks in the engine, whoever started them, without their secrets."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": [OWNER, SERVICE]})
    found: dict[str, Stack] = {}
    for entry in containers:
        labels: dict[str, str] = entry["Labels"]
        sort, _, name = labels[SERVICE].partition(":")
        owner = labels[OWNER]
        known = found.setdefault(
            owner,
            Stack(
                owner,
                labels.get(LAB, ""),
                {},
                _labelled(labels.get(VALUES, "{}"), dict[str, str]),
                _labelled(labels.get(OWNED, "[]"), tuple[str, ...]),
                _labelled(labels.get(RESOURCES, "[]"), tuple[str, ...]),
                place=labels.get(PLACE, ""),
                real=_labelled(labels.get(REAL, "{}"), dict[str, str]),
            ),
        )
        known.services[name] = Running(
            name,
            sort,
            entry["Id"],
            _labelled(labels.get(PORTS, "{}"), dict[str, int]),
            up=entry["State"] == "running",
        )
    return list(found.values())


def orphans(engine: Engine) -> list[Stack]:
    """Return the stacks of processes that are gone."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": [PROCESS, OWNER]})
    owners = {entry["Labels"][OWNER] for entry in containers if gone(entry["Labels"][PROCESS])}
    return [stack for stack in stacks(engine) if stack.owner in owners] if owners else []


def _unsealed(engine: Engine, stack: Stack) -> Stack:
    """Return the stack with its secrets, if it has any and the container that holds them is still there."""
    import docker.errors

    with engine_calls():
        holders = engine.client.api.containers(
            all=True, filters={"label": [f"{OWNER}={stack.owner}", SEALED]}
        )
    for holder in holders:
        try:
            with engine_calls():
                stream, _ = engine.client.api.get_archive(holder["Id"], SECRETS)
                data = b"".join(stream)
        except docker.errors.APIError:
            continue
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            member = archive.extractfile(archive.getmembers()[0])
            sealed = msgspec.json.decode(member.read() if member else b"{}", type=Sealed)
        return msgspec.structs.replace(stack, values=stack.values | sealed.values, keys=sealed.keys)
    return stack


def _labelled(text: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise BrokenLab(
            f"A running stack carries a label that cannot be read: {text[:80]!r}.",
            "Remove its container with the engine's own means.",
        ) from error
