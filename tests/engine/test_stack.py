"""Stacks of several services: they find each other, secrets stay out of sight, nothing is left."""

import hashlib
import json
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from checker.base.errors import BrokenLab, EnvironmentFault
from checker.base.model import Lab, Service, Value
from checker.engine import images
from checker.engine.connection import Engine
from checker.engine.images import tag_of
from checker.inspect.registry import RegistryClient
from checker.lab import values
from checker.stack import removing, starting
from checker.stack import stack as stacks
from checker.stack.cleanup import remove_run
from checker.stack.container import ServiceEnded
from checker.stack.stack import Stack
from checker.stack.trials import Trials
from checker.stack.views import views

pytestmark = pytest.mark.engine

Started = Callable[..., Stack]
WITH_SECRET = {
    "USERNAME": Value(kind="word"),
    "PASSWORD": Value(kind="token", secret=True),
    "STOPPABLE": Value(kind="container", service="registry"),
    "PORT": Value(kind="port"),
}


def lab_of(*services: Service, **more: Any) -> Lab:
    """A lab of nothing but services and values."""
    nowhere = Path("nowhere")
    about: dict[str, Any] = {"title": "", "version": "1", "summary": "", "minutes": 1, "steps": ()} | more
    about.setdefault("values", {})
    return Lab(name="91-services", folder=nowhere, notebook=nowhere, services=services, **about)


REGISTRY = Service(name="registry", kind="registry", options={"network": True})
CACHE = Service(name="cache", kind="cache", options={"of": "registry"})


@pytest.fixture
def started(counts: None, engine: Engine, tmp_path: Path) -> Iterator[Started]:
    """Starts stacks, removed again at the end; `counts` proves that nothing of them is left."""
    begun: list[Stack] = []

    def start(*services: Service, **more: Any) -> Stack:
        lab = lab_of(*services, **more)
        owner = f"test-{secrets.token_hex(6)}"
        begun.append(starting.start(engine, lab, owner, throwaway=True, place=tmp_path))
        return begun[-1]

    yield start
    for stack in begun:
        remove_run(engine, stack)


def push(address: str, repository: str, tag: str = "1") -> str:
    """Put a tiny image into a registry over its own protocol; its digest."""
    base = f"http://{address}/v2/{repository}"
    with requests.Session() as http:
        http.trust_env = False
        digests = []
        for blob in (b"{}", secrets.token_bytes(32)):
            digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
            place = http.post(f"{base}/blobs/uploads/", timeout=10).headers["Location"]
            joint = "&" if "?" in place else "?"
            done = http.put(f"{place}{joint}digest={digest}", data=blob, timeout=10)
            assert done.status_code == 201, done.text
            digests.append((digest, len(blob)))
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        described = [
            {"mediaType": "application/octet-stream", "digest": digest, "size": size}
            for digest, size in digests
        ]
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": described[0], "layers": described[1:]}
        done = http.put(
            f"{base}/manifests/{tag}", data=json.dumps(manifest), headers={"Content-Type": kind}, timeout=10
        )
        assert done.status_code == 201, done.text
        return done.headers["Docker-Content-Digest"]


def inspected(engine: Engine, stack: Stack) -> str:
    """All that the engine tells about the containers of a stack, and their processes."""
    api = engine.client.api
    about = [api.inspect_container(service.container) for service in stack.services.values()]
    processes = [
        api.top(service.container, "-eo pid,args") for service in stack.services.values() if service.up
    ]
    return json.dumps([about, processes])


def test_cache_finds_its_upstream_by_name_and_serves_when_it_is_gone(
    engine: Engine, started: Started
) -> None:
    stack = started(REGISTRY, CACHE)
    digest = push(stack.services["registry"].address, "team/app")

    first = RegistryClient(stack.services["cache"].address).image("team/app", digest)
    assert first is not None
    assert list(first.layers), "the first pull goes through"
    assert RegistryClient(stack.services["cache"].address).digest("team/app", digest) == digest
    engine.client.api.remove_container(stack.services["registry"].container, force=True, v=True)

    assert RegistryClient(stack.services["cache"].address).digest("team/app", digest) == digest


def test_stack_is_found_again_with_its_secrets_which_the_engine_never_shows(
    engine: Engine, started: Started
) -> None:
    stack = started(REGISTRY, values=WITH_SECRET)

    found = stacks.find(engine, stack.owner)

    assert found is not None
    assert found.values == stack.values
    assert stack.values["PASSWORD"] not in inspected(engine, stack)
    assert stack.values["USERNAME"] in inspected(engine, stack), (
        "what is no secret is the engine's to remember"
    )


def test_secrets_are_known_again_while_the_stack_is_stopped(engine: Engine, started: Started) -> None:
    stack = started(REGISTRY, values=WITH_SECRET)
    engine.client.api.kill(stack.services["registry"].container)

    found = stacks.find(engine, stack.owner)

    assert found is not None
    assert not found.up
    assert found.values == stack.values


def test_others_list_a_stack_without_its_secrets(engine: Engine, started: Started) -> None:
    stack = started(REGISTRY, values=WITH_SECRET)

    (listed,) = [entry for entry in stacks.stacks(engine) if entry.owner == stack.owner]

    assert "PASSWORD" not in listed.values
    assert listed.values["USERNAME"] == stack.values["USERNAME"]


def test_answer_can_stop_a_service_by_its_name_and_a_revived_stack_keeps_what_it_stored(
    engine: Engine, started: Started
) -> None:
    stack = started(REGISTRY, CACHE, values=WITH_SECRET)
    digest = push(stack.services["registry"].address, "team/app")
    command = ["docker", "stop", "--time", "1", stack.values["STOPPABLE"]]
    subprocess.run(command, env={"PATH": "/usr/bin:/usr/local/bin", **engine.environment()}, check=True)
    engine.client.api.kill(stack.services["cache"].container)

    revived = starting.revive(engine, stacks.find(engine, stack.owner) or stack)

    assert revived.up
    assert RegistryClient(revived.services["registry"].address).digest("team/app", "1") == digest
    assert RegistryClient(revived.services["cache"].address).digest("team/app", "1") == digest


def test_kept_values_and_ports_stay_and_missing_ones_are_made(engine: Engine, started: Started) -> None:
    stack = started(REGISTRY, values=WITH_SECRET)
    known = {name: stack.values[name] for name in ("USERNAME", "PORT")}
    ports = {name: service.ports for name, service in stack.services.items()}
    removing.remove(engine, stack.owner)

    again = starting.start(
        engine,
        lab_of(REGISTRY, values=WITH_SECRET),
        stack.owner,
        throwaway=True,
        values=known,
        ports=ports,
    )

    assert again.services["registry"].port == stack.services["registry"].port
    assert {name: again.values[name] for name in known} == known
    assert again.values["PASSWORD"] != stack.values["PASSWORD"]


def test_service_that_needs_a_later_one_is_the_labs_fault(engine: Engine, started: Started) -> None:
    with pytest.raises(BrokenLab, match="needs 'registry', which does not come before it"):
        started(CACHE, REGISTRY)


def test_option_no_kind_has_is_the_labs_fault_and_starts_nothing(engine: Engine, started: Started) -> None:
    with pytest.raises(BrokenLab, match="colour"):
        started(Service(name="registry", kind="registry", options={"colour": "red"}))


def test_upstream_nobody_serves_ends_the_cache_with_its_own_log(engine: Engine, counts: None) -> None:
    lonely = lab_of(
        REGISTRY, Service(name="cache", kind="cache", options={"of": "registry"}), values=WITH_SECRET
    )
    broken: Lab = msgspec.structs.replace(
        lonely, services=(REGISTRY, Service(name="other", kind="registry"), CACHE)
    )
    trial = Trials(engine, Path("nowhere"))
    with trial:
        stack = trial.start(*broken.services).stack
        api = engine.client.api
        api.remove_container(stack.services["registry"].container, force=True, v=True)
        api.stop(stack.services["cache"].container, timeout=1)
        with pytest.raises(ServiceEnded) as ended:
            starting.revive(engine, stacks.find(engine, stack.owner) or stack)
        assert ended.value.log


def test_containers_networks_and_volumes_of_answers_go_with_the_run(
    engine: Engine, started: Started, tmp_path: Path
) -> None:
    word = {"NAME": Value(kind="word")}
    stack = started(REGISTRY, values=word, resources=("{NAME}", "{NAME}-*"))
    api, name = engine.client.api, stack.values["NAME"]
    base = images.tag_of("busybox")
    api.create_network(f"{name}-net")
    api.create_volume(f"{name}-data")
    api.create_container(base, ["true"], name=name)
    nameless = api.create_container(
        base, ["true"], host_config=api.create_host_config(binds=[f"{tmp_path}:/in:ro"])
    )["Id"]
    foreign = api.create_container(base, ["true"], name=f"not-{name}")["Id"]

    remove_run(engine, stack)

    left = {entry["Id"] for entry in api.containers(all=True)}
    assert foreign in left, "a container of somebody else's"
    assert nameless not in left, "a container that was given the workspace's folder"
    api.remove_container(foreign)


def test_views_go_by_the_services_names(engine: Engine, started: Started) -> None:
    stack = started(REGISTRY, CACHE)

    seen = views(engine, stack)

    assert set(seen) == {"registry", "cache"}
    assert all(isinstance(entry, RegistryClient) for entry in seen.values())


def test_trial_leaves_nothing_even_when_a_check_fails(engine: Engine, counts: None, tmp_path: Path) -> None:
    def check() -> None:
        with Trials(engine, tmp_path) as trials:
            assert trials.start(REGISTRY, CACHE).stack.up
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check()


def test_real_service_is_not_started_and_its_values_are_the_learners(
    engine: Engine, counts: None, tmp_path: Path
) -> None:
    lab = lab_of(
        Service(name="hub", kind="hub", real=("DOCKERHUB_USERNAME", "DOCKERHUB_TOKEN")),
        REGISTRY,
        values={
            "HUB": Value(kind="address", service="hub", real="{DOCKERHUB_REGISTRY}"),
            "ACCOUNT": Value(kind="word", real="{DOCKERHUB_USERNAME}"),
            "SECRET": Value(kind="token", secret=True, real="{DOCKERHUB_TOKEN}"),
        },
    )
    environ = {
        "DOCKERHUB_USERNAME": "ada",
        "DOCKERHUB_TOKEN": "dckr_pat_nothing",
        "DOCKERHUB_REGISTRY": "docker.io",
    }
    stack = starting.start(engine, lab, "test-real", throwaway=True, environ=environ)
    try:
        assert set(stack.services) == {"registry"}
        assert stack.real == {"hub": "hub"}
        assert stack.values == {"HUB": "docker.io", "ACCOUNT": "ada", "SECRET": "dckr_pat_nothing"}
        assert stacks.find(engine, "test-real") == stack
    finally:
        removing.remove(engine, stack.owner)


def test_network_that_a_start_cut_off_left_is_no_obstacle(
    engine: Engine, counts: None, tmp_path: Path
) -> None:
    owner = "test-cut-off"
    engine.client.api.create_network(f"registry-lab-{owner}", labels={"registry-lab.owner": owner})

    stack = starting.start(engine, lab_of(REGISTRY, CACHE), owner, throwaway=True, place=tmp_path)

    assert stack.up
    remove_run(engine, stack)


def test_unknown_image_says_what_to_do(
    engine: Engine, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.stack.container.tag_of", lambda _name: "registry-lab/nothing:0")

    with pytest.raises(EnvironmentFault) as fault:
        started(REGISTRY)

    assert "registry-lab/nothing:0" in fault.value.message
    assert "lab doctor --fix" in fault.value.action


def test_secret_names_are_those_marked() -> None:
    assert values.secret_names(lab_of(values=WITH_SECRET)) == {"PASSWORD"}


def test_images_that_are_named_after_a_service_on_trial_go_with_it(
    counts: None, engine: Engine, tmp_path: Path
) -> None:
    api = engine.client.api
    other = f"127.0.0.1:1/other-{secrets.token_hex(4)}"
    api.tag(tag_of("busybox"), other, "1")
    try:
        with Trials(engine, tmp_path) as trials:
            trial = trials.start(Service(name="registry", kind="registry"))
            address = trial.stack.services["registry"].address
            api.tag(tag_of("busybox"), f"{address}/pulled/from/there", "1")

        assert not api.images(f"{address}/pulled/from/there")
        assert api.images(other)
        assert api.images(tag_of("busybox"))
    finally:
        api.remove_image(f"{other}:1")
