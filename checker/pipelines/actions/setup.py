"""docker/setup-qemu-action and docker/setup-buildx-action: only the kind of builder makes a difference."""

import json
import os
from pathlib import Path

from .common import ActionTask, Failed, ask, say

BUILDER = "registry-lab-builder.json"


def run(task: ActionTask) -> None:
    platform = f"linux/{ask('docker', 'version', '--format', '{{.Server.Arch}}')}"
    if task.name.endswith("setup-qemu-action"):
        task.output("platforms", platform)
        say(f"This machine builds for {platform}.")
        return
    driver = task.text("driver") or "docker-container"
    if driver not in ("docker", "docker-container"):
        raise Failed(f"The driver {driver} is not offered here.")
    name = task.text("name") or "builder"
    # With a builder in a container an image is in the engine only if `load` asks for that.
    Path(os.environ["DOCKER_CONFIG"], BUILDER).write_text(json.dumps({"driver": driver}), encoding="utf-8")
    for key, value in {"name": name, "driver": driver, "platforms": platform, "status": "running"}.items():
        task.output(key, value)
    say(f"The builder {name} has the driver {driver}.")


def driver() -> str:
    """Return the driver of the builder that was set up; `docker` without any."""
    try:
        found = json.loads(Path(os.environ["DOCKER_CONFIG"], BUILDER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "docker"
    return str(found.get("driver", "docker"))
