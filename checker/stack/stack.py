"""Starting, finding again and ending the services of one run.

A stack belongs to an owner: a practice workspace, or one replay. It carries its values in labels, so
that it can be found again by any later command even if every file about it is lost. Its secrets lie in a
file inside one of its containers: labels are shown to everybody who asks the engine.
"""

import io
import json
import os
import secrets
import tarfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from checker import surroundings
from checker import values as values_module
from checker.engine import LABEL, Engine, engine_calls
from checker.errors import BrokenLab, LabError, ServiceFault
from checker.model import Lab
from checker.ports import HOST, free_port
from checker.processes import gone, process_identity
from checker.stack import MAIN, Plan, Run, kind, kinds
from checker.stack import plan as planned
from checker.stack.container import Launch, launch, refusal, wait_ready
from checker.stack.labels import LAB, OWNED, OWNER, PLACE, PORTS, PROCESS, REAL, RESOURCES, SERVICE, VALUES

T = TypeVar("T")

SEALED = f"{LABEL}.sealed"
"""On the container that holds the stack's secrets."""
SECRETS = "/etc/registry-lab/stack.json"


class Running(msgspec.Struct, frozen=True):
    """One service of a stack: container id, its ports on 127.0.0.1 by name (none if it is internal), whether
    it runs."""

    name: str
    kind: str
    container: str
    ports: dict[str, int]
    up: bool

    @property
    def port(self) -> int:
        """The main port."""
        return self.ports.get(MAIN, 0)

    @property
    def address(self) -> str:
        """The main port's address, `127.0.0.1:PORT`."""
        return self.address_of(MAIN)

    def address_of(self, port: str) -> str:
        return f"{HOST}:{self.ports[port]}"


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


class _Sealed(msgspec.Struct, frozen=True):
    values: dict[str, str] = {}
    keys: dict[str, str] = {}


def start(
    engine: Engine,
    lab: Lab,
    owner: str,
    *,
    throwaway: bool,
    place: Path | None = None,
    values: Mapping[str, str] | None = None,
    ports: Mapping[str, Mapping[str, int]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Stack:
    """Start fresh services for `owner`, side by side, and wait until all of them answer.

    throwaway: the stack is to go when this process does. values, ports: those of an earlier stack
    to be kept. environ: the learner's environment, which may ask for real services in place of stand-ins;
    never given for a replay. Raises ServiceFault (it names the log line or the port), EngineFault, BrokenLab.
    """
    real = {
        service.name: service.kind
        for service in lab.services
        if environ and service.real and all(environ.get(name) for name in service.real)
    }
    import docker.errors

    wanted = {name: kind for name, kind in kinds(lab).items() if name not in real}
    chosen = _ports(lab, ports or {})
    addresses = {
        name: {port: f"{HOST}:{number}" for port, number in of.items()} for name, of in chosen.items()
    }
    names = {name: container_name(owner, name) for name in wanted}
    made = values_module.make(lab, addresses, names, values, environ if real else None)
    keys = {name: secrets.token_hex(24) for name, asked in wanted.items() if asked.keyed}
    owned = tuple(values_module.fill(pattern, made) for pattern in lab.owned)
    resources = tuple(values_module.fill(pattern, made) for pattern in lab.resources)
    run = Run(
        values=made, addresses=addresses, keys=keys, place=place, real=_registry_urls(real, environ or {})
    )
    plans = {service.name: planned(lab, service, run) for service in lab.services if service.name in wanted}
    hidden = values_module.secret_names(lab)
    labels = {
        OWNER: owner,
        LAB: lab.name,
        VALUES: json.dumps({name: value for name, value in made.items() if name not in hidden}),
        OWNED: json.dumps(owned),
        RESOURCES: json.dumps(resources),
        PLACE: str(place or ""),
        REAL: json.dumps(real),
    }
    if throwaway:
        labels[PROCESS] = process_identity(os.getpid())
    sealed = _Sealed({name: made[name] for name in hidden}, keys) if hidden or keys else None
    networks: dict[bool, str] = {}
    ready: dict[str, Future[Running]] = {}

    def one(name: str) -> Running:
        service = next(entry for entry in lab.services if entry.name == name)
        plan = plans[name]
        first = sealed is not None and name == next(iter(wanted))
        ports = chosen[name] if plan.published else {}
        more = {SERVICE: f"{service.kind}:{name}", PORTS: json.dumps(ports)}
        started = Launch(
            kind=wanted[name],
            plan=plan,
            name=names[name],
            alias=name,
            networks=tuple(networks[internal] for internal in _joined(plan)),
            ports=ports,
            labels=labels | more | ({SEALED: "yes"} if first else {}),
            files={SECRETS: msgspec.json.encode(sealed)} if first else {},
        )
        for earlier in plan.after:
            if earlier not in ready or list(wanted).index(earlier) >= list(wanted).index(name):
                raise BrokenLab(f"The service {name!r} needs {earlier!r}, which does not come before it.")
            ready[earlier].result()
        return Running(name, service.kind, launch(engine, started), ports, up=True)

    try:
        networks |= _networks(engine, owner, labels, plans.values())
        surroundings.testcontainers()  # here, while no other thread reads the environment
        with ThreadPoolExecutor(max(1, len(wanted))) as pool:
            for name in wanted:
                ready[name] = pool.submit(one, name)
            services = {name: future.result() for name, future in ready.items()}
    except BaseException:
        with suppress(LabError, docker.errors.APIError):  # why it failed is what counts
            remove(engine, owner)
        raise
    return Stack(owner, lab.name, services, made, owned, resources, keys, str(place or ""), real)


def container_name(owner: str, service: str) -> str:
    """The name a service's container has in the engine."""
    return f"{LABEL}-{owner}-{service}"


def find(engine: Engine, owner: str) -> Stack | None:
    """The owner's stack as the engine knows it, running or not, with its secrets; None if there is none."""
    found = next((stack for stack in stacks(engine) if stack.owner == owner), None)
    return found and _unsealed(engine, found)


def stacks(engine: Engine) -> list[Stack]:
    """All stacks in the engine, whoever started them, without their secrets."""
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


def revive(engine: Engine, stack: Stack) -> Stack:
    """Start the stopped or paused containers of a stack again; what they stored is kept. Raises ServiceFault.

    In the order in which they were started first, as some need others to answer.
    """
    import docker.errors

    with engine_calls():
        found = {
            service.name: engine.client.api.inspect_container(service.container)
            for service in stack.services.values()
        }
    for service in sorted(stack.services.values(), key=lambda service: found[service.name]["Created"]):
        if not service.up:
            try:
                with engine_calls():
                    if found[service.name]["State"]["Paused"]:
                        engine.client.api.unpause(service.container)
                    else:
                        engine.client.api.start(service.container)
            except docker.errors.APIError as error:
                raise refusal(error, service.port) from error
            if service.ports:
                wait_ready(engine, service.container, service.ports, kind(service.kind))
    again = find(engine, stack.owner)
    if again is None:
        raise ServiceFault(
            "The services disappeared while they were being started.", "Run `lab start` again."
        )
    return again


def remove(engine: Engine, owner: str) -> int:
    """Remove everything labelled with the owner; returns how many containers that were."""
    count = _remove_containers(engine, f"{OWNER}={owner}")
    remove_networks(engine, f"{OWNER}={owner}")
    return count


def orphans(engine: Engine) -> list[Stack]:
    """The stacks of processes that are gone."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": [PROCESS, OWNER]})
    owners = {entry["Labels"][OWNER] for entry in containers if gone(entry["Labels"][PROCESS])}
    return [stack for stack in stacks(engine) if stack.owner in owners] if owners else []


def sweep(engine: Engine) -> int:
    """Remove what processes that are gone left behind; returns how many containers that were."""
    with engine_calls():
        containers = engine.client.api.containers(all=True, filters={"label": PROCESS})
        networks = engine.client.api.networks(filters={"label": PROCESS})
    marks = [(entry.get("Labels") or {}).get(PROCESS, "") for entry in (*containers, *networks)]
    dead = {identity for identity in marks if identity and gone(identity)}
    count = sum(_remove_containers(engine, f"{PROCESS}={identity}") for identity in dead)
    for identity in dead:
        remove_networks(engine, f"{PROCESS}={identity}")
    return count


def remove_networks(engine: Engine, label: str) -> int:
    """Remove the networks with a label, taking out of them whatever is still in; how many that were."""
    import docker.errors

    api = engine.client.api
    with engine_calls():
        networks = api.networks(filters={"label": label})
    for network in networks:
        try:
            with engine_calls():
                inside = api.inspect_network(network["Id"]).get("Containers") or {}
                for container in inside:
                    api.disconnect_container_from_network(container, network["Id"], force=True)
                api.remove_network(network["Id"])
        except docker.errors.NotFound:
            continue
    return len(networks)


def _registry_urls(real: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The registries of services that are the real ones."""
    found = {name: kind(sort).registry_url for name, sort in real.items()}
    return {name: url(environ) for name, url in found.items() if url}


def _ports(lab: Lab, kept: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """A port of this machine for every port of every service; those in `kept` stay."""
    taken = {number for of in kept.values() for number in of.values()}
    chosen: dict[str, dict[str, int]] = {}
    for name, asked in kinds(lab).items():
        chosen[name] = {}
        for port in asked.ports:
            number = kept.get(name, {}).get(port) or free_port(taken)
            chosen[name][port] = number
            taken.add(number)
    return chosen


def _joined(plan: Plan) -> tuple[bool, ...]:
    """The networks a service joins, by whether they are internal; ports are published on the first."""
    return (False,) * plan.network + (True,) * plan.inside


def _networks(
    engine: Engine, owner: str, labels: Mapping[str, str], plans: Iterable[Plan]
) -> dict[bool, str]:
    """Make the run's own networks, as far as they are needed; by whether they are internal.

    On them containers know each other by name. Nothing gets into or out of an internal one.
    """
    import docker.errors

    kept = {key: value for key, value in labels.items() if key in (OWNER, PROCESS, PLACE)}
    made = {}
    remove_networks(engine, f"{OWNER}={owner}")  # of a start that was cut off half-way
    for internal in sorted({internal for plan in plans for internal in _joined(plan)}):
        made[internal] = f"{LABEL}-{owner}{'-inside' if internal else ''}"
        try:
            with engine_calls():
                engine.client.api.create_network(
                    made[internal], labels=kept, internal=internal, check_duplicate=True
                )
        except docker.errors.APIError as error:
            raise ServiceFault(
                f"The engine cannot make a network for the services: {error.explanation or error}",
                "Remove networks nobody needs (`docker network prune`), then try again.",
            ) from error
    return made


def _unsealed(engine: Engine, stack: Stack) -> Stack:
    """The stack with its secrets, if it has any and the container that holds them is still there."""
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
            sealed = msgspec.json.decode(member.read() if member else b"{}", type=_Sealed)
        return msgspec.structs.replace(stack, values=stack.values | sealed.values, keys=sealed.keys)
    return stack


def _remove_containers(engine: Engine, label: str) -> int:
    import docker.errors

    with engine_calls():
        entries = engine.client.api.containers(all=True, filters={"label": label})
    for entry in entries:
        try:
            with engine_calls():
                engine.client.api.remove_container(entry["Id"], force=True, v=True)
        except docker.errors.NotFound:
            continue
        except docker.errors.APIError as error:
            if "already in progress" not in str(error):
                raise
    return len(entries)


def _labelled(text: str, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=shape)
    except msgspec.DecodeError as error:
        raise BrokenLab(
            f"A running stack carries a label that cannot be read: {text[:80]!r}.",
            "Remove its container with the engine's own means.",
        ) from error


Say = Callable[[str], None]
"""Tells a person what is going on, one line at a time."""
