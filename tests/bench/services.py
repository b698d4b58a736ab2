"""How soon services are ready, against the same containers made bare-handed with the engine's own client."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from checker.base.model import Lab, Service
from checker.base.ports import HOST, free_port
from checker.base.processes import process_identity
from checker.engine import images
from checker.engine.connection import Engine, connect
from checker.engine.labels import PROCESS
from checker.stack import removing, starting
from checker.stack.cleanup import sweep
from checker.stack.container import answers
from checker.stack.kind import Run, kind, plan

NETWORK = f"bench-bare-{os.getpid()}"
OWNER = f"bench-{os.getpid()}"
"""Of every stack that is measured: another one in each process, so that none is in another's way."""
EVENTS = Service(name="inbox", kind="events")
HUB = Service(name="hub", kind="hub", options={"accounts": [{"username": "ada", "password": "lovelace"}]})
ROLES = Service(name="roles", kind="roles", options={"file": "access/registry-rbac.conf"})
REGISTRY = Service(name="registry", kind="registry", options={"network": True})
CACHE = Service(name="cache", kind="cache", options={"of": "registry"})
HIDDEN = Service(name="hidden", kind="registry", options={"internal": True})
EDGE = Service(name="edge", kind="edge", options={"of": "hidden"})
GROUPS = {
    "events ready": (EVENTS,),
    "hub ready": (HUB,),
    "roles ready": (ROLES,),
    "registry and cache ready": (REGISTRY, CACHE),
    "registry and edge ready": (HIDDEN, EDGE),
    "all seven ready": (EVENTS, HUB, ROLES, REGISTRY, CACHE, HIDDEN, EDGE),
}


def begin() -> Engine:
    """Connect to the engine, and remove what an earlier measurement left that was killed."""
    engine = connect()
    sweep(engine)
    return engine


def lab_of(services: tuple[Service, ...]) -> Lab:
    """A lab of nothing but services."""
    nowhere = Path("nowhere")
    return Lab(
        name="bench",
        folder=nowhere,
        notebook=nowhere,
        title="",
        version="",
        summary="",
        minutes=1,
        services=services,
        values={},
        steps=(),
    )


def ours(engine: Engine, services: tuple[Service, ...]) -> Callable[[], float]:
    """A stack of the services, from the call until all of them answer."""

    def run() -> float:
        with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
            began = time.perf_counter()
            stack = starting.start(engine, lab_of(services), OWNER, throwaway=True, place=Path(folder))
            took = time.perf_counter() - began
            removing.remove(engine, stack.owner)
            return took

    return run


def mark() -> str:
    """The option that has the next command sweep what this process made, should it be killed."""
    return f"--label={PROCESS}={process_identity(os.getpid())}"


def bare(engine: Engine, services: tuple[Service, ...]) -> Callable[[], float]:
    """The same containers, one after the other: create, copy the files in, start, poll every 5 ms."""
    env = dict(os.environ, **engine.environment())

    def docker(*arguments: str) -> str:
        done = subprocess.run(["docker", *arguments], env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run() -> float:
        made: list[str] = []
        with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
            place = Path(folder)
            began = time.perf_counter()
            docker(
                "network", "create", mark(), NETWORK
            )  # every one of these services joins it, or its edge does
            if hidden := HIDDEN in services:
                docker("network", "create", mark(), "--internal", f"{NETWORK}-inside")
            try:
                made.extend(start(service, place) for service in services)
                return time.perf_counter() - began
            finally:
                docker("rm", "--force", "--volumes", *made)
                docker("network", "rm", NETWORK, *([f"{NETWORK}-inside"] if hidden else []))

    def start(service: Service, place: Path) -> str:
        sort = kind(service.kind)
        ports = {name: free_port() for name in sort.ports}
        addresses = {service.name: {name: f"{HOST}:{port}" for name, port in ports.items()}}
        about = Run(values={}, addresses=addresses, keys={service.name: "key"}, place=place)
        wanted = plan(lab_of((service,)), service, about)
        options = [f"--env={name}={value}" for name, value in wanted.environment.items()]
        options += [f"--volume={folder}:{path}:ro" for path, folder in wanted.folders.items()]
        if wanted.published:
            options += [f"--publish={HOST}:{ports[name]}:{inside}" for name, inside in sort.ports.items()]
        networks = [NETWORK] * wanted.network + [f"{NETWORK}-inside"] * wanted.inside
        options += [f"--network={networks[0]}", f"--network-alias={service.name}"] if networks else []
        container = docker("create", mark(), *options, images.tag_of(sort.image), *wanted.command)
        for number, (path, data) in enumerate(wanted.files.items()):
            source = place / f"{service.name}-{number}"
            source.write_bytes(data)
            docker("cp", str(source), f"{container}:{path}")
        for network in networks[1:]:
            docker("network", "connect", "--alias", service.name, network, container)
        docker("start", container)
        while wanted.published and not answers(ports[sort.ready.port], sort.ready.path, sort.ready.statuses):
            time.sleep(0.005)
        return container

    return run
