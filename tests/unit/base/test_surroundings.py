"""Settings of other programs: in the environment and in the home, and none of them counts."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from checker.base import surroundings

LEFT_OVER = {
    "DOCKER_TLS_VERIFY": "1",
    "DOCKER_CERT_PATH": "/nonexistent",
    "DOCKER_API_VERSION": "1.1",
    "DOCKER_CONTEXT": "gone",
    "DOCKER_AUTH_CONFIG": '{"auths": {"registry.example.test": {"auth": "bm90OnJpZ2h0"}}}',
    "TESTCONTAINERS_HUB_IMAGE_NAME_PREFIX": "mirror.example.test/",
    "TESTCONTAINERS_CONNECTION_MODE": "carrier_pigeon",
    "TESTCONTAINERS_HOST_OVERRIDE": "host.example.test",
    "TESTCONTAINERS_RYUK_DISABLED": "false",
    "TESTCONTAINERS_RYUK_PRIVILEGED": "true",
    "TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE": "/nowhere.sock",
    "TC_HOST": "tc.example.test",
    "TC_MAX_TRIES": "many",
    "TC_POOLING_INTERVAL": "often",
    "RYUK_CONTAINER_IMAGE": "mirror.example.test/ryuk",
    "RYUK_RECONNECTION_TIMEOUT": "never",
}
"""What docker-machine, minikube, CI systems and other projects' tests leave in a shell."""


def test_settings_of_other_programs_are_taken_out() -> None:
    environ = {**LEFT_OVER, "DOCKER_HOST": "unix:///x.sock", "DOCKERHUB_TOKEN": "t", "PATH": "/bin"}

    assert set(surroundings.settle(environ)) == set(LEFT_OVER)
    assert environ == {"DOCKER_HOST": "unix:///x.sock", "DOCKERHUB_TOKEN": "t", "PATH": "/bin"}


@pytest.mark.parametrize(
    ("given", "after"),
    [
        ({}, None),
        ({"http_proxy": "http://p:1"}, "127.0.0.1,localhost,::1"),
        ({"ALL_PROXY": "socks5://p:1", "NO_PROXY": ".corp, 127.0.0.1"}, ".corp,127.0.0.1,localhost,::1"),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, "*"),
    ],
)
def test_this_machine_is_asked_past_every_proxy(given: dict[str, str], after: str | None) -> None:
    surroundings.settle(given)

    assert given.get("no_proxy", given.get("NO_PROXY")) == after


def test_every_setting_of_testcontainers_is_ours() -> None:
    known = {field.name for field in dataclasses.fields(surroundings.testcontainers())}

    assert known == {*surroundings.PINNED, "connection_mode_override", "tc_properties"}


@pytest.mark.parametrize(
    "properties",
    [
        b"tc.host=tcp\\://127.0.0.1\\:42319\n",
        b"ryuk.container.privileged=true\nryuk.disabled=false\ndocker.host=unix:///nowhere.sock\n",
        b"\xff\xfeno text at all \xe9\n",
        None,
    ],
)
def test_testcontainers_starts_from_our_settings_whatever_lies_about(
    tmp_path: Path, properties: bytes | None
) -> None:
    file = tmp_path / ".testcontainers.properties"
    file.mkdir() if properties is None else file.write_bytes(properties)
    show = (
        "import os; from checker.base import surroundings as s; c = s.testcontainers(); "
        "print(c.hub_image_name_prefix, c.docker_auth_config, c.tc_properties, c.ryuk_disabled, c.max_tries, "
        "c.tc_properties_get_tc_host(), c.tc_host_override, os.environ['HOME'])"
    )

    done = subprocess.run(
        [sys.executable, "-c", show],
        env={**LEFT_OVER, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.rstrip() == f" None {{}} True 120 None None {tmp_path}"
