"""Start the services of one run, and start them again after they were stopped."""

import json
import os
import secrets
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base import surroundings
from checker.base.errors import BrokenLab, LabError, ServiceFault
from checker.base.model import Lab
from checker.base.ports import HOST, free_port
from checker.base.processes import process_identity
from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.labels import LAB, OWNED, OWNER, PLACE, PORTS, PROCESS, REAL, RESOURCES, SERVICE, VALUES
from checker.lab import values as values_module
from checker.stack.container import Launch, launch, refusal, wait_ready
from checker.stack.kind import Plan, Run, kind, kinds
from checker.stack.kind import plan as planned
from checker.stack.removing import remove, remove_networks
from checker.stack.running import Running
from checker.stack.stack import SEALED, SECRETS, Sealed, Stack, find


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
    sealed = Sealed({name: made[name] for name in hidden}, keys) if hidden or keys else None
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
    """Return the name a service's container has in the engine."""
    return f"{LABEL}-{owner}-{service}"


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


def _registry_urls(real: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the registries of services that are the real ones."""
    found = {name: kind(sort).registry_url for name, sort in real.items()}
    return {name: url(environ) for name, url in found.items() if url}


def _ports(lab: Lab, kept: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Return a port of this machine for every port of every service; those in `kept` stay."""
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
    """Return the networks a service joins, by whether they are internal; ports are published on the first."""
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
