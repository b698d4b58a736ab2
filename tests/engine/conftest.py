"""One engine for the session, surroundings of its own for every test, and a count of what is left."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checker.base.errors import EngineFault
from checker.base.processes import gone, process_identity
from checker.engine.connection import LABEL, Engine, connect
from checker.engine.labels import OWNER, PLACE, PROCESS
from checker.sandbox.room import support
from checker.stack.cleanup import BASE_IMAGE
from tests.engine.classes import NOTES_ONLY
from tests.helpers import Command, Done, TinyLab, until


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine, with the images the tests start from."""
    from checker.engine import images

    try:
        found = connect()
    except EngineFault as fault:
        pytest.fail(f"These tests need a container engine: {fault.message} {fault.action}", pytrace=False)
    images.ensure(found, ["registry", "busybox"], print)
    return found


def census(engine: Engine) -> dict[str, set[str]]:
    """Everything there is in an engine that a run could leave behind, by kind.

    What a build that was stopped half-way left on one of the labs' base images has no name. It may come late,
    when the engine notices, and the next `lab stop --all` takes it: it is nobody's fault, and not counted.
    """
    api = engine.client.api
    images = api.images()
    containers = api.containers(all=True)
    ours = [entry for entry in containers if {OWNER, BASE_IMAGE} & set(entry["Labels"])]
    volumes = api.volumes()["Volumes"] or ()
    return {
        "containers": {entry["Id"] for entry in containers},
        f"containers labelled {LABEL}": {f"{entry['Id']} {entry['Image']}" for entry in ours},
        "networks": {entry["Id"] for entry in api.networks()},
        "volumes": {entry["Name"] for entry in volumes},
        "image names": {name for image in images for name in _names(image)},
        "images without a name": {
            image["Id"] for image in images if not _names(image) and BASE_IMAGE not in (image["Labels"] or ())
        },
    }


def _names(image: dict[str, Any]) -> list[str]:
    return [name for name in image["RepoTags"] or () if name and name != "<none>:<none>"]


def _ours(process: str) -> bool:
    """Whether a mark is that of this process, or of one that is gone."""
    return bool(process) and (process == process_identity(os.getpid()) or gone(process))


@pytest.fixture
def counts(engine: Engine, tmp_path: Path) -> Iterator[None]:
    """Proves that a test leaves nothing: engine, temporary folder and cache are as before."""
    before = census(engine)
    yield
    home = tmp_path / "home"
    try:
        until(lambda: census(engine) == before, "the engine to be as before", seconds=5)
    except AssertionError:
        after = census(engine)
        for entry in engine.client.api.containers(all=True, filters={"label": OWNER}):
            # Of this test only: others may be using the same engine.
            ours = str(tmp_path) in str(entry["Labels"].get(PLACE)) or _ours(entry["Labels"].get(PROCESS, ""))
            if entry["Id"] not in before["containers"] and ours:
                engine.client.api.remove_container(entry["Id"], force=True, v=True)
        left = {kind: sorted(after[kind] ^ before[kind]) for kind in before if after[kind] != before[kind]}
        pytest.fail(f"left in the engine, or missing from it: {left}")

    def left_files() -> list[Path]:
        return [*home.glob("tmp/*"), *home.glob("cache/replays/*"), *home.glob("workspace/**/.*.tmp")]

    until(lambda: not left_files(), f"{left_files()} to be removed")


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where base images for rooms are kept: made by the first test that grades, used by all."""
    return tmp_path_factory.mktemp("stock")


@pytest.fixture
def lab(counts: None, engine: Engine, tiny: TinyLab, tmp_path: Path, stock: Path) -> Command:
    """The `lab` command with the tiny lab, and nothing of the user's."""
    command = Command(tiny.root, tmp_path / "home", DOCKER_HOST=engine.docker_host)
    (command.cache / "rooms").mkdir(parents=True)
    (command.cache / "rooms/stock").symlink_to(stock)
    return command


@pytest.fixture
def workspace(lab: Command) -> Path:
    """Where the practice of the tiny lab has its answers."""
    return lab.workspaces / TinyLab.name


@pytest.fixture
def started(lab: Command, workspace: Path) -> Iterator[Done]:
    """The tiny lab, started; stopped again after the test."""
    done = lab("start", "90")
    assert done.code == 0, done.err
    yield done
    assert lab("stop", "90").code == 0


@pytest.fixture
def rooms(engine: Engine) -> None:
    """Skips where submissions cannot be kept apart, and says why."""
    if reason := support.missing(engine):
        pytest.skip(f"no rooms can be made here: {reason}")


@pytest.fixture
def course(lab: Command, tiny: TinyLab) -> Path:
    """Six submissions: half of them are right, and no two neighbours alike."""
    folder = lab.home / "course"
    for number in range(6):
        one = tiny.solve(folder / f"learner-{number}" / tiny.name)
        if number % 2:
            (one / "steps/push.sh").write_text(NOTES_ONLY)
    return folder
