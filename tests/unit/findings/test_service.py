"""When a container is a service: each thing that is missing has a finding of its own."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from checker.check import CheckFailed
from checker.engine.connection import Engine
from checker.findings.service import (
    require_kept,
    require_local,
    require_no_secret,
    require_publishing,
    require_restarts,
    require_running,
)
from checker.inspect.engineview import Container, EngineView
from checker.stack.container import telling

ANONYMOUS = "ab" * 32


class Api:
    """An engine's API that knows the containers it is given, as `docker inspect` shows them."""

    def __init__(self, *containers: Mapping[str, Any], log: str = "") -> None:
        self.known = containers
        self._log = log

    def inspect_container(self, reference: str) -> Mapping[str, Any]:
        import docker.errors

        for entry in self.known:
            if reference in (entry["Id"], entry["Name"].removeprefix("/")):
                return entry
        raise docker.errors.NotFound("none")

    def containers(self, **wanted: bool) -> list[dict[str, Any]]:
        return [
            {
                "Id": entry["Id"],
                "Names": [entry["Name"]],
                "Ports": [
                    {"PublicPort": int(binding["HostPort"])}
                    for bindings in entry["NetworkSettings"]["Ports"].values()
                    for binding in bindings or ()
                ],
            }
            for entry in self.known
            if wanted.get("all") or entry["State"]["Running"]
        ]

    def logs(self, _reference: str, tail: int) -> bytes:
        return self._log.encode()


def inspected(**changes: Any) -> dict[str, Any]:
    """A container as it should be, but for the changes."""
    about: dict[str, Any] = {
        "running": True,
        "status": "running",
        "restart": "unless-stopped",
        "mounts": [{"Type": "volume", "Name": "data", "Destination": "/var/lib/registry", "RW": True}],
        "address": "127.0.0.1",
        "mode": "default",
        "environment": [],
        "command": ["/etc/config.yml"],
        "labels": {},
    } | changes
    return {
        "Id": "c0ffee",
        "Name": "/shelf",
        "Created": "2031-04-05T06:07:08.123456789Z",
        "Image": "sha256:1",
        "State": {"Running": about["running"], "Status": about["status"]},
        "Config": {
            "Image": "registry-lab/registry:2",
            "Env": about["environment"],
            "Entrypoint": ["/entrypoint.sh"],
            "Cmd": about["command"],
            "Labels": about["labels"],
        },
        "HostConfig": {"RestartPolicy": {"Name": about["restart"]}, "NetworkMode": about["mode"]},
        "Mounts": about["mounts"],
        "NetworkSettings": {
            "Ports": {"5000/tcp": [{"HostIp": about["address"], "HostPort": "6000"}], "5001/tcp": None},
            "Networks": {"bridge": {"IPAddress": "172.17.0.2"}},
        },
    }


def view(*containers: Mapping[str, Any], log: str = "") -> EngineView:
    class Client:
        api = Api(*containers, log=log)

    class Fake:
        client = Client

    return EngineView(cast(Engine, Fake))


def seen(**changes: Any) -> Container:
    found = view(inspected(**changes)).container("shelf")
    assert found is not None
    return found


def code(look: Callable[[], object]) -> str:
    with pytest.raises(CheckFailed) as failed:
        look()
    return failed.value.finding.code


def test_a_service_as_it_should_be_has_no_findings() -> None:
    container = require_running(view(inspected()), "shelf", "missing", "Start it.")

    require_restarts(container)
    require_local(container, 6000)
    require_no_secret(container, "open sesame")
    assert require_kept(container, "/var/lib/registry").source == "data"
    assert require_kept(container, "/var/lib/registry/docker").source == "data"
    assert require_publishing(view(inspected()), 6000, "*", "missing", "It", "Publish it.").name == "shelf"


@pytest.mark.parametrize("policy", ["", "no", "on-failure"])
def test_a_policy_that_survives_no_restart_of_the_machine_is_missing(policy: str) -> None:
    assert code(lambda: require_restarts(seen(restart=policy))) == "restart-policy-missing"


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "192.0.2.7"])
def test_a_port_for_other_machines_is_published_to_everybody(address: str) -> None:
    assert code(lambda: require_local(seen(address=address), 6000)) == "published-to-everybody"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.1.2.3", "::1"])
def test_a_port_of_this_machine_alone_is_fine(address: str) -> None:
    require_local(seen(address=address), 6000)


def test_another_port_or_the_machines_own_network_is_not_published() -> None:
    assert code(lambda: require_local(seen(), 6001)) == "port-not-published"
    assert code(lambda: require_local(seen(mode="host"), 6000)) == "port-not-published"


@pytest.mark.parametrize(
    ("mount", "finding"),
    [
        (None, "data-lost-with-the-container"),
        ({"Type": "tmpfs", "Destination": "/var/lib/registry"}, "data-lost-with-the-container"),
        (
            {"Type": "volume", "Name": ANONYMOUS, "Destination": "/var/lib/registry"},
            "data-lost-with-the-container",
        ),
        ({"Type": "volume", "Name": "data", "Destination": "/var/lib/reg"}, "data-lost-with-the-container"),
        ({"Type": "bind", "Source": "/home/zoe", "Destination": "/var/lib/registry"}, "volume-not-named"),
    ],
)
def test_data_that_is_on_no_named_volume_is_told(mount: dict[str, str] | None, finding: str) -> None:
    container = seen(mounts=[mount] if mount else [])

    assert code(lambda: require_kept(container, "/var/lib/registry")) == finding


def test_the_innermost_mount_counts() -> None:
    outer = {"Type": "volume", "Name": "outer", "Destination": "/var"}
    inner = {"Type": "volume", "Name": ANONYMOUS, "Destination": "/var/lib/registry"}

    assert require_kept(seen(mounts=[outer]), "/var/lib/registry").source == "outer"
    assert code(lambda: require_kept(seen(mounts=[outer, inner]), "/var/lib/registry")) != ""


@pytest.mark.parametrize(
    "place",
    [
        {"environment": ["A=1", "WORD=x-sesame-x"]},
        {"command": ["--password", "sesame"]},
        {"labels": {"note": "sesame"}},
    ],
)
def test_a_secret_that_the_engine_shows_is_found_and_not_repeated(place: dict[str, Any]) -> None:
    with pytest.raises(CheckFailed) as failed:
        require_no_secret(seen(**place), "sesame")

    assert failed.value.finding.code == "password-in-container"
    assert "sesame" not in repr(failed.value.finding)


def test_a_container_that_is_not_there_or_ended_is_told_with_its_last_words() -> None:
    log = 'level=fatal msg="open \\"config.yml\\": no such file"\n\ngoroutine 1 [running]:\nmain.main()\n'
    ended = view(inspected(running=False, status="exited"), log=log)

    assert code(lambda: require_running(view(), "shelf", "missing", "Start it.")) == "missing"
    assert code(lambda: require_publishing(view(), 6000, "*", "missing", "It", "Publish it.")) == "missing"
    looks: tuple[Callable[[], object], ...] = (
        lambda: require_running(ended, "shelf", "missing", "Start it."),
        lambda: require_publishing(ended, 6000, "sh*", "missing", "It", "Publish it."),
    )
    for look in looks:
        with pytest.raises(CheckFailed) as failed:
            look()
        assert failed.value.finding.code == "container-not-running"
        assert 'open "config.yml": no such file' in failed.value.finding.observed


@pytest.mark.parametrize(
    ("log", "line"),
    [
        ("configuration error: no version\nUsage:\n  registry serve\n", "configuration error: no version"),
        ("panic: StorageDriver not registered: s\n\ngoroutine 1 [running]:\nx\n", "panic: StorageDriver not"),
        (
            "starting\n2031/01/01 [emerg] 1#1: unknown directive\n",
            "2031/01/01 [emerg] 1#1: unknown directive",
        ),
        ("configuration error: yaml:\n  line 7: wrong\nUsage:\n", "configuration error: yaml: line 7: wrong"),
        ("first\nlast\n", "last"),
        ("", "nothing at all"),
    ],
)
def test_the_telling_line_of_a_log_is_found(log: str, line: str) -> None:
    assert telling(log).startswith(line)


def test_moments_are_read_to_the_microsecond() -> None:
    assert seen().created.isoformat() == "2031-04-05T06:07:08.123456+00:00"


def test_a_container_that_is_started_again_and_again_does_not_run() -> None:
    looping = view(inspected(status="restarting"), log="panic: no upstream")

    assert code(lambda: require_running(looping, "shelf", "missing", "Start it.")) == "container-not-running"
