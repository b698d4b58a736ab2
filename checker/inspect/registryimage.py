"""An image as a registry stores it: manifest, configuration and layers (image-spec, manifest.md and config.md)."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from checker.base.errors import ContentFault
from checker.inspect.layerfiles import LayerFile, entries

INDEX_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
MANIFEST_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
MAX_MANIFEST = 4 * 1024 * 1024
MAX_LAYER = 1024 * 1024 * 1024
MAX_KEPT = 64 * 1024 * 1024


class Descriptor(msgspec.Struct, frozen=True):
    """What a manifest says of a blob: media type, digest, size in bytes (image-spec, descriptor.md)."""

    media_type: str
    digest: str
    size: int


class _NamedShape(msgspec.Struct):
    digest: str
    size: int = 0
    platform: dict[str, Any] | None = None
    annotations: dict[str, Any] | None = None


class IndexShape(msgspec.Struct):
    manifests: list[_NamedShape] | None = None


class _ManifestShape(msgspec.Struct):
    config: _NamedShape
    layers: list[_NamedShape]


class _SettingsShape(msgspec.Struct):
    Labels: dict[str, str] | None = None


class _FilesystemShape(msgspec.Struct):
    diff_ids: list[str] | None = None


class _DocumentShape(msgspec.Struct):
    config: _SettingsShape | None = None
    history: list[dict[str, Any]] | None = None
    rootfs: _FilesystemShape | None = None


GetBlob = Callable[[str, str, int], bytes]
"""A blob's bytes, verified, by its repository and digest. The third is the most bytes that are taken."""


class RegistryImage:
    """One image (one platform) as a registry stores it; bytes are fetched when asked for."""

    def __init__(self, blob: GetBlob, repository: str, digest: str, manifest: dict[str, Any]) -> None:
        require_shape(manifest, _ManifestShape)
        self._blob = blob
        self._config: dict[str, Any] | None = None
        self.repository = repository
        self.digest = digest
        self.media_type = str(manifest.get("mediaType", MANIFEST_TYPES[0]))
        self.config_digest = str(manifest["config"]["digest"])
        self.layers = tuple(
            Descriptor(str(entry.get("mediaType", "")), str(entry["digest"]), int(entry["size"]))
            for entry in manifest["layers"]
        )

    @property
    def size(self) -> int:
        """Bytes of all layers as stored (compressed)."""
        return sum(layer.size for layer in self.layers)

    @property
    def document(self) -> dict[str, Any]:
        """The whole image configuration (image-spec, config.md)."""
        if self._config is None:
            document = json_object(self._blob(self.repository, self.config_digest, MAX_MANIFEST))
            require_shape(document, _DocumentShape)
            self._config = document
        return self._config

    @property
    def config(self) -> dict[str, Any]:
        return self.document.get("config") or {}

    @property
    def labels(self) -> dict[str, str]:
        return self.config.get("Labels") or {}

    @property
    def history(self) -> list[dict[str, Any]]:
        return self.document.get("history") or []

    @property
    def created(self) -> str:
        return str(self.document.get("created", ""))

    @property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple((self.document.get("rootfs") or {}).get("diff_ids") or ())

    def files(self) -> Iterator[LayerFile]:
        """Every entry of every layer, bottom layer first, each layer verified by its digest."""
        kept = 0
        for number, layer in enumerate(self.layers):
            data = self._blob(self.repository, layer.digest, MAX_LAYER)
            for file in entries(number, data, MAX_KEPT - kept):
                kept += len(file.data)
                yield file


def json_object(data: bytes) -> dict[str, Any]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ContentFault("The registry holds a manifest or configuration that is no JSON.") from error
    return value if isinstance(value, dict) else {}


def require_shape(value: dict[str, Any], kind: type[msgspec.Struct]) -> None:
    """Anybody can push any JSON; what has not the shape it should have is told as such."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ContentFault(
            f"The registry holds a manifest or configuration that is no image's ({error})."
        ) from error
