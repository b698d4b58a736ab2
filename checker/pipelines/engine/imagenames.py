"""Which image a name means inside a pipeline, and which names the pipeline gave.

`docker.io` means the lab's hub there: `user/app` is an image of it, whichever client names it.
"""

from collections.abc import Iterable

from checker.engine.connection import LABEL
from checker.inspect.reference import DEFAULT_REGISTRY, Digested, InvalidReference, Tagged, parse
from checker.pipelines.engine.containerrules import RequestRefused

HUB_NAMES = ("", "docker.io", "index.docker.io", "registry-1.docker.io", "https://index.docker.io/v1/")


class ImageNames:
    """The names of one pipeline. given: those it gave, as the engine shows them.

    hub: `127.0.0.1:PORT` of the registry that is docker.io here; empty without one. reach: other registries.
    """

    def __init__(self, hub: str, reach: Iterable[str]) -> None:
        self._hub = hub
        self._registries = {hub, *reach} - {""}
        self.given: set[str] = set()

    def give(self, name: str) -> None:
        """Note a name that is being given. Raises RequestRefused for one of the lab's own."""
        try:
            reference = parse(name)
        except InvalidReference:
            return  # the engine will say so
        if isinstance(reference, Tagged):
            if f"{LABEL}/" in f"{reference.repository.path}/":
                raise RequestRefused(f"The name {name} is one of the lab's own images.")
            self.given.add(familiar(reference))

    def in_the_lab(self, name: str) -> str:
        """Return where the image of this name is in the lab. Raises RequestRefused where that is nowhere."""
        try:
            reference = parse(name)
        except InvalidReference:
            return name
        registry = self.registry(reference.repository.registry, f"use the registry of {name}")
        if registry == reference.repository.registry:
            return name
        return f"{registry}/{reference.repository.path}"

    def registry(self, name: str, doing: str) -> str:
        """Return the address a registry's name stands for. doing: what is wanted, for people. Raises RequestRefused."""
        if name in HUB_NAMES or f"{name}/" in HUB_NAMES:
            if not self._hub:
                raise RequestRefused(f"There is no Docker Hub here, so one cannot {doing}.")
            return self._hub
        bare = name.removeprefix("http://").removeprefix("https://")
        if bare not in self._registries:
            raise RequestRefused(f"{bare} cannot be reached from the lab: docker.io is the registry here.")
        return bare

    def has(self, name: str) -> bool:
        """Return whether this pipeline gave the name."""
        try:
            return familiar(parse(name)) in self.given
        except InvalidReference:
            return False


def familiar(reference: Tagged | Digested) -> str:
    """Return the name as the engine shows it."""
    return short(str(reference))


def short(name: str) -> str:
    """Return the name without what goes without saying: the registry docker.io, and `library/` there."""
    shown = name.removeprefix(f"{DEFAULT_REGISTRY}/")
    return shown.removeprefix("library/") if shown != name else shown
