"""Hearing a registry's own notifications while somebody watches.

The listener is a container in the registry's network namespace: a daemon inside a virtual machine
cannot reach a process of the host, but this works wherever the registry runs. It is busybox httpd with
a CGI script that prints what the registry posts (Distribution documentation, "Work with notifications").
Distribution keeps events nobody took and sends them again, so what happened just before is heard too.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from checker.base.errors import ServiceFault
from checker.base.processes import process_identity
from checker.engine.connection import Engine, engine_calls
from checker.engine.images import tag_of
from checker.engine.labels import OWNER, PROCESS
from checker.stack.container import refusal
from checker.stack.kinds.registry import EVENTS_PORT
from checker.stack.running import Running

_SCRIPT = f"""
mkdir -p /tmp/www/cgi-bin
cat > /tmp/www/cgi-bin/events <<'END'
#!/bin/busybox sh
body=$(busybox head -c "$CONTENT_LENGTH" | busybox tr -d '\\n')
echo "$body" > /proc/1/fd/1
printf 'Status: 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n'
END
busybox chmod +x /tmp/www/cgi-bin/events
exec busybox httpd -f -p 127.0.0.1:{EVENTS_PORT} -h /tmp/www
"""


TAKEN = b"httpd: bind: Address already in use"
PAUSE = 0.2
"""Seconds before another listener is looked for or started: the one that went has to let go of the port."""
STEADY = 5.0
ATTEMPTS = 10
"""How many listeners in a row may live for less than `STEADY` seconds."""


class RegistryEvent(msgspec.Struct, frozen=True):
    """One thing that happened in a registry. action: push, pull, delete or mount; tag may be empty."""

    id: str
    action: str
    repository: str
    tag: str
    digest: str


class _ListenerTarget(msgspec.Struct, frozen=True):
    repository: str = ""
    tag: str = ""
    digest: str = ""
    media_type: str = msgspec.field(default="", name="mediaType")


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    action: str = ""
    target: _ListenerTarget = _ListenerTarget()


class _Envelope(msgspec.Struct, frozen=True):
    events: list[_Entry] = []


@contextmanager
def listening(engine: Engine, registry: Running) -> Iterator[Iterator[RegistryEvent]]:
    """Listen to a running registry; the iterator waits for the next event and ends with the registry.

    Events of manifests only, each once. A registry tells one listener: where another process has one, that is heard,
    and followed by one of ours when it goes. Raises ServiceFault if none can be started.
    """
    listener = _Listener(engine, registry)
    try:
        yield listener.events(listener.stream())
    finally:
        listener.close()


class _Listener:
    def __init__(self, engine: Engine, registry: Running) -> None:
        self._engine = engine
        self._registry = registry
        self._made: list[str] = []
        self._alone = threading.Lock()
        self._closed = False

    def stream(self) -> Iterator[bytes]:
        """Return what a listener prints: one that runs, from now on, or a new one."""
        import docker.errors

        api = self._engine.client.api
        found: Iterator[bytes]
        with self._alone:
            if self._closed:
                return iter(())
            try:
                with engine_calls():
                    registry = api.inspect_container(self._registry.container)["Id"]
                    for known in api.containers(filters={"label": f"{OWNER}=listener", "status": "running"}):
                        if known["HostConfig"]["NetworkMode"] == f"container:{registry}":
                            with suppress(docker.errors.APIError):  # it ended just now
                                found = api.attach(known["Id"], stream=True)
                                return found
                    container = api.create_container(
                        tag_of("busybox"),
                        ["/bin/busybox", "sh", "-c", _SCRIPT],
                        labels={OWNER: "listener", PROCESS: process_identity(os.getpid())},
                        host_config=api.create_host_config(
                            network_mode=f"container:{registry}", pids_limit=64
                        ),
                    )["Id"]
                    self._made.append(container)
                    found = api.attach(container, stream=True, logs=True)
                    api.start(container)
            except docker.errors.APIError as error:
                raise refusal(error, EVENTS_PORT) from error
            return found

    def events(self, stream: Iterator[bytes]) -> Iterator[RegistryEvent]:
        seen: set[str] = set()
        short = 0
        while True:
            began = time.monotonic()
            yield from _printed(stream, seen)
            if not self._wanted():
                return
            short = short + 1 if time.monotonic() < began + STEADY else 0
            if short == ATTEMPTS:
                raise ServiceFault(f"What listens to the registry at {self._registry.address} ends at once.")
            time.sleep(PAUSE)
            stream = self.stream()

    def close(self) -> None:
        import docker.errors

        with self._alone:
            self._closed = True
            for container in self._made:
                with suppress(docker.errors.APIError), engine_calls():
                    self._engine.client.api.remove_container(container, force=True)

    def _wanted(self) -> bool:
        """Return whether events are still waited for, and the registry runs."""
        import docker.errors

        if self._closed:
            return False
        try:
            with engine_calls():
                state = self._engine.client.api.inspect_container(self._registry.container)["State"]
        except docker.errors.NotFound:
            return False
        return bool(state["Running"])


def _printed(stream: Iterator[bytes], seen: set[str]) -> Iterator[RegistryEvent]:
    rest = b""
    with engine_calls():
        for part in stream:
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.strip() == TAKEN:  # another process was faster
                    return
                yield from _new(line, seen)


def _new(line: bytes, seen: set[str]) -> Iterator[RegistryEvent]:
    try:
        entries = msgspec.json.decode(line, type=_Envelope).events
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ServiceFault(
            f"The listener printed something that is no notification: {line[:200]!r}"
        ) from error
    for entry in entries:
        if entry.id not in seen and ("manifest" in entry.target.media_type or entry.action == "delete"):
            seen.add(entry.id)
            yield RegistryEvent(
                entry.id, entry.action, entry.target.repository, entry.target.tag, entry.target.digest
            )
