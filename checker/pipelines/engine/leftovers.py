"""Find and remove what a pipeline left in the engine, by its mark and by the names it gave."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Mapping

from checker.engine.connection import Engine, engine_calls


def names(engine: Engine) -> dict[str, str]:
    """Return all `repository:tag` names in the engine, each with its image's ID."""
    with engine_calls():
        images = engine.client.api.images()
    return {name: str(image["Id"]) for image in images for name in image.get("RepoTags") or ()}


def remove(engine: Engine, label: str, made: Iterable[str], before: Mapping[str, str]) -> None:
    """Remove what a pipeline made.

    label: on its containers, networks and volumes. made: the names that it gave to images. before: name ->
    ID of the images that were there when it began, which have their names again afterwards.
    """
    import docker.errors

    api = engine.client.api
    chosen = {"label": label}

    def gone(remove: Callable[[], object]) -> None:
        with contextlib.suppress(docker.errors.APIError), engine_calls():
            remove()

    with engine_calls():
        containers = api.containers(all=True, filters=chosen)
    for entry in containers:
        gone(functools.partial(api.remove_container, entry["Id"], force=True, v=True))
    for name in sorted(made):
        if earlier := before.get(name):
            repository, _, tag = name.rpartition(":")
            gone(functools.partial(api.tag, earlier, repository, tag, force=True))
        else:
            gone(functools.partial(api.remove_image, name))
    with engine_calls():
        networks = api.networks(filters=chosen)
        volumes = api.volumes(filters=chosen)["Volumes"] or ()
    for entry in networks:
        gone(functools.partial(api.remove_network, entry["Id"]))
    for entry in volumes:
        gone(functools.partial(api.remove_volume, entry["Name"]))
