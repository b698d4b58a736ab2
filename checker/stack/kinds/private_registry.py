"""CNCF Distribution as files of the workspace configure it. For trials: a copy of the files is used, so
that what a trial does to them stays inside, and what the learner does meanwhile stays outside.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from checker.base.errors import BrokenLab
from checker.engine.connection import Engine, engine_calls
from checker.inspect.engineview import Container, EngineView
from checker.stack.kind import Kind, Plan, Ready, Run
from checker.stack.running import MAIN, Running

NOT_RUN = 126
"""What a shell says of a program that it could not run."""


class Executed(msgspec.Struct, frozen=True):
    """What became of a command inside a container; output: both streams, as text."""

    code: int
    output: str


class PrivateRegistry:
    def __init__(self, engine: Engine, service: Running) -> None:
        self.service = service
        self._engine = engine

    @property
    def address(self) -> str:
        return self.service.address

    @property
    def container(self) -> Container:
        found = EngineView(self._engine).container(self.service.container)
        assert found is not None, f"the container of {self.service.name} is gone"
        return found

    def inside(self, *command: str) -> Executed:
        """Run a program of its image in the container. In one that has ended meanwhile it fails."""
        import docker.errors

        api = self._engine.client.api
        try:
            with engine_calls():
                created = api.exec_create(self.service.container, list(command))["Id"]
                output = api.exec_start(created)
                code = api.exec_inspect(created)["ExitCode"]
        except docker.errors.APIError as error:
            return Executed(NOT_RUN, str(error.explanation or error))
        # None is said of a program whose container ended before it did.
        return Executed(NOT_RUN if code is None else int(code), output.decode("utf-8", "replace"))


FOLDER = "/etc/docker/registry"
"""Where the registry's image has its configuration."""
OWN = "/etc/registry-lab/registry.yml"
FILES = 50
FILE_LIMIT = 256 * 1024
"""Bytes. What is larger configures nothing and is left out."""
PLAIN = re.compile(r"[\w.+@-]+(/[\w.+@-]+)*", re.ASCII)


class PrivateRegistryOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """folder: of the workspace; its plain files are put into /etc/docker/registry, and `config` of them is
    used. own: the text of a configuration that is used in its place. environment: settings that overrule
    the configuration. volumes: path in the container -> volume or folder of the engine's machine that is
    seen there, read-only. network: whether it joins the run's own network. after: services that have to
    answer before."""

    folder: str = ""
    config: str = "config.yml"
    own: str = ""
    environment: dict[str, str] = {}
    volumes: dict[str, str] = {}
    network: bool = False
    after: tuple[str, ...] = ()


def _plan(name: str, options: PrivateRegistryOptions, run: Run) -> Plan:
    files: dict[str, bytes] = {}
    if options.folder:
        if run.place is None:
            raise BrokenLab(f"The service {name!r} needs a workspace.")
        files = {f"{FOLDER}/{path}": data for path, data in _plain_files(run.place, options.folder)}
    if options.own:
        files[OWN] = options.own.encode()
    return Plan(
        command=("serve", OWN if options.own else f"{FOLDER}/{options.config}"),
        environment={"REGISTRY_HTTP_ADDR": "0.0.0.0:5000", "OTEL_TRACES_EXPORTER": "none"}
        | options.environment,
        files=files,
        # A volume's name goes where a folder's path would: the engine tells them apart by the slash.
        folders={path: Path(source) for path, source in options.volumes.items()},
        network=options.network,
        offline=True,
        after=options.after,
    )


def _plain_files(place: Path, folder: str) -> Iterator[tuple[str, bytes]]:
    """Path below the folder -> content, of the files that can be read and lie in the workspace."""
    root = place.resolve()
    base = place / folder
    count = 0
    for here, _, names in os.walk(base):
        for name in sorted(names):
            path = Path(here) / name
            relative = path.relative_to(base).as_posix()
            try:
                real = path.resolve(strict=True)
                fits = real.is_relative_to(root) and real.is_file() and real.stat().st_size <= FILE_LIMIT
                if not fits or not PLAIN.fullmatch(relative):
                    continue
                data = real.read_bytes()
            except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
                continue
            count += 1
            if count > FILES:
                return
            yield relative, data


def _view(engine: Engine, service: Running, _key: str) -> PrivateRegistry:
    return PrivateRegistry(engine, service)


KIND = Kind(
    image="registry",
    ports={MAIN: 5000},
    # With TLS a plain request is answered too, with status 400.
    ready=Ready(path="/v2/", statuses=(), within=20),
    options=PrivateRegistryOptions,
    plan=_plan,
    view=_view,
)
