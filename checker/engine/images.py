"""The base images of labs and services, and how they get into an engine.

Every image has two origins: a public registry and Debian's packages. Labs use them under names of
ours, so what a learner pulled before is never changed and never graded.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from checker.base.errors import BrokenLab, EnvironmentFault, UsageError
from checker.base.lock import alone
from checker.base.say import Say
from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.origins import ORIGIN, RECIPE, BaseImage, OriginFailed
from checker.engine.origins.recipes import TABLE

Origin = Callable[[Engine, BaseImage, Say], None]

LABELS = {"pull": "not on Docker Hub from here", "packages": "cannot be built from Debian packages"}


def image(name: str) -> BaseImage:
    """Return the table's row. Raises BrokenLab for a name that is not in the table."""
    try:
        return TABLE[name]
    except KeyError:
        raise BrokenLab(
            f"There is no base image named {name!r}.", f"The table has: {', '.join(sorted(TABLE))}."
        ) from None


def tag_of(name: str) -> str:
    """Return the name a base image has in the engine, like `registry-lab/busybox:1`. Raises BrokenLab."""
    return image(name).tag


def origin_of(engine: Engine, name: str) -> str | None:
    """Return where the image that is in the engine came from; None if it has to be got.

    One inspection. An image that an earlier recipe built counts as not there. Raises EngineFault.
    """
    row = image(name)
    found = _inspect(engine, row.tag)
    if found is None:
        return None
    labels = (found.get("Config") or {}).get("Labels") or {}
    if labels.get(RECIPE, row.unlabelled) != row.fingerprint:
        return None
    return str(labels.get(ORIGIN) or "brought by hand")


def ids(engine: Engine, names: Iterable[str]) -> dict[str, str]:
    """Return the image ID behind each base image's tag, as long as the engine has it. Raises EngineFault."""
    found = {name: _id(engine, tag_of(name)) for name in names}
    return {name: key for name, key in found.items() if key}


def put_back(engine: Engine, before: Mapping[str, str]) -> list[str]:
    """Give the base images' tags back to the images that had them; the names that were moved or removed.

    before: what `ids` said. An image that is gone altogether is built anew the next time it is needed.
    """
    import docker.errors

    now = {name: _id(engine, tag_of(name)) for name in before}
    moved = [name for name, key in before.items() if now[name] != key]
    for name in moved:
        repository, _, tag = tag_of(name).rpartition(":")
        with suppress(docker.errors.ImageNotFound), engine_calls():
            engine.client.api.tag(before[name], repository, tag)
        _remove_nameless(engine, now[name])
    return moved


def _remove_nameless(engine: Engine, key: str) -> None:
    """Remove an image that was built on one of ours and has no name any more."""
    import docker.errors

    with suppress(docker.errors.APIError), engine_calls():
        nameless = engine.client.api.images(filters={"dangling": True, "label": f"{LABEL}.image"})
        if key in {entry["Id"] for entry in nameless}:
            engine.client.api.remove_image(key)


def _id(engine: Engine, reference: str) -> str:
    found = _inspect(engine, reference)
    return str(found["Id"]) if found else ""


def _inspect(engine: Engine, reference: str) -> dict[str, Any] | None:
    """Return what the engine says of an image; None if it has none of that name."""
    import docker.errors

    try:
        with engine_calls():
            return dict(engine.client.api.inspect_image(reference))  # type: ignore[no-untyped-call]
    except docker.errors.APIError as error:
        if error.status_code == 404:
            return None
        raise


def ensure(engine: Engine, names: Iterable[str], say: Say) -> None:
    """Get the images that are missing, from the first origin that gives each.

    say: is told what happens, a sentence at a time. Raises EnvironmentFault when no origin works,
    EngineFault, BrokenLab, UsageError.
    """
    wanted = [image(name) for name in dict.fromkeys(names)]
    missing = [row for row in wanted if origin_of(engine, row.name) is None]
    if not missing:
        return
    origins = allowed_origins()
    with alone("images", "getting images", say):
        dead: dict[str, str] = {}
        for row in missing:
            if origin_of(engine, row.name) is None:  # another process may have brought it meanwhile
                before = _id(engine, row.tag)
                _get(engine, row, origins, dead, say)
                if before and before != _id(engine, row.tag):
                    _remove_nameless(engine, before)  # of an earlier recipe


def allowed_origins() -> dict[str, Origin]:
    """Return the origins `REGISTRY_LAB_IMAGES` allows, in the order to try them. Raises UsageError."""
    from checker.engine.origins import packages, pull

    known: dict[str, Origin] = {"pull": pull.pull, "packages": packages.build}
    choice = os.environ.get("REGISTRY_LAB_IMAGES", "").strip() or "auto"
    if choice == "auto":
        return known
    if choice in known:
        return {choice: known[choice]}
    raise UsageError(
        f"REGISTRY_LAB_IMAGES is {choice!r}, which names no origin of images.",
        "Set it to auto, pull or packages, or leave it out.",
    )


def _get(engine: Engine, row: BaseImage, origins: dict[str, Origin], dead: dict[str, str], say: Say) -> None:
    """dead: origin -> why it gives nothing at all; filled for the images to come."""
    reasons: list[str] = []
    for name, bring in origins.items():
        if name == "packages":
            because = f"{reasons[-1]}; " if reasons else ""
            say(f"{row.name}: {because}building it from Debian packages.")
        if reason := dead.get(name):
            reasons.append(f"{LABELS[name]} ({reason})")
            continue
        try:
            bring(engine, row, say)
        except OriginFailed as failure:
            reasons.append(f"{LABELS[name]} ({failure.reason})")
            if failure.everywhere:
                dead[name] = failure.reason
            continue
        say(f"{row.name}: ready as {row.tag}.")
        return
    by_hand = f"`docker pull {row.upstream} && docker tag {row.upstream} {row.tag}`"
    raise EnvironmentFault(
        f"The image {row.tag} is not in the engine and cannot be had: {'; '.join(reasons)}.",
        "Get online, or name a mirror of Docker Hub in REGISTRY_LAB_MIRROR"
        + ("." if row.addition else f", or bring the image yourself: {by_hand}."),
    )
