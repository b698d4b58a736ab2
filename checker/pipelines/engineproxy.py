"""The engine as a pipeline gets to see it: its own containers and images, no network, and the lab's hub.

Whoever may ask an engine for everything owns the machine, so a pipeline asks this instead. It passes on what
builds, tags, pushes, pulls and runs (Docker Engine API 1.41), marks what is made so that it can be removed,
hides what others made, and says no to the rest. `docker.io` means the lab's hub here: a push or pull of
`user/app` goes there, whichever client asked for it.
"""

import asyncio
import contextlib
import json
import os
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import quote

from checker.engine import LABEL, Engine
from checker.pipelines import containerrules, enginehttp, engineleft, imagearchive
from checker.pipelines.containerrules import Refused
from checker.pipelines.enginehttp import Bad, Request, Said, answer, ask, json_listed, json_object, pulled
from checker.pipelines.registryauth import HEADER, readdressed
from checker.pipelines.relay import Reader, Writer, pass_on
from checker.reference import DEFAULT_REGISTRY, Digested, InvalidReference, Tagged, parse
from checker.stack.labels import PROCESS

RUN = f"{LABEL}.pipeline"
"""On every container, network and volume that a pipeline made: the mark of its proxy."""
HUB_NAMES = ("", "docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")
READ = re.compile(r"/(_ping|version|info|events|system/df|images/.+|networks|volumes)")


class EngineProxy:
    """Stands between a pipeline and the engine; `serve` is for `Relays.listen`.

    hub: `127.0.0.1:PORT` of the registry that is docker.io here. reach: addresses of the lab's other
    registries. place: the folder whose contents containers may be given. refused: what was said no to.
    pushes: the names that were asked to be pushed, whatever came of it.
    commands: what containers were told to run. named: names that were given to containers.
    """

    def __init__(self, engine: Engine, *, hub: str, place: Path, reach: tuple[str, ...] = ()) -> None:
        self._engine = engine
        self._hub = hub
        self._registries = {hub, *reach} - {""}
        self._place = place
        self.mark = secrets.token_hex(8)
        self.names: set[str] = set()
        # A name that somebody has given already is theirs again afterwards.
        self._before = engineleft.names(engine)
        self._builds = 0
        self.refused: list[str] = []
        self.pushes: list[str] = []
        self.commands: list[str] = []
        self.named: list[str] = []
        self._others: tuple[EngineProxy, ...] = ()

    def apart_from(self, others: "Iterable[EngineProxy]") -> None:
        """Hide the images that these others make, as if they were on other machines."""
        self._others = tuple(others)

    async def serve(self, reader: Reader, writer: Writer) -> None:
        """Answer one client until it is gone."""
        theirs = await self._connect()
        back = asyncio.create_task(pass_on(theirs[0], writer))
        try:
            while request := await enginehttp.read_head(reader):
                try:
                    body = await self._decide(request, reader)
                except Refused as no:
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
                    await enginehttp.pass_body(reader, theirs[1], request)
                if request.upgrades:
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

    async def _decide(self, request: Request, reader: Reader) -> "bytes | Said | None":
        """Change the request to what may be asked. A body to send instead of its own, or an answer.

        Raises Refused.
        """
        path, method = request.path, request.method
        if "session" in path.split("/")[1:2] or path == "/grpc":
            raise Refused("BuildKit is not offered here; `docker build` and `docker buildx build` work.")
        if path.endswith("/prune"):
            await enginehttp.read_body(reader, request)
            return Said(200, {"SpaceReclaimed": 0})
        if path == "/build" and method == "POST":
            self._build(request)
            return None
        if path == "/auth":
            return self._auth(await enginehttp.read_body(reader, request))
        parts = path.split("/")
        if parts[1] == "images":
            if parts[2:] == ["load"] and method == "POST":
                return await self._load(request, reader)
            return await self._image(request, "/".join(parts[2:]))
        if parts[1] in ("containers", "networks", "volumes", "exec", "commit"):
            return await self._thing(request, reader, parts)
        if method in ("GET", "HEAD") and READ.fullmatch(path):
            return None
        raise Refused(f"The lab's pipeline may not ask the engine for {method} {path}.")

    def _build(self, request: Request) -> None:
        if request.one("remote"):
            raise Refused("The source of a build comes from the checked-out files here, not from a URL.")
        if request.one("version") == "2":
            raise Refused("BuildKit is not offered here; leave DOCKER_BUILDKIT unset.")
        for name in request.query.get("t", ()):
            self._made(name)
        # A name of ours as well, so that an image that gets no other can be found and removed.
        self._builds += 1
        ours = f"{RUN}/{self.mark}:{self._builds}"
        self.names.add(ours)
        request.query["t"] = [*request.query.get("t", ()), ours]
        request.query["networkmode"] = ["none"]
        # A cached layer may be of another pipeline, which takes it away in the middle of this build.
        request.query["nocache"] = ["1"]
        request.query.pop("pull", None)  # base images are in the engine and nowhere else

    async def _load(self, request: Request, reader: Reader) -> bytes:
        """Take note of the names in an archive, which loading it gives away."""
        body = await enginehttp.read_body(reader, request, enginehttp.LONGEST_ARCHIVE)
        for name in await asyncio.to_thread(imagearchive.names, body):
            self._made(name)
        return body

    def _auth(self, body: bytes) -> bytes:
        asked = json_object(body)
        containerrules.spelled(asked, "serveraddress")
        server = str(asked.get("serveraddress", ""))
        asked["serveraddress"] = self._registry(server.removesuffix("/"), f"log in to {server or 'it'}")
        return json.dumps(asked).encode()

    async def _image(self, request: Request, rest: str) -> "bytes | Said | None":
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
            self._made(f"{request.one('repo')}:{request.one('tag') or 'latest'}")
            return None
        if rest == "create" and request.one("fromImage"):
            return await self._pull(request)
        raise Refused(f"The lab's pipeline may not ask the engine for {request.method} {request.path}.")

    async def _push(self, request: Request, name: str) -> None:
        """Give what is pushed the hub's name first, and push that."""
        asked = request.one("tag")
        self.pushes.append(f"{_short(name)}:{asked}" if asked else _short(name))
        there = self._mapped(name)
        if there == name:
            return
        tags = [asked] if asked else await self._tags(name)
        for tag in tags:
            path = f"/images/{quote(f'{name}:{tag}')}/tag?repo={quote(there)}&tag={quote(tag)}"
            status, _ = await ask(self._connect, "POST", path)
            if status == 201:
                self.names.add(f"{there}:{tag}")
        request.path = f"/images/{there}/push"
        request.headers = [
            (key, readdressed(value, there.partition("/")[0]) if key.lower() == HEADER else value)
            for key, value in request.headers
        ]

    async def _pull(self, request: Request) -> "Said | None":
        name, tag = request.one("fromImage"), request.one("tag")
        there = self._mapped(name)
        joined = f"{there}@{tag}" if ":" in tag else f"{there}:{tag or 'latest'}"
        if ":" not in tag:
            self.names.add(joined)
        if there == name:
            return None
        # Under the name that was asked for as well, once it is there: by a request of our own.
        auth = readdressed(request.header(HEADER), there.partition("/")[0])
        path = f"/images/create?fromImage={quote(there)}&tag={quote(tag)}"
        status, said = await pulled(self._connect, path, auth)
        if status != 200:
            return Said(status, {"message": said})
        if ":" not in tag:
            self.names.add(f"{name}:{tag or 'latest'}")
            path = f"/images/{quote(joined)}/tag?repo={quote(name)}&tag={quote(tag or 'latest')}"
            await ask(self._connect, "POST", path)
        return Said(200, {"status": f"Downloaded {name} from the lab's hub ({joined})"})

    def _hidden(self, name: str) -> bool:
        """Whether an image's name was given by another job, and not by this one."""
        try:
            reference = parse(name)
        except InvalidReference:
            return False
        shown = _familiar(reference)
        return shown not in self.names and any(shown in other.names for other in self._others)

    async def _tags(self, name: str) -> list[str]:
        name = _short(name)
        filters = quote(json.dumps({"reference": [name]}))
        _, found = await ask(self._connect, "GET", f"/images/json?filters={filters}")
        names = [tag for image in found or () for tag in image.get("RepoTags") or ()]
        return [tag.rpartition(":")[2] for tag in names if tag.rpartition(":")[0] == name]

    async def _remove_image(self, name: str) -> "Said | None":
        status, found = await ask(self._connect, "GET", f"/images/{quote(name)}/json")
        if status != 200:
            return None
        if not set(found.get("RepoTags") or ()) <= self.names:
            raise Refused(f"The image {name} was not made in this run, so it stays.")
        kept = {found.get("Id"), *(found.get("RepoTags") or ())} & {*self._before, *self._before.values()}
        return Said(200, [{"Untagged": name}]) if kept else None

    async def _thing(self, request: Request, reader: Reader, parts: list[str]) -> "bytes | Said | None":
        """Requests about containers, networks, volumes: those that this pipeline made."""
        kind, method = parts[1], request.method
        if len(parts) == 3 and parts[2] == "create" and method == "POST":
            asked = json_object(await enginehttp.read_body(reader, request))
            if kind == "containers":
                await containerrules.check(asked, self._place, self._ours)
                self._started(asked, request.one("name"))
            elif kind == "networks":
                containerrules.spelled(asked, "Internal", "Labels")
                asked["Internal"] = True
            else:
                containerrules.spelled(asked, "Driver", "DriverOpts", "Labels")
                if asked.get("DriverOpts") or asked.get("Driver") not in (None, "", "local"):
                    raise Refused("A volume of a pipeline is an ordinary one.")
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
            raise Refused(said)
        if kind == "commit" and request.one("repo"):
            self._made(f"{request.one('repo')}:{request.one('tag') or 'latest'}")
        if parts[3:] == ["exec"]:
            asked = json_object(await enginehttp.read_body(reader, request))
            containerrules.spelled(asked, "Privileged")
            if asked.get("Privileged"):
                raise Refused("A pipeline's container gets no privileges.")
            self._started(asked, "")
            return json.dumps(asked).encode()
        if parts[3:] == ["start"]:
            # By an old version of the API, what it may be given could be changed here once more.
            await enginehttp.read_body(reader, request)
            return b""
        if parts[3:] == ["update"]:
            raise Refused("A pipeline's container stays as it was made.")
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

    def _made(self, name: str) -> None:
        """Note an image's name that is being given."""
        try:
            reference = parse(name)
        except InvalidReference:
            return  # the engine will say so
        if isinstance(reference, Tagged):
            if f"{LABEL}/" in f"{reference.repository.path}/":
                raise Refused(f"The name {name} is one of the lab's own images.")
            self.names.add(_familiar(reference))

    def _mapped(self, name: str) -> str:
        """Where the image of this name is in the lab."""
        try:
            reference = parse(name)
        except InvalidReference:
            return name
        registry = self._registry(reference.repository.registry, f"use the registry of {name}")
        if registry == reference.repository.registry:
            return name
        return f"{registry}/{reference.repository.path}"

    def _registry(self, name: str, doing: str) -> str:
        if name in HUB_NAMES or f"{name}/" in HUB_NAMES:
            if not self._hub:
                raise Refused(f"There is no Docker Hub here, so one cannot {doing}.")
            return self._hub
        bare = name.removeprefix("http://").removeprefix("https://")
        if bare not in self._registries:
            raise Refused(f"{bare} cannot be reached from the lab: docker.io is the registry here.")
        return bare

    def images(self) -> dict[str, str]:
        """The names that the pipeline has given, each with the ID of the image that has it now."""
        found = engineleft.names(self._engine)
        return {name: found[name] for name in sorted(self.names) if name in found}

    def clean_up(self) -> None:
        """Remove everything that the pipeline made in the engine."""
        engineleft.remove(self._engine, f"{RUN}={self.mark}", self.names, self._before)


def _process() -> str:
    from checker.processes import process_identity

    return process_identity(os.getpid())


def _familiar(reference: Tagged | Digested) -> str:
    """The name as the engine shows it."""
    return _short(str(reference))


def _short(name: str) -> str:
    shown = name.removeprefix(f"{DEFAULT_REGISTRY}/")
    return shown.removeprefix("library/") if shown != name else shown
