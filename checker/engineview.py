"""The engine's images as checks see them."""

import fnmatch
from typing import Any

import msgspec

from checker.engine import Engine, engine_calls


class LocalImage(msgspec.Struct, frozen=True):
    """An image in the engine. size: bytes unpacked. layers: its diff ids, bottom first."""

    id: str
    tags: list[str]
    size: int
    labels: dict[str, str]
    layers: tuple[str, ...]
    created: str
    config: dict[str, Any]


class EngineView:
    """The engine as checks see it: images by name or ID, asked for at most once each."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._images: dict[str, LocalImage | None] = {}
        self._ids: dict[str, str] | None = None

    def image(self, reference: str) -> LocalImage | None:
        """The image called so (name, name@digest or ID); None if the engine has none."""
        import docker.errors

        if reference not in self._images:
            try:
                with engine_calls():
                    found = self._engine.client.api.inspect_image(reference)  # type: ignore[no-untyped-call]
            except docker.errors.APIError:
                self._images[reference] = None
            else:
                config = found.get("Config") or {}
                self._images[reference] = LocalImage(
                    id=found["Id"],
                    tags=found.get("RepoTags") or [],
                    size=int(found.get("Size", 0)),
                    labels=config.get("Labels") or {},
                    layers=tuple((found.get("RootFS") or {}).get("Layers") or ()),
                    created=str(found.get("Created", "")),
                    config=config,
                )
        return self._images[reference]

    def names(self, pattern: str = "*") -> list[str]:
        """All `repository:tag` names in the engine that match an fnmatch pattern, sorted."""
        return sorted(self.ids(pattern))

    def ids(self, pattern: str = "*") -> dict[str, str]:
        """The image ID behind each name that matches, all from one request."""
        if self._ids is None:
            with engine_calls():
                images = self._engine.client.api.images()
            self._ids = {name: image["Id"] for image in images for name in image.get("RepoTags") or ()}
        return {name: key for name, key in self._ids.items() if fnmatch.fnmatchcase(name, pattern)}
