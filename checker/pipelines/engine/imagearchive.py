"""The names in an archive as `docker save` makes it (Docker Image Specification v1.2; OCI image layout)."""

import io
import json
import posixpath
import tarfile
from typing import Any

from checker.pipelines.engine.containerrules import RequestRefused

INDEXES = ("manifest.json", "repositories", "index.json")
"""The files of an archive that name images, at its top."""
INDEX_LIMIT = 1024 * 1024
"""Bytes of one of them."""
NAMED_BY = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def names(archive: bytes) -> list[str]:
    """Return all names that loading it may give to images. Raises Refused for what cannot be told for
    sure."""
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as found:
            indexes = _indexes(found)
    except (tarfile.TarError, EOFError, OSError, ValueError, RecursionError) as error:
        raise RequestRefused("What is loaded is no archive of images that can be read.") from error
    try:
        return sorted(set(_named(indexes)))
    except (AttributeError, KeyError, TypeError) as error:
        raise RequestRefused(
            "The archive that is loaded names its images in a form that nobody knows."
        ) from error


def _indexes(archive: tarfile.TarFile) -> dict[str, Any]:
    indexes: dict[str, Any] = {}
    for entry in archive:
        name = posixpath.basename(posixpath.normpath(entry.name))
        if name not in INDEXES:
            continue
        # Below a link, or twice, it could stand for another one than the one that is read here.
        file = archive.extractfile(entry) if entry.isreg() and entry.size <= INDEX_LIMIT else None
        if name in indexes or entry.name.removeprefix("./") != name or file is None:
            raise RequestRefused(f"The archive that is loaded has a {name} where none belongs.")
        indexes[name] = json.loads(file.read())
    if not indexes:
        raise RequestRefused("What is loaded is no archive that `docker save` made.")
    return indexes


def _named(indexes: dict[str, Any]) -> list[str]:
    found = [name for image in indexes.get("manifest.json", ()) for name in image.get("RepoTags") or ()]
    for repository, tags in indexes.get("repositories", {}).items():
        found += [f"{repository}:{tag}" for tag in tags]
    for entry in indexes.get("index.json", {}).get("manifests", ()):
        annotations = entry.get("annotations") or {}
        # A bare tag is the name of an image in a file, and of none in an engine.
        found += [annotations[key] for key in NAMED_BY if ":" in annotations.get(key, "")]
    if not all(isinstance(name, str) for name in found):
        raise TypeError
    return found
