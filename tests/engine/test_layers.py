"""Images that are made in a room are those that practice makes: layer by layer, whatever a Dockerfile does to files."""

import hashlib
import io
import json
import os
import socket
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.base.errors import EnvironmentFault
from checker.base.processes import own_name
from checker.engine import dockerd, images
from checker.engine.connection import Engine
from checker.sandbox import layers as own_layers
from checker.sandbox.layers import driver
from checker.sandbox.room import household, roots
from checker.sandbox.room import image_cache as base_images
from checker.sandbox.room.limits import RoomLimits
from checker.sandbox.room.making import supervise
from checker.sandbox.room.room import Room
from checker.sandbox.room.roots import RoomPlan
from tests.helpers import BASE

pytestmark = pytest.mark.engine

TAG = "registry-lab-test-layers:1"
DOCKERFILE = f"""\
FROM {BASE}
ENV GREETING=hello
RUN mkdir -p /data/inner /kept && echo one > /data/one && echo two > /data/inner/two && ln /data/one /data/same
RUN ln -s /data/one /data/link && mkfifo /data/pipe && chown 7:800 /data/inner
RUN touch /data/set && chmod 4750 /data/set
RUN rm -r /data/inner && mkdir /data/inner && echo new > /data/inner/new && rm /data/same && mv /kept /moved
RUN echo more >> /data/one && touch "/data/$(seq -s - 60)-ü"
COPY --chown=7 context.txt /moved/
ADD context.txt /added/deep/down/
WORKDIR /data/inner
RUN rm -r /moved && echo a file > /moved
RUN rm /data/link && mkdir /data/link && true
LABEL about=nothing
USER 7
CMD ["true"]
"""
CHANGES = "rm /data/one; echo x > /data/inner/new; mkdir /data/more; touch /data/more/file; rm -r /added; mkdir /added"


def docker(host: str, *words: str, give: bytes = b"") -> bytes:
    done = subprocess.run(
        ["docker", f"--host={host}", *words], input=give, capture_output=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def context() -> bytes:
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w") as tar:
        for name, text in (("Dockerfile", DOCKERFILE), ("context.txt", "from outside\n" * 9)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(text.encode()), 0o640
            tar.addfile(member, io.BytesIO(text.encode()))
    return into.getvalue()


def members(archive: bytes) -> list[list[Any]]:
    """What an archive says of files, but for times."""
    found = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for one in tar:
            file = tar.extractfile(one) if one.isreg() else None
            text = hashlib.sha256(file.read()).hexdigest() if file else ""
            mark = Path(one.name).name.startswith(".wh.")  # of which the rest means nothing
            mode, link = (0, "") if mark else (one.mode & 0o7777, one.linkname)
            found.append([one.name.rstrip("/"), one.type.decode(), mode, one.uid, one.gid, link, text])
    return sorted(found)


def layers_of(host: str, image: str) -> list[list[list[Any]]]:
    """What there is in each layer of an image, the lowest first."""
    with tarfile.open(fileobj=io.BytesIO(docker(host, "save", image))) as saved:

        def read(name: str) -> bytes:
            file = saved.extractfile(name)
            assert file is not None
            return file.read()

        return [members(read(name)) for name in json.loads(read("manifest.json"))[0]["Layers"]]


def facts(host: str) -> dict[str, Any]:
    """All there is to see of the image, once it is built, and of a container that changes files."""
    docker(host, "build", "--quiet", "--tag", TAG, "-", give=context())
    try:
        about = json.loads(docker(host, "image", "inspect", TAG))[0]
        history = docker(host, "history", "--no-trunc", "--format", "{{.Size}} {{.CreatedBy}}", TAG).decode()
        layers = layers_of(host, TAG)
        command = ("--user", "0", TAG, "sh", "-c", CHANGES)
        container = docker(host, "run", "--detach", "--network", "none", *command).decode().strip()
        try:
            docker(host, "wait", container)
            return {
                "size": about["Size"],
                "layers": layers,
                "history": history.splitlines(),
                "differs": sorted(docker(host, "diff", container).decode().splitlines()),
                "files": members(docker(host, "export", container)),
                "committed": committed(host, container),
            }
        finally:
            docker(host, "rm", "--force", container)
    finally:
        docker(host, "image", "rm", "--force", TAG)


def committed(host: str, container: str) -> list[list[Any]]:
    """What a container that is made an image leaves in its newest layer."""
    image = docker(host, "commit", container).decode().strip()
    try:
        return layers_of(host, image)[-1]
    finally:
        docker(host, "image", "rm", "--force", image)


Enter = Callable[[Callable[[str], Any]], Any]


@pytest.fixture
def enter(rooms: None, engine: Engine, stock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """Does something in a room, given the address of its engine; what it returns comes back."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/rooms").mkdir(parents=True)
    (tmp_path / "cache/rooms/stock").symlink_to(stock)
    images.ensure(engine, ["busybox"], print)

    def run(what: Callable[[str], Any]) -> Any:
        made = base_images.ready(engine, ["busybox"])
        name = own_name()
        ours, theirs = socket.socketpair()
        said = tmp_path / "said"
        with ours, theirs, said.open("wb") as out:
            handle = out.fileno()

            def work(_: Room) -> None:
                os.write(handle, json.dumps(what(f"unix://{roots.SOCKET}")).encode())

            plan = RoomPlan(
                readable=tuple(roots.python_paths()),
                programs="",
                stock=str(made),
                layers=base_images.has_layers(made),
            )
            supervise(
                name,
                tmp_path / "cache/rooms" / name,
                plan,
                RoomLimits(),
                theirs.fileno(),
                lambda _: None,
                work,
                print,
            )
        return json.loads(said.read_text() or "null")

    return run


def test_images_and_containers_are_the_same_in_a_room_and_in_practice(
    counts: None, engine: Engine, enter: Enter
) -> None:
    here, there = facts(engine.docker_host), enter(facts)

    assert there is not None, "nothing came back from the room"
    for what, seen in json.loads(json.dumps(here)).items():
        assert there[what] == seen, what


def test_where_an_engine_does_not_take_the_driver_its_own_is_used(
    enter: Enter, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(driver, "DriverServer", lambda: 1 / 0)
    monkeypatch.setattr(base_images, "FORM", "another")

    used = enter(lambda host: docker(host, "info", "--format", "{{.Driver}} {{.Images}}").decode().split())

    assert used == ["overlay2", "1"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_room_of_this_machine_has_the_driver(engine: Engine, enter: Enter) -> None:
    if not own_layers.suits(engine.version):
        pytest.skip(f"{engine.version} has a driver of its own")

    used = enter(lambda host: docker(host, "info", "--format", "{{.Driver}}").decode().strip())

    assert used == own_layers.NAME


def test_what_an_engine_complains_of_is_told_to_whoever_grades(
    rooms: None, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache/rooms").mkdir(parents=True)
    images.ensure(engine, ["busybox"], print)
    monkeypatch.setattr(household, "IF_KNOWN", {"no-such-option": 1})
    monkeypatch.setattr(dockerd, "known_options", lambda _: frozenset({"no-such-option"}))

    with pytest.raises(EnvironmentFault, match=r"ended at once: .*unknown flag: --no-such-option"):
        base_images.ready(engine, ["busybox"])

    assert not list((tmp_path / "cache/rooms/stock").iterdir())


def test_an_engine_that_refuses_the_driver_is_noticed_at_once(
    enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(driver.ANSWERS, "/Plugin.Activate", lambda _, __: {"Implements": ["SomethingElse"]})
    monkeypatch.setattr(base_images, "FORM", "a third")
    monkeypatch.setattr("checker.sandbox.room.making.START_WITHIN", 1000.0)

    used = enter(lambda host: docker(host, "info", "--format", "{{.Driver}}").decode().strip())

    assert used == "overlay2"
