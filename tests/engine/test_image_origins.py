"""Base images from both of their origins, in a real engine, under tags of these tests alone."""

import base64
import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from checker.base.errors import EnvironmentFault
from checker.base.ports import free_port
from checker.engine import images
from checker.engine.connection import Engine
from checker.engine.origins import packages
from checker.engine.origins.recipes import SETTINGS, TABLE
from checker.stack.cleanup import BASE_IMAGE
from checker.stack.container import answers
from tests.helpers import until

pytestmark = pytest.mark.engine

needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="needs Debian's packages")

PLAIN = [name for name, row in TABLE.items() if row.addition is None]

PROGRAM = """\
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
static void say(const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    vprintf(format, rest);
    va_end(rest);
}
int main(void) {
    uint64_t big = 1ull << 40;
    say("%s %.1f %llu\\n", WORD, 1.5, (unsigned long long)big);
    return 0;
}
"""


@pytest.fixture
def own_tags(engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The table with tags that nobody else uses, and a cache of its own."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    tags = {
        name: row.tag.replace("registry-lab/", f"registry-lab-{tmp_path.name}/")
        for name, row in TABLE.items()
    }
    for name, tag in tags.items():
        monkeypatch.setitem(TABLE, name, msgspec.structs.replace(TABLE[name], tag=tag))
    yield
    names = {name for image in engine.client.api.images() for name in image["RepoTags"] or ()}
    for tag in names & set(tags.values()):
        engine.client.api.remove_image(tag, force=True)


def run(engine: Engine, tag: str, command: list[str]) -> str:
    return str(engine.client.containers.run(tag, command, remove=True, network_mode="none").decode())


@pytest.fixture
def built(own_tags: None, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", "packages")
    said: list[str] = []
    images.ensure(engine, PLAIN, said.append)
    return said


@needs_apt
def test_images_from_packages_work(engine: Engine, built: list[str]) -> None:
    assert [line for line in built if "ready as" in line] == [
        f"{name}: ready as {TABLE[name].tag}." for name in PLAIN
    ]
    for name in PLAIN:
        found = engine.client.api.inspect_image(images.tag_of(name))
        assert found["Config"]["Labels"][BASE_IMAGE] == name
        assert len(found["RootFS"]["Layers"]) == 1
        assert str(images.origin_of(engine, name)).startswith("Debian ")

    # Every command that is a link to busybox is one that busybox knows.
    commands = run(engine, images.tag_of("busybox"), ["sh", "-c", "ls /bin; echo --; busybox --list"])
    links, _, known = commands.partition("--")
    assert set(links.split()) <= set(known.split())
    assert run(engine, images.tag_of("busybox"), ["stat", "-c", "%a", "/tmp"]).strip() == "1777"

    # The compiler compiles, links, and says what it is; what it makes needs no library.
    text = base64.b64encode(PROGRAM.encode()).decode()
    script = f"""cd /tmp && echo {text} | base64 -d > a.c
        cc -O2 -Wall -o a a.c '-DWORD="one word"' && ./a
        cc -c a.c '-DWORD="other"' && gcc -static -o b a.o && ./b
        cc --version; cc -o c missing.c || echo refused"""
    output = run(engine, images.tag_of("cc"), ["sh", "-ec", script]).splitlines()
    assert output[:2] == ["one word 1.5 1099511627776", "other 1.5 1099511627776"]
    assert output[2].startswith("tcc version")
    assert output[-1] == "refused"


@needs_apt
def test_the_built_registry_takes_the_upstream_images_settings(engine: Engine, built: list[str]) -> None:
    port = free_port()
    container = engine.client.containers.run(
        images.tag_of("registry"),
        detach=True,
        ports={"5000/tcp": ("127.0.0.1", port)},
        environment={"REGISTRY_STORAGE_DELETE_ENABLED": "true"},
    )
    try:
        until(lambda: answers(port, "/v2/"), "the registry to answer", seconds=15)
        assert [mount["Destination"] for mount in container.attrs["Mounts"]] == ["/var/lib/registry"]
        assert container.exec_run(["registry", "--version"]).exit_code == 0
    finally:
        container.remove(force=True, v=True)
    assert "garbage-collect" in run(engine, images.tag_of("registry"), ["help"])


@needs_apt
def test_two_processes_at_once_build_once(engine: Engine, own_tags: None, tmp_path: Path) -> None:
    tag = images.tag_of("busybox")
    code = f"""
import msgspec
from checker.engine import connection, images
from checker.engine.origins import packages
from checker.engine.origins.recipes import SETTINGS, TABLE
TABLE["busybox"] = msgspec.structs.replace(TABLE["busybox"], tag={tag!r})
images.ensure(connection.connect(), ["busybox"], print)
"""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "DOCKER_HOST": engine.docker_host,
        "REGISTRY_LAB_CACHE": str(tmp_path / "cache"),
        "REGISTRY_LAB_IMAGES": "packages",
    }
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, text=True, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("ready as" in output for output in outputs) == 1


@contextmanager
def running(
    engine: Engine, tag: str, inside: int, command: list[str] | None = None, **files: bytes
) -> Iterator[tuple[Any, int]]:
    """A container with files put into it before it starts, and the port that it is published on."""
    port = free_port()
    container = engine.client.containers.create(tag, command, ports={f"{inside}/tcp": ("127.0.0.1", port)})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    try:
        container.put_archive("/", stream.getvalue())
        container.start()
        yield container, port
    finally:
        container.remove(force=True, v=True)


def check_services(engine: Engine) -> None:
    """The services start, compile nothing while they do, and keep their state in the container."""
    tag = images.tag_of("services")
    settings = {"registry": "127.0.0.1:1", "api": "127.0.0.1:2", "alias": "hub", "operator": "some key"}
    files = {SETTINGS: json.dumps(settings).encode()}
    with running(engine, tag, 8000, ["hub"], **files) as (container, port):
        until(lambda: answers(port, "/health"), "the service to be ready", seconds=15)
        assert container.exec_run(["registry", "--version"]).exit_code == 0
        container.reload()
        assert container.attrs["Mounts"] == []
        written = [entry["Path"] for entry in container.diff() if entry["Path"].endswith(".pyc")]
        assert written == []
        assert container.exec_run(["python3", "-c", "import os; print(os.getuid())"]).output == b"0\n"
    config = engine.client.api.inspect_image(tag)["Config"]
    assert set(config["ExposedPorts"]) == {"5000/tcp", "8000/tcp"}
    assert not config.get("Volumes")
    assert not config["Cmd"]


def check_nginx(engine: Engine) -> None:
    """The image of nginx serves a page, reads conf.d, and writes its log where the engine shows it."""
    tag = images.tag_of("nginx")
    with running(engine, tag, 80) as (container, port):
        until(lambda: answers(port, "/"), "the default page", seconds=15)
        until(lambda: b'"GET / HTTP/1.1" 200' in container.logs(), "the access log", seconds=5)
        assert answers(port, "/missing", (404,))
        until(lambda: b"No such file" in container.logs(stdout=False), "the error log", seconds=5)
    site = b"server { listen 80; location /own { return 204; } }"
    with running(engine, tag, 80, **{"etc/nginx/conf.d/default.conf": site}) as (_, port):
        until(lambda: answers(port, "/own", (204,)), "the page of our own", seconds=15)
    assert "test is successful" in run(engine, tag, ["sh", "-c", "nginx -t 2>&1"])


CHECKS: dict[str, Callable[[Engine], None]] = {"services": check_services, "nginx": check_nginx}


@needs_apt
@pytest.mark.parametrize("name", CHECKS)
def test_what_services_run_from_works_when_built_from_packages(
    engine: Engine, own_tags: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", "packages")
    images.ensure(engine, [name], print)
    CHECKS[name](engine)


Put = Callable[[str, str], None]


@pytest.fixture
def mirror(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Put]]:
    """A mirror of Docker Hub with nothing in it: its address, and what puts an image there."""
    port = free_port()
    container = engine.client.containers.run(
        "registry-lab/registry:2", detach=True, ports={"5000/tcp": ("127.0.0.1", port)}
    )
    address = f"127.0.0.1:{port}/hub"
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", "pull")
    monkeypatch.setenv("REGISTRY_LAB_MIRROR", address)

    def put(image: str, upstream: str) -> None:
        repository, _, tag = upstream.replace("docker.io", address).rpartition(":")
        engine.client.api.tag(image, repository, tag)
        assert "errorDetail" not in engine.client.api.push(repository, tag=tag)
        engine.client.api.remove_image(f"{repository}:{tag}")

    try:
        until(lambda: answers(port, "/v2/"), "the mirror to answer", seconds=15)
        yield address, put
    finally:
        container.remove(force=True, v=True)


def names_in(engine: Engine) -> set[str]:
    return {name for image in engine.client.api.images() for name in image["RepoTags"] or ()}


@needs_apt
@pytest.mark.parametrize("name", CHECKS)
def test_what_services_run_from_works_when_pulled(
    engine: Engine, own_tags: None, mirror: tuple[str, Put], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What stands in for the upstream image is the Debian one, before anything of ours is put on top."""
    address, put = mirror
    row = TABLE[name]
    stand_in = msgspec.structs.replace(row, tag=f"{row.tag}-upstream", addition=None)
    packages.build(engine, stand_in, print)
    put(stand_in.tag, row.upstream)
    engine.client.api.remove_image(stand_in.tag)
    for lender, _ in row.lent.values():
        put("registry-lab/registry:2", lender)
    before = names_in(engine)
    said: list[str] = []
    images.ensure(engine, [name], said.append)
    assert said[0] == f"{name}: pulling {row.upstream.replace('docker.io', address)}."
    assert names_in(engine) - before == {row.tag}
    assert images.origin_of(engine, name) == row.upstream.replace("docker.io", address)
    CHECKS[name](engine)


def test_pulling_from_a_mirror_labels_and_leaves_no_other_name(
    engine: Engine, own_tags: None, mirror: tuple[str, Put]
) -> None:
    address, put = mirror
    reference = f"{address}/library/busybox"
    said: list[str] = []
    with pytest.raises(EnvironmentFault, match="not on Docker Hub from here"):
        images.ensure(engine, ["busybox"], said.append)
    put("registry-lab/busybox:1", TABLE["busybox"].upstream)
    images.ensure(engine, ["busybox"], said.append)
    assert f"busybox: pulling {reference}:1.36-musl." in said
    found = engine.client.api.inspect_image(images.tag_of("busybox"))
    original = engine.client.api.inspect_image("registry-lab/busybox:1")
    assert found["RootFS"] == original["RootFS"]
    assert found["Config"]["Labels"][BASE_IMAGE] == "busybox"
    assert found["Config"]["Cmd"] == original["Config"]["Cmd"]
    assert images.origin_of(engine, "busybox") == f"{reference}:1.36-musl"
    assert not any(name.startswith(reference) for name in names_in(engine))
