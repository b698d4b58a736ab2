"""The engine as checks see it: images, containers, networks, and what lies in a container."""

import fnmatch
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from checker.engine.connection import Engine, engine_calls
from checker.inspect import savedimage


class LocalImage(msgspec.Struct, frozen=True):
    """An image in the engine. layers: its diff ids, bottom first.

    id, size: the engine's own numbers, which mean something else in every engine; compare layers and `config` with what
    a registry has, and see `EngineView.unpacked`.
    """

    id: str
    tags: list[str]
    size: int
    labels: dict[str, str]
    layers: tuple[str, ...]
    created: str
    config: dict[str, Any]


class Mount(msgspec.Struct, frozen=True):
    """What a container has in place of a folder of its own.

    kind: volume, bind or tmpfs. source: a volume's name, or a folder of the engine's machine.
    """

    kind: str
    source: str
    destination: str
    writable: bool

    @property
    def anonymous(self) -> bool:
        """Whether it is a volume that the engine named itself, with 64 hex digits."""
        return self.kind == "volume" and len(self.source) == 64 and not self.source.strip("0123456789abcdef")


class PublishedPort(msgspec.Struct, frozen=True):
    """A port of a container that the engine's machine forwards. address: that it listens on there."""

    inside: int
    address: str
    port: int


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container, running or not.

    image: as it was named when the container was made; image_id: what that was. started, ended: when that
    was last, None if never. restart: the name of its restart policy (`no` if it has none). command: its entry
    point and arguments.
    networks: name -> its address there. mode: the engine's word for its first network, as `host`.
    """

    id: str
    name: str
    image: str
    image_id: str
    running: bool
    status: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    restart: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    labels: Mapping[str, str]
    mounts: tuple[Mount, ...]
    published: tuple[PublishedPort, ...]
    networks: Mapping[str, str]
    mode: str

    def mount(self, path: str) -> Mount | None:
        """Return what a path inside lies on; None for the container's own layer."""
        above = [entry for entry in self.mounts if f"{path}/".startswith(f"{entry.destination.rstrip('/')}/")]
        return max(above, key=lambda entry: len(entry.destination), default=None)


class Network(msgspec.Struct, frozen=True):
    """A network. internal: nothing gets into it or out of it. members: the IDs of running containers."""

    name: str
    internal: bool
    members: tuple[str, ...]


class EngineView:
    """The engine as checks see it: all is asked for at most once, so that every check sees one state."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._images: dict[str, LocalImage | None] = {}
        self._ids: dict[str, str] | None = None
        self._containers: dict[str, Container | None] = {}
        self._networks: dict[str, Network | None] = {}

    def image(self, reference: str) -> LocalImage | None:
        """Return the image called so (name, name@digest or ID); None if the engine has none."""
        import docker.errors

        if reference not in self._images:
            try:
                with engine_calls():
                    found = self._engine.client.api.inspect_image(reference)  # type: ignore[no-untyped-call]
            except docker.errors.APIError:
                self._images[reference] = None
            else:
                config = found.get("Config") or {}
                self._images[reference] = LocalImage(
                    id=found["Id"],
                    tags=found.get("RepoTags") or [],
                    size=int(found.get("Size", 0)),
                    labels=config.get("Labels") or {},
                    layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
                    created=str(found.get("Created", "")),
                    config=config,
                )
        return self._images[reference]

    def unpacked(self, reference: str) -> int:
        """Return how many bytes the files of an image's layers have, unpacked; 0 if the engine has no such
        image.

        `size` is that only where the engine keeps layers unpacked. Docker's containerd image store counts them as they
        were pulled, or pulled and unpacked: so there the layers themselves are asked.
        """
        import docker.errors

        image = self.image(reference)
        if image is None:
            return 0
        with engine_calls():
            status = self._engine.client.api.info().get("DriverStatus") or []
            if not any("io.containerd.snapshotter" in str(value) for _, value in status):
                return image.size
            try:
                with tempfile.TemporaryFile() as file:
                    for chunk in self._engine.client.api.get_image(reference):
                        file.write(chunk)
                    return savedimage.unpacked(file)
            except docker.errors.APIError:
                return 0

    def names(self, pattern: str = "*") -> list[str]:
        """Return all `repository:tag` names in the engine that match an fnmatch pattern, sorted."""
        return sorted(self.ids(pattern))

    def ids(self, pattern: str = "*") -> dict[str, str]:
        """Return the image ID behind each name that matches, all from one request."""
        if self._ids is None:
            with engine_calls():
                images = self._engine.client.api.images()
            self._ids = {name: image["Id"] for image in images for name in image.get("RepoTags") or ()}
        return {name: key for name, key in self._ids.items() if fnmatch.fnmatchcase(name, pattern)}

    def container(self, reference: str) -> Container | None:
        """Return the container of this name or ID, running or not; None if there is none."""
        import docker.errors

        if reference not in self._containers:
            try:
                with engine_calls():
                    found = self._engine.client.api.inspect_container(reference)
            except docker.errors.APIError:
                self._containers[reference] = None
            else:
                self._containers[reference] = _container(found)
        return self._containers[reference]

    def publishing(self, port: int) -> Container | None:
        """Return the running container that this port of the machine leads to; None if there is none."""
        with engine_calls():
            running = self._engine.client.api.containers()
        found = (
            entry["Id"]
            for entry in running
            if any(known.get("PublicPort") == port for known in entry.get("Ports") or ())
        )
        first = next(found, None)
        return self.container(first) if first else None

    def called(self, pattern: str) -> list[Container]:
        """Return all containers whose name matches an fnmatch pattern, running or not."""
        with engine_calls():
            known = self._engine.client.api.containers(all=True)
        names = [name.removeprefix("/") for entry in known for name in entry.get("Names") or ()]
        found = (self.container(name) for name in sorted(names) if fnmatch.fnmatchcase(name, pattern))
        return [container for container in found if container]

    def network(self, name: str) -> Network | None:
        """Return the network of this name or ID; None if there is none."""
        import docker.errors

        if name not in self._networks:
            try:
                with engine_calls():
                    found = self._engine.client.api.inspect_network(name)
            except docker.errors.APIError:
                self._networks[name] = None
            else:
                members = tuple(found.get("Containers") or ())
                self._networks[name] = Network(found["Name"], bool(found.get("Internal")), members)
        return self._networks[name]

    def neighbours(self, container: Container) -> list[Container]:
        """Return the other running containers on any network of this one."""
        networks = filter(None, map(self.network, container.networks))
        members = dict.fromkeys(key for network in networks for key in network.members if key != container.id)
        return [found for key in members if (found := self.container(key))]

    def log(self, container: Container, lines: int = 60) -> str:
        """Return the last lines of a container's log; empty if there are none."""
        import docker.errors

        try:
            with engine_calls():
                data = self._engine.client.api.logs(container.id, tail=lines)
        except docker.errors.APIError:
            return ""
        return data.decode("utf-8", "replace").strip()

    def modified(self, container: Container, path: str) -> datetime | None:
        """When a path inside a container, mounts included, was changed last; None if it is not there."""
        import docker.errors

        try:
            with engine_calls():
                stream, found = self._engine.client.api.get_archive(container.id, path)
                stream.close()
        except docker.errors.APIError:
            return None
        return _moment(str(found["mtime"]))


def _container(found: Mapping[str, Any]) -> Container:
    config, host = found.get("Config") or {}, found.get("HostConfig") or {}
    state, network = found.get("State") or {}, found.get("NetworkSettings") or {}
    return Container(
        id=found["Id"],
        name=str(found.get("Name", "")).removeprefix("/"),
        image=str(config.get("Image", "")),
        image_id=str(found.get("Image", "")),
        running=bool(state.get("Running")),
        status=str(state.get("Status", "")),
        created=_moment(str(found["Created"])),
        started=_if_ever(state.get("StartedAt")),
        ended=_if_ever(state.get("FinishedAt")),
        restart=str((host.get("RestartPolicy") or {}).get("Name") or "no"),
        command=(*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())),
        environment=dict(entry.partition("=")[::2] for entry in config.get("Env") or ()),
        labels=config.get("Labels") or {},
        mounts=tuple(_mount(entry) for entry in found.get("Mounts") or ()),
        published=tuple(_published(network.get("Ports") or {})),
        networks={
            name: str(entry.get("IPAddress") or "") for name, entry in (network.get("Networks") or {}).items()
        },
        mode=str(host.get("NetworkMode", "")),
    )


def _mount(entry: Mapping[str, Any]) -> Mount:
    kind = str(entry.get("Type", ""))
    source = entry.get("Name") if kind == "volume" else entry.get("Source")
    return Mount(kind, str(source or ""), str(entry.get("Destination", "")), bool(entry.get("RW")))


def _published(ports: Mapping[str, Any]) -> list[PublishedPort]:
    return [
        PublishedPort(int(inside.partition("/")[0]), str(entry.get("HostIp") or ""), int(entry["HostPort"]))
        for inside, bindings in ports.items()
        for entry in bindings or ()
        if entry.get("HostPort")
    ]


def _if_ever(text: object) -> datetime | None:
    """Return a moment; None for the year 1, by which the engine means never."""
    return None if not text or str(text).startswith("0001-") else _moment(str(text))


def _moment(text: str) -> datetime:
    """RFC 3339 with any number of fractional digits, as the engine writes it."""
    whole, _, rest = text.partition(".")
    if not rest:
        return datetime.fromisoformat(text).astimezone(UTC)
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :]
    return datetime.fromisoformat(f"{whole}.{digits[:6].ljust(6, '0')}{zone}").astimezone(UTC)
