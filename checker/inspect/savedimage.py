"""An image as `docker save` writes it: an archive with `manifest.json`, which names the archives of the layers."""

import json
import tarfile
from typing import IO


def unpacked(file: IO[bytes]) -> int:
    """Return how many bytes the files of all layers of the first image have. Raises tarfile.TarError, KeyError."""
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None, "docker save writes it as a plain file"
        layers = json.load(manifest)[0]["Layers"]
        return sum(_files(archive, name) for name in layers)


def _files(archive: tarfile.TarFile, name: str) -> int:
    """Return the bytes of the files of a layer, which is compressed where the engine keeps it as it was
    pulled."""
    data = archive.extractfile(name)
    assert data is not None, f"{name} is a layer's archive"
    with tarfile.open(fileobj=data, mode="r:*") as layer:
        return sum(member.size for member in layer if member.isreg())
