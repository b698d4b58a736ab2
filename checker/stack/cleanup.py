"""Removing what a run made in the engine, and nothing else.

What is ours is known by labels, or by names that hold this run's values and so cannot be anybody else's.
"""

import fnmatch
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.labels import OWNER
from checker.stack import removing
from checker.stack import stack as stacks
from checker.stack.stack import Stack

POLL = 0.1

BASE_IMAGE = f"{LABEL}.image"
"""On every base image the labs provide; images built on one and their containers inherit it."""


def remove_run(
    engine: Engine, stack: Stack, *, first: Callable[[], object] = lambda: None, settle: float = 0
) -> int:
    """Remove a stack, the containers answers started from this run's images, and those images.

    first: done before images are removed, while the stack is being removed. settle: seconds to look
    again and again, after an interrupt: the engine finishes a build whose client is gone, and names
    the image then. Returns how many containers that were.
    """
    removed = remove_containers(engine, stack)  # first: they may be in the networks of the services
    with ThreadPoolExecutor(1) as beside:
        services = beside.submit(removing.remove, engine, stack.owner)
        first()
        removed += remove_images(engine, stack.owned) + services.result()
    remove_resources(engine, stack.resources)
    deadline = time.monotonic() + settle
    while time.monotonic() < deadline:
        removed += remove_images(engine, stack.owned)
        time.sleep(POLL)
    return removed


def sweep(engine: Engine) -> None:
    """Remove what processes that are gone left behind: their stacks, the images of those, probes, listeners.

    Stacks of practice belong to no process and stay.
    """
    for stack in stacks.orphans(engine):
        remove_run(engine, stack)
    removing.sweep(engine)


def remove_containers(engine: Engine, stack: Stack) -> int:
    """Remove the containers that answers of this run started; returns how many.

    Known by their names, by a port of the run that they publish, or by a folder of its workspace that they
    were given.
    """
    with engine_calls():
        containers = engine.client.api.containers(all=True)
    ours = [
        entry["Id"]
        for entry in containers
        if OWNER not in entry["Labels"] and (_named(entry, stack) or _given(entry, stack))
    ]
    for container in ours:
        _quietly(engine, container)
    return len(ours)


def remove_resources(engine: Engine, patterns: Sequence[str]) -> None:
    """Remove the networks and volumes whose name matches a pattern (fnmatch) and that nothing uses."""
    import docker.errors

    if not patterns:
        return
    api = engine.client.api
    with engine_calls():
        networks = [entry["Id"] for entry in api.networks() if _matches(entry["Name"], patterns)]
        volumes = [
            entry["Name"] for entry in api.volumes()["Volumes"] or () if _matches(entry["Name"], patterns)
        ]
    for remove, names in ((api.remove_network, networks), (api.remove_volume, volumes)):
        for name in names:
            try:
                with engine_calls():
                    remove(name)
            except docker.errors.APIError:
                continue  # in use by a container that is not ours


def _named(entry: dict[str, Any], stack: Stack) -> bool:
    return any(_matches(name.removeprefix("/"), stack.resources) for name in entry.get("Names") or ())


def _given(entry: dict[str, Any], stack: Stack) -> bool:
    sources = [mount.get("Source") or "" for mount in entry.get("Mounts") or ()]
    return bool(stack.place) and any(Path(source).is_relative_to(stack.place) for source in sources)


def remove_images(engine: Engine, patterns: Sequence[str]) -> int:
    """Remove the images whose name matches a pattern (fnmatch), and every container made of them.

    Returns how many containers that were.
    """
    import docker.errors

    api = engine.client.api
    with engine_calls():
        images = api.images()
        ours = {
            image["Id"]: [name for name in _names(image) if _matches(name, patterns)]
            for image in images
            if any(_matches(name, patterns) for name in _names(image))
        }
        # An image that has other names too, like a base image tagged anew, may be in use by others.
        alone = {image["Id"] for image in images if _alone(image, patterns)}
        containers = api.containers(all=True) if ours else []
    # What is labelled, like the probe of another replay that built the very same image, goes by its label.
    made = [
        entry["Id"]
        for entry in containers
        if OWNER not in entry["Labels"] and (entry["ImageID"] in alone or _matches(entry["Image"], patterns))
    ]
    for container in made:
        _quietly(engine, container)
    for names in ours.values():
        for name in names:
            try:
                with engine_calls():
                    api.remove_image(name)
            except docker.errors.APIError:
                continue  # in use by a container that is not ours: then it is not ours to remove
    return len(made)


def remove_everything(engine: Engine) -> dict[str, int]:
    """Remove all containers, networks and volumes that carry one of our labels; returns the counts.

    Containers of images built on the labs' base images inherit a label and count as ours.
    """
    import docker.errors

    api = engine.client.api
    counts = {"containers": 0, "networks": 0, "volumes": 0}
    for label in (OWNER, BASE_IMAGE):
        with engine_calls():
            containers = api.containers(all=True, filters={"label": label})
        for container in containers:
            _quietly(engine, container["Id"])
        counts["containers"] += len(containers)
    with engine_calls():
        counts["networks"] += removing.remove_networks(engine, OWNER)
        for volume in api.volumes(filters={"label": OWNER}).get("Volumes") or ():
            api.remove_volume(volume["Name"])
            counts["volumes"] += 1
        for image in api.images(filters={"dangling": True, "label": BASE_IMAGE}):
            try:
                api.remove_image(image["Id"])
            except docker.errors.APIError:
                continue
    return counts


def remove_base_images(engine: Engine) -> int:
    """Remove the base images the labs provide; returns how many names that were."""
    with engine_calls():
        images = engine.client.api.images(filters={"label": BASE_IMAGE})
    names = [name for image in images for name in _names(image) if name.startswith(f"{LABEL}/")]
    remove_images(engine, names)
    return len(names)


def _names(image: dict[str, list[str]]) -> list[str]:
    digests = [name for name in image.get("RepoDigests") or () if not name.startswith("<none>")]
    return [name for name in image.get("RepoTags") or () if name != "<none>:<none>"] + digests


def _alone(image: dict[str, list[str]], patterns: Sequence[str]) -> bool:
    names = _names(image)
    return bool(names) and all(_matches(name, patterns) for name in names)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _quietly(engine: Engine, container: str) -> None:
    import docker.errors

    try:
        with engine_calls():
            engine.client.api.remove_container(container, force=True, v=True)
    except docker.errors.APIError:
        return
