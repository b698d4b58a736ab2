"""What makes a container of a learner's a service, as findings: it runs, comes back, is reachable from this
machine only, and what it stores outlives it."""

from checker.base.ports import HOST
from checker.check import fail
from checker.inspect.engineview import Container, EngineView, Mount
from checker.stack.container import telling

COMES_BACK = ("always", "unless-stopped")


def require_running(engine: EngineView, name: str, code: str, how: str) -> Container:
    """Return the container of this name. how: what the learner does to get it."""
    container = engine.container(name)
    if container is None:
        fail(
            code,
            expected=f"There is a container called {name}.",
            observed="The engine has none of that name.",
            action=how,
        )
    if not container.running or container.status == "restarting":  # which the engine calls running, too
        _not_running(engine, container)
    return container


def require_publishing(
    engine: EngineView, port: int, pattern: str, code: str, what: str, how: str
) -> Container:
    """Return the running container behind 127.0.0.1:port.

    pattern: of the names that it may have, to tell why there is none. what: the service, as the beginning of
    a sentence.
    """
    container = engine.publishing(port)
    if container is not None:
        return container
    ended = [found for found in engine.called(pattern) if not found.running or found.status == "restarting"]
    if ended:
        _not_running(engine, ended[0])
    return fail(
        code,
        expected=f"{what} is published on {HOST}:{port}.",
        observed="No running container publishes that port.",
        action=how,
    )


def require_local(container: Container, port: int, inside: int | None = None) -> None:
    """That it is published on this port of this machine, and nowhere for other machines."""
    published = [entry for entry in container.published if entry.port == port]
    if container.mode == "host" or not published:
        shown = ", ".join(f"{entry.address}:{entry.port}" for entry in container.published) or "none"
        fail(
            "port-not-published",
            expected=f"The container {container.name} is published on {HOST}:{port}.",
            observed=f"It is on the network of the machine itself and publishes {shown}."
            if container.mode == "host"
            else f"The ports it publishes are: {shown}.",
            action=f"Publish it with the address in front of both ports: {HOST}:{port}:{inside or 5000}.",
        )
    open_ = [entry for entry in container.published if not _local(entry.address)]
    if open_:
        fail(
            "published-to-everybody",
            expected=f"The container {container.name} can be reached from this machine only.",
            observed=f"Port {open_[0].port} is published on {open_[0].address or 'no address'}: on every "
            "one this machine has.",
            action=f"Write {HOST}: in front of the port. Without it the engine opens the port to the whole "
            "network, past most firewalls.",
        )


def require_restarts(container: Container) -> None:
    """That the engine starts it again, after a crash and after the machine was switched off."""
    if container.restart not in COMES_BACK:
        fail(
            "restart-policy-missing",
            expected=f"The container {container.name} is started again whenever it ends and whenever "
            "the engine starts.",
            observed=f"Its restart policy is {container.restart!r}."
            + (
                " That one does not help after a restart of the machine." if container.restart != "no" else ""
            ),
            action="Give it the restart policy unless-stopped or always.",
        )


def require_kept(container: Container, path: str) -> Mount:
    """That a path in it lies on a volume that somebody named."""
    mount = container.mount(path)
    if mount is None or mount.kind == "tmpfs" or mount.anonymous:
        volumes = [
            f"{entry.source} at {entry.destination}" for entry in container.mounts if not entry.anonymous
        ]
        kind = mount.kind if mount else ""
        where = {"": "in the container's own layer", "tmpfs": "in memory"}.get(
            kind, "on a volume without a name of yours, which the next container will not get"
        )
        fail(
            "data-lost-with-the-container",
            expected=f"What the registry stores in {path} outlives the container {container.name}.",
            observed=f"It lies {where}."
            + (f" What the container has mounted is {', '.join(volumes)}." if volumes else ""),
            action=f"Mount a volume with a name at {path}.",
        )
    if mount.kind != "volume":
        fail(
            "volume-not-named",
            expected=f"What the registry stores in {path} is on a volume with a name.",
            observed=f"It lies in the folder {mount.source} of this machine, among your answers.",
            action="Write the volume's name, without any slash, in front of the colon.",
        )
    return mount


def require_no_secret(container: Container, secret: str) -> None:
    """That the engine shows a secret to nobody who inspects the container."""
    places = [
        f"the environment variable {name}" for name, text in container.environment.items() if secret in text
    ]
    places += [f"the command, word {n}" for n, word in enumerate(container.command, 1) if secret in word]
    places += [f"the label {name}" for name, text in container.labels.items() if secret in text]
    if places:
        fail(
            "password-in-container",
            expected=f"The container {container.name} is not told the password.",
            observed=f"It stands in {places[0]}, and `docker inspect` shows it.",
            action="A registry needs nothing but the bcrypt line in its htpasswd file.",
        )


def _not_running(engine: EngineView, container: Container) -> None:
    fail(
        "container-not-running",
        expected=f"The container {container.name} runs.",
        observed=f"Its status is {container.status!r}. Its log says: {telling(engine.log(container))}",
        action="Mend what it complains about and start it again.",
    )


def _local(address: str) -> bool:
    return address.startswith("127.") or address == "::1"
