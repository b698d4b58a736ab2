"""Which containers a pipeline may create: from its images and files, with nothing of the machine."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

Ours = Callable[[str, str], Awaitable[bool]]
"""Whether a thing of a kind (`volumes`, `networks`) and name was made by this pipeline."""

HOST_OPTIONS = (
    "Privileged Devices CapAdd SecurityOpt VolumesFrom DeviceRequests DeviceCgroupRules Sysctls".split()
)
PATHS = ("MaskedPaths", "ReadonlyPaths")
"""What of /proc and /sys a container may not see or change; an empty list lets it at all of that."""
HOST_MODES = ("PidMode", "IpcMode", "UTSMode", "UsernsMode", "CgroupnsMode", "CgroupParent", "VolumeDriver")
HOST_KEYS = ("Binds", "Mounts", "NetworkMode", "PortBindings", "PublishAllPorts", "RestartPolicy")


class RequestRefused(Exception):
    """The engine is not asked for this. The text is for the learner."""


def spelled(asked: object, *names: str) -> None:
    """Raises Refused if a key is one of these names in another spelling, which the engine takes as well."""
    if not isinstance(asked, dict):
        raise RequestRefused("A request to the engine has to be made of objects.")
    folded = {name.casefold() for name in names}
    for key in asked:
        if key not in names and key.casefold() in folded:
            raise RequestRefused(f"A request to the engine may not spell a key as {key}.")


async def check(asked: dict[str, Any], place: Path, ours: Ours) -> None:
    """Raises Refused for a container that would get at more than its image and the workspace.

    asked: the body of the request, which is changed so that the container has no network. place: the folder
    that it may be given. ours: whether a volume or network of this name was made by the pipeline.
    """
    spelled(asked, "HostConfig", "NetworkingConfig", "Labels")
    host = asked["HostConfig"] = asked.get("HostConfig") or {}
    spelled(host, *HOST_OPTIONS, *HOST_MODES, *PATHS, *HOST_KEYS)
    wanted = [name for name in HOST_OPTIONS if host.get(name)]
    wanted += [name for name in PATHS if host.get(name) is not None]
    wanted += [name for name in HOST_MODES if host.get(name) not in (None, "", "private")]
    if wanted:
        raise RequestRefused(f"A pipeline's container may not have {', '.join(wanted)}.")
    if host.get("PortBindings") or host.get("PublishAllPorts"):
        raise RequestRefused(
            "A pipeline's container has no network here, so it cannot publish a port. Try the image from "
            "inside: `docker exec` in a running container, or `docker run IMAGE COMMAND`."
        )
    for entry in host.get("Mounts") or ():
        spelled(entry, "Type", "Source")
    sources = [str(entry).partition(":")[0] for entry in host.get("Binds") or ()]
    sources += [str(entry.get("Source", "")) for entry in host.get("Mounts") or ()
                if entry.get("Type") != "tmpfs"]  # fmt: skip
    for source in sources:
        inside = source.startswith("/") and Path(os.path.realpath(source)).is_relative_to(place)
        if not inside and (source.startswith("/") or not await ours("volumes", source)):
            raise RequestRefused(
                f"A pipeline's container may not be given {source or 'a volume without a name'}."
            )
    mode = str(host.get("NetworkMode") or "")
    if mode not in ("", "default", "bridge", "none", "nat"):
        if mode == "host" or ":" in mode or not await ours("networks", mode):
            raise RequestRefused(f"A pipeline's container may not use the network {mode}.")
    else:
        host["NetworkMode"] = "none"
        asked.pop("NetworkingConfig", None)
    host["RestartPolicy"] = {}
