"""The environment of a run's jobs: stand-ins for actions, and for each job an engine and a docker configuration."""

import contextlib
import json
import shlex
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

from checker.base.pace import scaled
from checker.engine.connection import Engine
from checker.pipelines.engine.proxy import EngineProxy
from checker.pipelines.github import standins
from checker.pipelines.github.workflowfile import Job, Workflow
from checker.programs import tools
from checker.sandbox import box as sandbox
from checker.sandbox.relay import Relays

PROGRAMS = ("trivy",)


SETTLE = 2.0
"""Seconds in which what is left of a run that was cut off is looked for again and again."""
POLL = 0.2


class Note(msgspec.Struct, frozen=True):
    """What a stand-in had to say. about: the rest, by name."""

    kind: str
    action: str
    job: str
    about: Mapping[str, object] = {}


class RunHub(msgspec.Struct, frozen=True):
    """The registry that is docker.io in a run. reach: addresses that steps reach themselves."""

    address: str
    reach: tuple[str, ...] = ()


class WorkflowPlace:
    """The surroundings of one run, and their end with all it made. cut_off: by the time limit."""

    def __init__(
        self, engine: Engine, place: Path, workflow: Workflow, hub: RunHub, source: Path, name: str
    ) -> None:
        self._place = place
        self._folder = place / "standins"
        self._folder.mkdir()
        config: dict[str, object] = {"hub": hub.address, "source": str(source), "repository": name}
        config["no_security_events"] = [job.name for job in workflow.jobs if not _may_upload(workflow, job)]
        self.actions = standins.lay_out(self._folder, config)
        self.path = tools.search_path(PROGRAMS, sandbox.clean(place / "home")["PATH"])
        self._proxies: dict[str, EngineProxy] = {}
        self.images: dict[str, str] = {}
        self.cut_off = False
        self.surroundings: dict[str, dict[str, str]] = {}
        common = _trivy(place / "trivy")
        for number, job in enumerate(workflow.jobs):
            docker = place / "docker" / str(number)
            _plugin(docker, self._folder / standins.CONFIG)
            self._proxies[job.name] = EngineProxy(engine, hub=hub.address, place=place, reach=hub.reach)
            self.surroundings[job.name] = {
                "DOCKER_HOST": f"unix://{place}/{number}.sock",
                "DOCKER_CONFIG": str(docker),
                "DOCKER_BUILDKIT": "0",
                "DOCKER_CLI_HINTS": "false",
                **common,
            }
        for proxy in self._proxies.values():
            proxy.apart_from(other for other in self._proxies.values() if other is not proxy)

    def __enter__(self) -> "WorkflowPlace":
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._proxies.values():
            self.images |= proxy.images()
        # The engine may finish a build whose client was ended, and name the image then.
        deadline = time.monotonic() + (scaled(SETTLE) if self.cut_off else 0)
        while True:
            for proxy in self._proxies.values():
                proxy.clean_up()
            if time.monotonic() >= deadline:
                break
            time.sleep(POLL)

    def serve(self, relays: Relays) -> None:
        for number, proxy in enumerate(self._proxies.values()):
            relays.listen(self._place / f"{number}.sock", proxy.serve)

    @property
    def pushes(self) -> list[str]:
        return [name for proxy in self._proxies.values() for name in proxy.pushes]

    @property
    def refused(self) -> list[str]:
        return [said for proxy in self._proxies.values() for said in proxy.refused]

    def uploads(self) -> tuple[bytes, ...]:
        return tuple(path.read_bytes() for path in sorted((self._folder / standins.UPLOADS).glob("*.sarif")))

    def notes(self) -> tuple[Note, ...]:
        found = []
        with contextlib.suppress(OSError):
            for line in (self._folder / standins.NOTES).read_text("utf-8", "replace").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    about = json.loads(line)
                    found.append(Note(about.pop("kind"), about.pop("action"), about.pop("job"), about))
        return tuple(found)


def _may_upload(workflow: Workflow, job: Job) -> bool:
    """Return whether a job's token can write code scanning results.

    What a job says replaces what the file says. Where neither says anything, the token has what the
    repository's settings allow, and in a new repository that is reading only.
    """
    said = workflow.permissions if job.permissions is None else job.permissions
    return said is not None and said.get("security-events", said.get("*")) == "write"


def _trivy(cache: Path) -> dict[str, str]:
    """Return the environment in which Trivy works offline, with the lab's database; none if there is no
    Trivy."""
    if tools.missing(["trivy"]):
        return {}
    from checker.scanning import trivy

    return dict(trivy.environment(cache))


def _plugin(docker: Path, config: Path) -> None:
    """Make `docker buildx` work for whoever has this folder as DOCKER_CONFIG."""
    plugin = docker / "cli-plugins" / "docker-buildx"
    plugin.parent.mkdir(parents=True)
    command = [sys.executable, "-I", "-S", str(standins.SCRIPTS / "main.py"), "buildx", str(config)]
    plugin.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n', encoding="utf-8")
    plugin.chmod(0o755)
