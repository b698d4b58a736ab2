"""Pulling a base image from Docker Hub, or from the mirror that `REGISTRY_LAB_MIRROR` names."""

import io
import os
import time
from collections.abc import Callable
from typing import Any

from checker.engine import LABEL, Engine, engine_calls
from checker.origins import ORIGIN, BaseImage, OriginFailed

SILENT_FOR = 30.0
"""Seconds without any news of the transfer after which it counts as stuck."""

PULL_WITHIN = 900.0
"""Seconds a whole pull may take."""

UNREACHABLE = (
    "dial tcp",
    "no such host",
    "i/o timeout",
    "connection refused",
    "Client.Timeout",
    "context deadline exceeded",
    "proxyconnect",
    "x509",
    "toomanyrequests",
)
"""In what the engine says: it could not talk to the registry at all, so the next image cannot come either."""


def source(image: BaseImage) -> str:
    """The reference to pull: upstream's own, or the same path at the mirror.

    `REGISTRY_LAB_MIRROR` is `host[:port][/prefix]`; when it is set, nothing is asked of Docker Hub.
    """
    mirror = os.environ.get("REGISTRY_LAB_MIRROR", "").strip().removeprefix("https://").strip("/")
    if not mirror:
        return image.upstream
    return f"{mirror}/{image.upstream.partition('/')[2]}"


def pull(engine: Engine, image: BaseImage, say: Callable[[str], None]) -> None:
    """Pull the image and give it its tag and labels. Raises OriginFailed, EngineFault."""
    import docker
    import docker.errors
    import requests

    reference = source(image)
    say(f"{image.name}: pulling {reference}.")
    had = _has(engine, reference)
    client = docker.APIClient(base_url=engine.docker_host, timeout=int(SILENT_FOR), version="auto")
    try:
        _transfer(client, reference)
        _label(client, image, reference)
    except docker.errors.APIError as error:
        raise _failure(str(error.explanation)) from error
    except (requests.Timeout, TimeoutError) as error:
        raise OriginFailed(f"nothing came for {SILENT_FOR:.0f} s", everywhere=True) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise _failure(str(error)) from error
    finally:
        client.close()
        if not had:
            _forget(engine, reference)


def _transfer(client: Any, reference: str) -> None:
    repository, _, tag = reference.rpartition(":")
    deadline = time.monotonic() + PULL_WITHIN
    for message in client.pull(repository, tag=tag, stream=True, decode=True):
        if message.get("error"):
            raise _failure(str(message["error"]))
        if time.monotonic() > deadline:
            raise OriginFailed(f"the pull took longer than {PULL_WITHIN:.0f} s", everywhere=True)


def _label(client: Any, image: BaseImage, reference: str) -> None:
    """Tag a child of the image that has our labels and not one layer more."""
    text = (
        f"FROM {reference}\n"
        f"LABEL {LABEL}.image={image.name} {LABEL}.version={image.version} {ORIGIN}={reference}\n"
    )
    for message in client.build(
        fileobj=io.BytesIO(text.encode()), tag=image.tag, rm=True, forcerm=True, decode=True
    ):
        if message.get("error"):
            raise _failure(str(message["error"]))


def _failure(text: str) -> OriginFailed:
    line = " ".join(text.split())
    return OriginFailed(line[:200], everywhere=any(sign in line for sign in UNREACHABLE))


def _has(engine: Engine, reference: str) -> bool:
    import docker.errors

    try:
        with engine_calls():
            engine.client.api.inspect_image(reference)  # type: ignore[no-untyped-call]
    except docker.errors.APIError:
        return False
    return True


def _forget(engine: Engine, reference: str) -> None:
    """Take back the name that the pull brought; the image stays under ours."""
    import docker.errors

    try:
        with engine_calls():
            engine.client.api.remove_image(reference)
    except docker.errors.APIError:
        return  # it never came
