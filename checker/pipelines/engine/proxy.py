"""The engine as a pipeline gets to see it: its own containers and images, no network, and the lab's hub.

Whoever may ask an engine for everything owns the machine, so a pipeline asks this instead. It passes on what
builds, tags, pushes, pulls and runs (Docker Engine API 1.41), marks what is made so that it can be removed,
hides what others made, and says no to the rest. `docker.io` means the lab's hub here: a push or pull of
`user/app` goes there, whichever client asked for it.
"""

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from checker.engine.connection import Engine
from checker.pipelines.engine import containerrules, http11, imagearchive, leftovers
from checker.pipelines.engine.containerrules import RequestRefused
from checker.pipelines.engine.http11 import (
    Bad,
    EngineRequest,
    Incoming,
    Said,
    answer,
    ask,
    json_object,
    pulled,
)
from checker.pipelines.engine.imagenames import ImageNames, short
from checker.pipelines.engine.ownthings import RUN, OwnThings
from checker.pipelines.engine.registryauth import HEADER, readdressed
from checker.sandbox.relay import Reader, Writer, pass_on

READ = re.compile(r"/(_ping|version|info|events|system/df|images/.+|networks|volumes)")


class EngineProxy:
    """Stands between a pipeline and the engine; `serve` is for `Relays.listen`.

    hub: `127.0.0.1:PORT` of the registry that is docker.io here. reach: addresses of the lab's other
    registries. place: the folder whose contents containers may be given. refused: what was said no to.
    pushes: the names that were asked to be pushed, whatever came of it.
    """

    def __init__(self, engine: Engine, *, hub: str, place: Path, reach: tuple[str, ...] = ()) -> None:
        self._engine = engine
        self._images = ImageNames(hub, reach)
        self.mark = secrets.token_hex(8)
        self._things = OwnThings(self._connect, self.mark, place, self._images)
        # A name that somebody has given already is theirs again afterwards.
        self._before = leftovers.names(engine)
        self._builds = 0
        self.refused: list[str] = []
        self.pushes: list[str] = []
        self._others: tuple[EngineProxy, ...] = ()

    def apart_from(self, others: "Iterable[EngineProxy]") -> None:
        """Hide the images that these others make, as if they were on other machines."""
        self._others = tuple(others)

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """Answer one client until it is gone."""
        theirs = await self._connect()
        back = asyncio.create_task(pass_on(theirs[0], writer))
        try:
            incoming = Incoming(reader)
            while request := await incoming.next():
                try:
                    body = await self._decide(request, incoming)
                except RequestRefused as no:
                    self.refused.append(str(no))
                    writer.write(answer(403, {"message": str(no)}))
                    await writer.drain()
                    return  # a body that nobody read may be on its way
                if isinstance(body, Said):
                    writer.write(body.data)
                    await writer.drain()
                    continue
                theirs[1].write(request.head(body))
                if body is not None:
                    theirs[1].write(body)
                    await theirs[1].drain()
                else:
                    await incoming.pass_body(request, theirs[1])
                if request.upgrades:
                    theirs[1].write(incoming.rest())
                    await asyncio.gather(pass_on(reader, theirs[1]), back)
                    return
        except Bad as bad:
            writer.write(answer(400, {"message": f"The request cannot be passed on: {bad}."}))
        finally:
            if not back.done():
                with contextlib.suppress(TimeoutError, OSError):
                    theirs[1].write_eof() if theirs[1].can_write_eof() else None
                    await asyncio.wait_for(back, 0.05)
            back.cancel()
            theirs[1].close()

    async def _connect(self) -> tuple[Reader, Writer]:
        scheme, _, where = self._engine.docker_host.partition("://")
        if scheme == "unix":
            return await asyncio.open_unix_connection(where)
        host, _, port = where.rpartition(":")
        return await asyncio.open_connection(host, int(port))

    async def _decide(self, request: EngineRequest, incoming: Incoming) -> "bytes | Said | None":
        """Change the request to what may be asked. A body to send instead of its own, or an answer.

        Raises Refused.
        """
        path, method = request.path, request.method
        if "session" in path.split("/")[1:2] or path == "/grpc":
            raise RequestRefused(
                "BuildKit is not offered here; `docker build` and `docker buildx build` work."
            )
        if path.endswith("/prune"):
            await incoming.body(request)
            return Said(200, {"SpaceReclaimed": 0})
        if path == "/build" and method == "POST":
            self._build(request)
            return None
        if path == "/auth":
            return self._auth(await incoming.body(request))
        parts = path.split("/")
        if parts[1] == "images":
            if parts[2:] == ["load"] and method == "POST":
                return await self._load(request, incoming)
            return await self._image(request, "/".join(parts[2:]))
        if parts[1] in ("containers", "networks", "volumes", "exec", "commit"):
            return await self._things.decide(request, incoming, parts)
        if method in ("GET", "HEAD") and READ.fullmatch(path):
            return None
        raise RequestRefused(f"The lab's pipeline may not ask the engine for {method} {path}.")

    def _build(self, request: EngineRequest) -> None:
        if request.one("remote"):
            raise RequestRefused(
                "The source of a build comes from the checked-out files here, not from a URL."
            )
        if request.one("version") == "2":
            raise RequestRefused("BuildKit is not offered here; leave DOCKER_BUILDKIT unset.")
        for name in request.query.get("t", ()):
            self._images.give(name)
        # A name of ours as well, so that an image that gets no other can be found and removed.
        self._builds += 1
        ours = f"{RUN}/{self.mark}:{self._builds}"
        self._images.given.add(ours)
        request.query["t"] = [*request.query.get("t", ()), ours]
        request.query["networkmode"] = ["none"]
        # A cached layer may be of another pipeline, which takes it away in the middle of this build.
        request.query["nocache"] = ["1"]
        request.query.pop("pull", None)  # base images are in the engine and nowhere else

    async def _load(self, request: EngineRequest, incoming: Incoming) -> bytes:
        """Take note of the names in an archive, which loading it gives away."""
        body = await incoming.body(request, http11.LONGEST_ARCHIVE)
        for name in await asyncio.to_thread(imagearchive.names, body):
            self._images.give(name)
        return body

    def _auth(self, body: bytes) -> bytes:
        asked = json_object(body)
        containerrules.spelled(asked, "serveraddress")
        server = str(asked.get("serveraddress", ""))
        asked["serveraddress"] = self._images.registry(
            server.removesuffix("/"), f"log in to {server or 'it'}"
        )
        return json.dumps(asked).encode()

    async def _image(self, request: EngineRequest, rest: str) -> "bytes | Said | None":
        name, _, verb = rest.rpartition("/")
        if self._hidden(name if verb in ("json", "get", "push", "tag", "history") else rest):
            return Said(404, {"message": f"No such image: {name}"})
        if request.method in ("GET", "HEAD"):
            return None
        if request.method == "DELETE":
            return await self._remove_image(rest)
        if verb == "push":
            await self._push(request, name)
            return None
        if verb == "tag":
            self._images.give(f"{request.one('repo')}:{request.one('tag') or 'latest'}")
            return None
        if rest == "create" and request.one("fromImage"):
            return await self._pull(request)
        raise RequestRefused(
            f"The lab's pipeline may not ask the engine for {request.method} {request.path}."
        )

    async def _push(self, request: EngineRequest, name: str) -> None:
        """Give what is pushed the hub's name first, and push that."""
        asked = request.one("tag")
        self.pushes.append(f"{short(name)}:{asked}" if asked else short(name))
        there = self._images.in_the_lab(name)
        if there == name:
            return
        tags = [asked] if asked else await self._tags(name)
        for tag in tags:
            path = f"/images/{quote(f'{name}:{tag}')}/tag?repo={quote(there)}&tag={quote(tag)}"
            status, _ = await ask(self._connect, "POST", path)
            if status == 201:
                self._images.given.add(f"{there}:{tag}")
        request.path = f"/images/{there}/push"
        request.headers = [
            (key, readdressed(value, there.partition("/")[0]) if key.lower() == HEADER else value)
            for key, value in request.headers
        ]

    async def _pull(self, request: EngineRequest) -> "Said | None":
        name, tag = request.one("fromImage"), request.one("tag")
        there = self._images.in_the_lab(name)
        joined = f"{there}@{tag}" if ":" in tag else f"{there}:{tag or 'latest'}"
        if ":" not in tag:
            self._images.given.add(joined)
        if there == name:
            return None
        # Under the name that was asked for as well, once it is there: by a request of our own.
        auth = readdressed(request.header(HEADER), there.partition("/")[0])
        path = f"/images/create?fromImage={quote(there)}&tag={quote(tag)}"
        status, said = await pulled(self._connect, path, auth)
        if status != 200:
            return Said(status, {"message": said})
        if ":" not in tag:
            self._images.given.add(f"{name}:{tag or 'latest'}")
            path = f"/images/{quote(joined)}/tag?repo={quote(name)}&tag={quote(tag or 'latest')}"
            await ask(self._connect, "POST", path)
        return Said(200, {"status": f"Downloaded {name} from the lab's hub ({joined})"})

    def _hidden(self, name: str) -> bool:
        """Return whether an image's name was given by another job, and not by this one."""
        return not self._images.has(name) and any(other._images.has(name) for other in self._others)

    async def _tags(self, name: str) -> list[str]:
        name = short(name)
        filters = quote(json.dumps({"reference": [name]}))
        _, found = await ask(self._connect, "GET", f"/images/json?filters={filters}")
        names = [tag for image in found or () for tag in image.get("RepoTags") or ()]
        return [tag.rpartition(":")[2] for tag in names if tag.rpartition(":")[0] == name]

    async def _remove_image(self, name: str) -> "Said | None":
        status, found = await ask(self._connect, "GET", f"/images/{quote(name)}/json")
        if status != 200:
            return None
        if not set(found.get("RepoTags") or ()) <= self.names:
            raise RequestRefused(f"The image {name} was not made in this run, so it stays.")
        kept = {found.get("Id"), *(found.get("RepoTags") or ())} & {*self._before, *self._before.values()}
        return Said(200, [{"Untagged": name}]) if kept else None

    @property
    def commands(self) -> list[str]:
        """What containers were told to run."""
        return self._things.commands

    @property
    def named(self) -> list[str]:
        """Names that were given to containers."""
        return self._things.named

    @property
    def names(self) -> set[str]:
        """The names that the pipeline gave to images."""
        return self._images.given

    def images(self) -> dict[str, str]:
        """Return the names that the pipeline has given, each with the ID of the image that has it now."""
        found = leftovers.names(self._engine)
        return {name: found[name] for name in sorted(self.names) if name in found}

    def clean_up(self) -> None:
        """Remove everything that the pipeline made in the engine."""
        leftovers.remove(self._engine, f"{RUN}={self.mark}", self.names, self._before)
