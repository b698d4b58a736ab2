"""Base images from both of their origins, in a real engine, under tags of these tests alone."""

import base64
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from checker import images
from checker.cleanup import BASE_IMAGE
from checker.engine import Engine
from checker.errors import EnvironmentFault
from checker.origins.recipes import TABLE
from checker.stack.stack import answers, free_port
from tests.helpers import until

pytestmark = pytest.mark.engine

needs_apt = pytest.mark.skipif(not shutil.which("apt-get"), reason="needs Debian's packages")

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
    images.ensure(engine, TABLE, said.append)
    return said


@needs_apt
def test_images_from_packages_work(engine: Engine, built: list[str]) -> None:
    assert [line for line in built if "ready as" in line] == [
        f"{name}: ready as {row.tag}." for name, row in TABLE.items()
    ]
    for name in TABLE:
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
from checker import engine, images
from checker.origins.recipes import TABLE
TABLE["busybox"] = msgspec.structs.replace(TABLE["busybox"], tag={tag!r})
images.ensure(engine.connect(), ["busybox"], print)
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


def test_pulling_from_a_mirror_labels_and_leaves_no_other_name(
    engine: Engine, own_tags: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", "pull")
    port = free_port()
    mirror = engine.client.containers.run(
        "registry-lab/registry:2", detach=True, ports={"5000/tcp": ("127.0.0.1", port)}
    )
    reference = f"127.0.0.1:{port}/hub/library/busybox"
    monkeypatch.setenv("REGISTRY_LAB_MIRROR", f"127.0.0.1:{port}/hub")
    said: list[str] = []
    try:
        until(lambda: answers(port, "/v2/"), "the mirror to answer", seconds=15)
        with pytest.raises(EnvironmentFault, match="not on Docker Hub from here"):
            images.ensure(engine, ["busybox"], said.append)
        engine.client.api.tag("registry-lab/busybox:1", reference, "1.36-musl")
        engine.client.api.push(reference, tag="1.36-musl")
        engine.client.api.remove_image(f"{reference}:1.36-musl")
        images.ensure(engine, ["busybox"], said.append)
    finally:
        mirror.remove(force=True, v=True)
    assert f"busybox: pulling {reference}:1.36-musl." in said
    found = engine.client.api.inspect_image(images.tag_of("busybox"))
    original = engine.client.api.inspect_image("registry-lab/busybox:1")
    assert found["RootFS"] == original["RootFS"]
    assert found["Config"]["Labels"][BASE_IMAGE] == "busybox"
    assert found["Config"]["Cmd"] == original["Config"]["Cmd"]
    assert images.origin_of(engine, "busybox") == f"{reference}:1.36-musl"
    names = {name for image in engine.client.api.images() for name in image["RepoTags"] or ()}
    assert not any(name.startswith(reference) for name in names)
