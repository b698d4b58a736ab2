"""What a Compose file says once it is read as `docker compose` reads it: variables filled in, `extends` and `include`
followed, documents merged.

The rules are the Compose specification's (github.com/compose-spec/compose-spec: 12-interpolation.md, "extends" in
05-services.md, 14-include.md). Nothing is started, and no `docker compose` is needed.
"""

import copy
import posixpath
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from composevariables import Unfilled, fill, read_env

DEEPEST = 20
"""Files and services that may lead to one another; more is a circle."""
MOST = 50_000
"""Values of a file, those behind aliases counted each time: a short file may stand for billions."""

Source = Callable[[str], str | None]
"""Returns the text of a file by its path in the workspace; None if there is none."""


VARIABLES = "Write `$NAME` or `${NAME}`, and let NAME be a variable of the lab or stand in a file .env beside the file."
LAYOUT = "Look at the indentation: two spaces for each level, and a colon after each key."


class Unreadable(Exception):
    """`docker compose` does not take the file. The text says why, as the end of a sentence; `advice` what to do."""

    def __init__(self, why: str, advice: str = LAYOUT) -> None:
        super().__init__(why)
        self.advice = advice


class Compose(msgspec.Struct, frozen=True):
    """services: by their names, as they would be run. unset: variables that are used but set nowhere."""

    services: dict[str, dict[str, Any]]
    unset: tuple[str, ...]

    def images(self) -> dict[str, str]:
        """Return the image of each service that has one."""
        return {name: service["image"] for name, service in self.services.items() if service.get("image")}


def read(source: Source, path: str, environment: Mapping[str, str]) -> Compose:
    """Read the Compose file `path` of a workspace, which has to be there. Raises Unreadable.

    environment: the variables of whoever runs `docker compose`. They win over a file `.env` beside the Compose file,
    and that wins over one in the workspace, which only newer releases read when they are started there.
    """
    known = dict(environment)
    for name in dict.fromkeys((posixpath.join(posixpath.dirname(path), ".env"), ".env")):
        known = read_env(source(name) or "", known) | known
    reader = _Reader(source, known)
    services = reader.services(path, DEEPEST)
    for name, service in services.items():
        if not isinstance(service.get("image", ""), str):
            raise Unreadable(f"the image of the service {name} is no text")
    return Compose(services, tuple(dict.fromkeys(reader.unset)))


class _Reader:
    def __init__(self, source: Source, environment: Mapping[str, str]) -> None:
        self._source, self._environment = source, environment
        self._left = MOST
        self.unset: list[str] = []

    def services(self, place: str, depth: int) -> dict[str, dict[str, Any]]:
        """Return all services of a file: those it includes, then its own."""
        document = self._document(place, depth)
        found: dict[str, dict[str, Any]] = {}
        for entry in _listed(document.get("include")):
            for path in _listed(entry.get("path") if isinstance(entry, dict) else entry):
                found |= self.services(_beside(place, path), depth - 1)
        own = document.get("services")
        if own is None and found:
            return found
        if not isinstance(own, dict):
            raise Unreadable("there is no key services with named services below it")
        return found | {str(name): self._service(place, own, str(name), depth) for name in own}

    def _service(self, place: str, services: dict[Any, Any], name: str, depth: int) -> dict[str, Any]:
        """Return a service, laid over the one it extends."""
        if depth < 0:
            raise Unreadable(f"the service {name} extends itself in the end")
        named = {str(key): value for key, value in services.items()}
        if name not in named:
            raise Unreadable(f"there is no service {name} to extend")
        service = named[name]
        if not isinstance(service, dict):
            raise Unreadable(f"the service {name} has no keys")
        if service.get("extends") is None:
            return service
        extends = service["extends"]
        wanted = extends if isinstance(extends, dict) else {"service": extends}
        if "service" not in wanted:
            raise Unreadable(f"what the service {name} extends has no name")
        if "file" in wanted:
            place = _beside(place, wanted["file"])
            others = self._document(place, depth - 1).get("services")
            services = others if isinstance(others, dict) else {}
        base = self._service(place, services, str(wanted["service"]), depth - 1)
        return _merged(base, {key: value for key, value in service.items() if key != "extends"})

    def _document(self, place: str, depth: int) -> dict[str, Any]:
        """Return the content of a file with its variables filled in; of several documents the later ones win."""
        import yaml

        if depth < 0:
            raise Unreadable("its files include each other")
        text = self._source(place)
        if text is None:
            raise Unreadable(f"there is no file {place} in the workspace")
        whole: dict[str, Any] = {}
        try:
            documents = list(yaml.load_all(text.removeprefix("\ufeff"), Loader=_loader()))
        except Exception as error:  # PyYAML lets KeyError, AttributeError and more out for a wrong `!!tag`
            raise Unreadable(" ".join(str(error).split())[:160]) from error
        for document in documents:
            if not isinstance(document, dict | None):
                raise Unreadable("there is no key services with named services below it")
            try:
                whole = _merged(whole, self._filled(document or {}))
            except RecursionError as error:
                raise Unreadable("something in it holds itself") from error
        return whole

    def _filled(self, value: Any) -> Any:
        """Fill variables into all texts; the names of keys have none."""
        self._left -= 1
        if self._left < 0:
            raise Unreadable(f"it has more than {MOST} values")
        if isinstance(value, dict):
            return {key: self._filled(entry) for key, entry in value.items()}
        if isinstance(value, list):
            return [self._filled(entry) for entry in value]
        if not isinstance(value, str):
            return value
        try:
            return fill(value, self._environment, self.unset.append)
        except Unfilled as error:
            raise Unreadable(str(error), VARIABLES) from error


def _beside(place: str, path: object) -> str:
    """Return the path that a file names, seen from the folder it lies in."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), str(path)))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Lay one mapping over another, key by key. Lists are replaced: none is read that Compose would join."""
    whole = copy.copy(below)
    for key, value in above.items():
        under = below.get(key)
        whole[key] = _merged(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return whole


def _loader() -> type:
    """YAML as Compose reads it: no key twice, and the tags `!reset` and `!override`."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_mapping_node(self, anchor: Any) -> Any:
            node = super().compose_mapping_node(anchor)
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            if twice := next((key for key in keys if keys.count(key) > 1), None):
                raise yaml.MarkedYAMLError(problem=f"a key twice, {twice}", problem_mark=node.start_mark)
            return node

        def override(self, node: Any) -> Any:
            kind = {yaml.MappingNode: "map", yaml.SequenceNode: "seq"}.get(type(node), "str")
            return self.construct_object(type(node)(f"tag:yaml.org,2002:{kind}", node.value), deep=True)

    Loader.add_constructor("!reset", lambda *_: None)
    Loader.add_constructor("!override", Loader.override)
    return Loader
