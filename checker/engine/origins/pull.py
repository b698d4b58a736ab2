"""Pulling a base image from Docker Hub, or from the mirror that `REGISTRY_LAB_MIRROR` names."""

import os
import time
from collections.abc import Callable
from typing import Any

from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.origins import ORIGIN, RECIPE, BaseImage, OriginFailed
from checker.engine.origins.finish_image import dress

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


def source(upstream: str) -> str:
    """Return the reference to pull: upstream's own, or the same path at the mirror.

    `REGISTRY_LAB_MIRROR` is `host[:port][/prefix]`; when it is set, nothing is asked of Docker Hub.
    """
    mirror = os.environ.get("REGISTRY_LAB_MIRROR", "").strip().removeprefix("https://").strip("/")
    if not mirror:
        return upstream
    return f"{mirror}/{upstream.partition('/')[2]}"


def pull(engine: Engine, image: BaseImage, say: Callable[[str], None]) -> None:
    """Pull the image, and what lends files to it, and make it ours. Raises OriginFailed, EngineFault."""
    reference = source(image.upstream)
    copies = {path: (source(lender), there) for path, (lender, there) in image.lent.items()}
    brought: list[str] = []
    try:
        for name in dict.fromkeys((reference, *(lender for lender, _ in copies.values()))):
            say(f"{image.name}: pulling {name}.")
            if not _has(engine, name):
                brought.append(name)
            _bring(engine, name)
        dress(engine, image, reference, _labels(image, reference), say, copies=copies)
    finally:
        for name in brought:
            _forget(engine, name)


def _labels(image: BaseImage, reference: str) -> dict[str, str]:
    labels = {f"{LABEL}.image": image.name, f"{LABEL}.version": image.version, ORIGIN: reference}
    return {**labels, RECIPE: image.fingerprint} if image.addition else labels


def _bring(engine: Engine, reference: str) -> None:
    """Pull one image. Raises OriginFailed."""
    import docker
    import docker.errors
    import requests

    client = docker.APIClient(base_url=engine.docker_host, timeout=int(SILENT_FOR), version="auto")
    try:
        _transfer(client, reference)
    except docker.errors.APIError as error:
        raise _failure(str(error.explanation)) from error
    except (requests.Timeout, TimeoutError) as error:
        raise OriginFailed(f"nothing came for {SILENT_FOR:.0f} s", everywhere=True) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise _failure(str(error)) from error
    finally:
        client.close()


def _transfer(client: Any, reference: str) -> None:
    repository, _, tag = reference.rpartition(":")
    deadline = time.monotonic() + PULL_WITHIN
    for message in client.pull(repository, tag=tag, stream=True, decode=True):
        if message.get("error"):
            raise _failure(str(message["error"]))
        if time.monotonic() > deadline:
            raise OriginFailed(f"the pull took longer than {PULL_WITHIN:.0f} s", everywhere=True)


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
