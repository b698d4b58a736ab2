"""Containers, networks and volumes of one pipeline: which requests about them are allowed."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from checker.engine.connection import LABEL
from checker.engine.labels import PROCESS
from checker.pipelines.engine import containerrules
from checker.pipelines.engine.containerrules import RequestRefused
from checker.pipelines.engine.http11 import (
    Connect,
    EngineRequest,
    Incoming,
    Said,
    ask,
    json_listed,
    json_object,
)
from checker.pipelines.engine.imagenames import ImageNames

RUN = f"{LABEL}.pipeline"
"""On every container, network and volume that a pipeline made: the mark of its proxy."""


class OwnThings:
    """What one pipeline made besides images.

    mark: the value of its label. place: the folder whose contents containers may be given. commands: what containers
    were told to run. named: names that were given to containers.
    """

    def __init__(self, connect: Connect, mark: str, place: Path, images: ImageNames) -> None:
        self._connect = connect
        self.mark = mark
        self._place = place
        self._images = images
        self.commands: list[str] = []
        self.named: list[str] = []

    async def decide(
        self, request: EngineRequest, incoming: Incoming, parts: list[str]
    ) -> "bytes | Said | None":
        """Change a request about them to what may be asked: a body to send instead of its own, or an answer.

        parts: of its path. Raises RequestRefused.
        """
        kind, method = parts[1], request.method
        if len(parts) == 3 and parts[2] == "create" and method == "POST":
            asked = json_object(await incoming.body(request))
            if kind == "containers":
                await containerrules.check(asked, self._place, self._ours)
                self._started(asked, request.one("name"))
            elif kind == "networks":
                containerrules.spelled(asked, "Internal", "Labels")
                asked["Internal"] = True
            else:
                containerrules.spelled(asked, "Driver", "DriverOpts", "Labels")
                if asked.get("DriverOpts") or asked.get("Driver") not in (None, "", "local"):
                    raise RequestRefused("A volume of a pipeline is an ordinary one.")
            asked["Labels"] = {**(asked.get("Labels") or {}), RUN: self.mark, PROCESS: _process()}
            return json.dumps(asked).encode()
        if method == "GET" and parts[2:] in ([], ["json"]):
            filters = json_object(request.one("filters").encode())
            filters["label"] = [*json_listed(filters.get("label")), f"{RUN}={self.mark}"]
            request.query["filters"] = [json.dumps(filters)]
            return None
        if kind == "exec":
            return None  # its ID is nobody's to guess
        reference = request.one("container") if kind == "commit" else parts[2]
        if not await self._ours("containers" if kind == "commit" else kind, reference):
            said = f"There is none of the name {reference} among the {kind} that this run made."
            if method in ("GET", "HEAD"):
                return Said(404, {"message": said})  # `docker inspect` goes on to images then
            raise RequestRefused(said)
        if kind == "commit" and request.one("repo"):
            self._images.give(f"{request.one('repo')}:{request.one('tag') or 'latest'}")
        if parts[3:] == ["exec"]:
            asked = json_object(await incoming.body(request))
            containerrules.spelled(asked, "Privileged")
            if asked.get("Privileged"):
                raise RequestRefused("A pipeline's container gets no privileges.")
            self._started(asked, "")
            return json.dumps(asked).encode()
        if parts[3:] == ["start"]:
            # By an old version of the API, what it may be given could be changed here once more.
            await incoming.body(request)
            return b""
        if parts[3:] == ["update"]:
            raise RequestRefused("A pipeline's container stays as it was made.")
        return None

    async def _ours(self, kind: str, reference: str) -> bool:
        tail = "/json" if kind == "containers" else ""
        _, found = await ask(self._connect, "GET", f"/{kind}/{quote(reference)}{tail}")
        about = found if isinstance(found, dict) else {}
        labels = (about.get("Config") or about).get("Labels") or {}
        return bool(reference) and labels.get(RUN) == self.mark

    def _started(self, asked: Mapping[str, object], name: str) -> None:
        """Note what a container is told to run, and the name it gets."""
        words = (word for key in ("Entrypoint", "Cmd") for word in json_listed(asked.get(key)))
        self.commands.append(" ".join(map(str, words)))
        if name:
            self.named.append(name)


def _process() -> str:
    from checker.base.processes import process_identity

    return process_identity(os.getpid())
