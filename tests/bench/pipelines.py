"""A workflow really run, against the same docker commands in bash."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from checker.base.model import Service, Value
from checker.engine import images
from checker.engine.connection import Engine
from checker.lab.workspace import Workspace
from checker.pipelines.github.events import push
from checker.pipelines.github.runner import FOLDER, RunHub, Workflows
from checker.programs import tools
from checker.stack.trials import Trials

NAME = "ada/bench"
WORKFLOW = f"""
on: push
jobs:
  publish:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: docker/login-action@v3
        with:
          username: ada
          password: ${{{{ secrets.TOKEN }}}}
      - uses: docker/build-push-action@v6
        with:
          context: .
          push: true
          tags: {NAME}:1
"""
EMPTY = "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n"
SCRIPT = """
set -eu
git clone --quiet "$SOURCE" source
printf %s "$TOKEN" | docker login --username ada --password-stdin "$HUB"
docker build --tag "$HUB/NAME:1" source
docker push "$HUB/NAME:1"
""".replace("NAME", NAME)

Timed = Callable[[], float]


@contextmanager
def publishing(engine: Engine) -> Iterator[tuple[Timed, Timed]]:
    """A workflow that builds and pushes, and what it is compared with: the commands, and act's own start."""
    tools.ensure(["act", "trivy"], print, may_install=True)
    with (
        tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder,
        Trials(engine, Path(folder)) as trials,
    ):
        account = {"username": "ada", "password": "{TOKEN}"}
        trial = trials.start(
            Service(name="hub", kind="hub", options={"accounts": [account]}),
            values={"TOKEN": Value(kind="token", secret=True)},
        )
        hub, token = trial.stack.services["hub"].address, trial.stack.values["TOKEN"]
        full, empty = _project(Path(folder) / "full", WORKFLOW), _project(Path(folder) / "empty", EMPTY)

        def workflow() -> float:
            return _run(engine, full, hub, token)

        def commands() -> float:
            return _bash(engine, full, hub, token) + _start(empty)

        yield workflow, commands


def _project(place: Path, workflow: str) -> Path:
    (place / FOLDER).mkdir(parents=True)
    (place / FOLDER / "it.yml").write_text(workflow)
    (place / "Dockerfile").write_text(f"FROM {images.tag_of('busybox')}\nCOPY now /now\n")
    (place / "now").write_text("")
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@lab.invalid"]
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all"],
        ["commit", "--quiet", "-m", "x"],
    ):
        subprocess.run([*git, *command], cwd=place, check=True)
    return place


def _run(engine: Engine, place: Path, hub: str, token: str) -> float:
    (place / "now").write_text(str(time.time_ns()))
    began = time.perf_counter()
    (run,) = (
        Workflows(engine, Workspace(place))
        .run(push("main"), RunHub(hub), repository=NAME, secrets={"TOKEN": token})
        .runs
    )
    assert run.succeeded, run
    return time.perf_counter() - began


def _bash(engine: Engine, place: Path, hub: str, token: str) -> float:
    (place / "now").write_text(str(time.time_ns()))
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@lab.invalid"]
    subprocess.run([*git, "commit", "--quiet", "--all", "-m", "x"], cwd=place, check=True)
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as folder:
        env = {
            **os.environ,
            **engine.environment(),
            "DOCKER_CONFIG": folder,
            "DOCKER_BUILDKIT": "0",
            "SOURCE": str(place),
            "HUB": hub,
            "TOKEN": token,
        }
        began = time.perf_counter()
        subprocess.run(["bash", "-c", SCRIPT], cwd=folder, env=env, check=True, capture_output=True)
        took = time.perf_counter() - began
        subprocess.run(["docker", "rmi", f"{hub}/{NAME}:1"], env=env, check=True, capture_output=True)
    return took


def _start(place: Path) -> float:
    """act itself, with a workflow of one empty step."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-bench-") as cache:
        command = [str(tools.program("act")), "push", "--no-cache-server", "-P", "ubuntu-latest=-self-hosted"]
        command += ["--action-cache-path", cache, "--directory", str(place)]
        began = time.perf_counter()
        subprocess.run(
            command, env={"PATH": os.environ["PATH"], "HOME": cache}, check=True, capture_output=True
        )
        return time.perf_counter() - began
