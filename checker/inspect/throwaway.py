"""Images and containers that a check makes for itself, removed when the check is over."""

import io
import os
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import msgspec

from checker.base.deadline import Deadline
from checker.base.errors import EngineFault
from checker.base.ports import HOST, free_port
from checker.base.processes import process_identity
from checker.engine.connection import Engine, engine_calls
from checker.engine.labels import OWNER, PROCESS

MEMORY, PROCESSES = "256m", 256
OUTPUT_LIMIT = 4096
IDLER = "/.registry-lab/busybox"
"""Where a container with nothing to do has its program. Busybox looks at its own name."""
LONGEST_IDLE = "3600"


class CommandRun(msgspec.Struct, frozen=True):
    """What became of a command in a container. exit_code: None if it did not end in time. said: its output."""

    exit_code: int | None
    said: str


class Inside:
    """A running container. port: of this machine, that leads to the one asked for; 0 for none."""

    def __init__(self, engine: Engine, container: str, port: int) -> None:
        self._engine = engine
        self._container = container
        self.port = port

    def run(self, command: Sequence[str], seconds: float) -> CommandRun:
        """Run a command as `docker exec` does: the image's user, folder and environment.

        A program that is not there ends with 126 or 127, as in a shell. Raises MachineTooSlow if the time was over on
        a starved machine.
        """
        pool = ThreadPoolExecutor(1)
        begun = pool.submit(self._run, list(command))
        deadline = Deadline(seconds)
        try:
            while not begun.done() and not deadline.over():
                wait((begun,), deadline.left)
            if begun.done():
                return begun.result()
            deadline.require(f"{command[0]} did not end in a container in {deadline.elapsed:.0f} s")
            return CommandRun(None, "")
        finally:
            pool.shutdown(wait=False)  # the command ends with its container

    def _run(self, command: list[str]) -> CommandRun:
        import docker.errors

        api = self._engine.client.api
        try:
            with engine_calls():
                key = api.exec_create(self._container, command)["Id"]
                said = api.exec_start(key)
                code = api.exec_inspect(key)["ExitCode"]
        except docker.errors.APIError as error:
            return CommandRun(127, str(error.explanation or error)[:OUTPUT_LIMIT])
        return CommandRun(code, bytes(said or b"")[:OUTPUT_LIMIT].decode("utf-8", "replace").strip())

    def running(self) -> bool:
        """Return whether its first process still runs."""
        with engine_calls():
            return bool(self._engine.client.api.inspect_container(self._container)["State"]["Running"])


class Throwaway:
    """Makes them. `close` removes the images. Containers go with their `with` block."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._images: list[str] = []

    def close(self) -> None:
        """Remove the images that were made."""
        import docker.errors

        for name in self._images:
            try:
                with engine_calls():
                    self._engine.client.api.remove_image(name)
            except docker.errors.APIError:
                continue  # gone already

    def image(self, name: str, files: bytes) -> str:
        """Make an image of one layer out of a tar archive; return its name.

        name: with a tag, of those that the lab owns, so that it goes with the run if this process does not
        get so far.
        """
        repository, _, tag = name.rpartition(":")
        self._images.append(name)
        with engine_calls():
            self._engine.client.api.import_image_from_data(files, repository=repository, tag=tag)
        return name

    @contextmanager
    def container(self, image: str, *, port: int = 0, idle: str = "") -> Iterator[Inside]:
        """Run an image while the block lasts. Raises EngineFault if it cannot be started.

        port: of the container, that shall be reached from this machine. idle: an image with busybox; then the
        container does nothing at all in place of what it is for, whatever programs it has itself.
        """
        import docker.errors

        api = self._engine.client.api
        number = free_port() if port else 0
        container = ""
        try:
            with engine_calls():
                container = api.create_container(
                    image,
                    entrypoint=[IDLER, "sleep"] if idle else None,
                    command=[LONGEST_IDLE] if idle else None,
                    ports=[port] if port else None,
                    labels={OWNER: "probe", PROCESS: process_identity(os.getpid())},
                    healthcheck={"test": ["NONE"]},  # who looks decides when
                    host_config=api.create_host_config(
                        port_bindings={port: (HOST, number)} if port else None,
                        mem_limit=MEMORY,
                        pids_limit=PROCESSES,
                    ),
                )["Id"]
                if idle:
                    api.put_archive(container, "/", self._busybox(idle))
                api.start(container)
            inside = Inside(self._engine, container, number)
            if idle and not inside.running():
                raise EngineFault(f"A container of {image} with nothing to do ended by itself.")
            yield inside
        except docker.errors.APIError as error:
            raise EngineFault(f"The engine cannot run {image}: {error.explanation or error}") from error
        finally:
            if container:
                self._remove(container)

    def _busybox(self, image: str) -> bytes:
        """Return the program busybox of an image, under another name, as a tar archive."""
        api = self._engine.client.api
        source = api.create_container(image, labels={OWNER: "probe", PROCESS: process_identity(os.getpid())})[
            "Id"
        ]
        try:
            stream, _ = api.get_archive(source, "/bin/busybox")
            with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as found:
                program = found.extractfile("busybox")
                assert program is not None, "/bin/busybox is no file"
                data = program.read()
        finally:
            self._remove(source)
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as archive:
            for path, size, kind in (
                (".registry-lab", 0, tarfile.DIRTYPE),
                (IDLER[1:], len(data), tarfile.REGTYPE),
            ):
                entry = tarfile.TarInfo(path)
                entry.type, entry.size, entry.mode = kind, size, 0o755
                archive.addfile(entry, io.BytesIO(data) if size else None)
        return made.getvalue()

    def _remove(self, container: str) -> None:
        import docker.errors

        try:
            with engine_calls():
                self._engine.client.api.remove_container(container, force=True, v=True)
        except docker.errors.APIError:
            return
