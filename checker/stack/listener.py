"""Hearing a registry's own notifications while somebody watches.

The listener is a container in the registry's network namespace: a daemon inside a virtual machine
cannot reach a process of the host, but this works wherever the registry runs. It is busybox httpd with
a CGI script that prints what the registry posts (Distribution documentation, "Work with notifications").
Distribution keeps events nobody took and sends them again, so what happened just before is heard too.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec

from checker.engine import Engine, engine_calls
from checker.errors import ServiceFault
from checker.images import tag_of
from checker.processes import process_identity
from checker.stack.container import refusal
from checker.stack.labels import OWNER, PROCESS
from checker.stack.registry import EVENTS_PORT
from checker.stack.stack import Running

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


class Event(msgspec.Struct, frozen=True):
    """One thing that happened in a registry. action: push, pull, delete or mount; tag may be empty."""

    id: str
    action: str
    repository: str
    tag: str
    digest: str


class _Target(msgspec.Struct, frozen=True):
    repository: str = ""
    tag: str = ""
    digest: str = ""
    media_type: str = msgspec.field(default="", name="mediaType")


class _Entry(msgspec.Struct, frozen=True):
    id: str = ""
    action: str = ""
    target: _Target = _Target()


class _Envelope(msgspec.Struct, frozen=True):
    events: list[_Entry] = []


@contextmanager
def listening(engine: Engine, registry: Running) -> Iterator[Iterator[Event]]:
    """Listen to a running registry; the iterator waits for the next event and ends with the registry.

    Events of manifests only, each once. Raises ServiceFault if the listener cannot be started.
    """
    import docker.errors

    api = engine.client.api
    try:
        with engine_calls():
            container = api.create_container(
                tag_of("busybox"),
                ["/bin/busybox", "sh", "-c", _SCRIPT],
                labels={OWNER: "listener", PROCESS: process_identity(os.getpid())},
                host_config=api.create_host_config(
                    network_mode=f"container:{registry.container}", pids_limit=64
                ),
            )["Id"]
    except docker.errors.APIError as error:
        raise refusal(error, EVENTS_PORT) from error
    try:
        try:
            with engine_calls():
                stream = api.attach(container, stream=True, logs=True)
                api.start(container)
        except docker.errors.APIError as error:
            raise refusal(error, EVENTS_PORT) from error
        yield _events(stream)
    finally:
        with suppress(docker.errors.APIError), engine_calls():
            api.remove_container(container, force=True)


def _events(stream: Iterator[bytes]) -> Iterator[Event]:
    seen: set[str] = set()
    rest = b""
    with engine_calls():
        for part in stream:
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                yield from _new(line, seen)


def _new(line: bytes, seen: set[str]) -> Iterator[Event]:
    try:
        entries = msgspec.json.decode(line, type=_Envelope).events
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ServiceFault(
            f"The listener printed something that is no notification: {line[:200]!r}"
        ) from error
    for entry in entries:
        if entry.id not in seen and ("manifest" in entry.target.media_type or entry.action == "delete"):
            seen.add(entry.id)
            yield Event(
                entry.id, entry.action, entry.target.repository, entry.target.tag, entry.target.digest
            )
