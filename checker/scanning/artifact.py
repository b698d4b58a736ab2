"""The advisory database as an artifact in a registry, as Trivy fetches it, laid out in the registry's storage.

OCI image manifest (image-spec 1.1, "Guidelines for Artifact Usage"): the empty descriptor as config, and one layer
of the media type that Trivy asks for. The files are those of CNCF Distribution's storage driver for file systems
(distribution/registry/storage/paths.go), so that a registry has the artifact from its first moment.
"""

import hashlib
import json
from functools import lru_cache
from typing import Any

from checker.scanning import database

REPOSITORY, TAG = "trivy-db", str(database.SCHEMA)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
CONFIG = "application/vnd.aquasec.trivy.config.v1+json"
LAYER = "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip"
ROOT = "/var/lib/registry/docker/registry/v2"


@lru_cache(maxsize=1)
def stored() -> dict[str, bytes]:
    """Path in a registry's container -> content, of everything that makes the artifact. Raises BrokenLab."""
    archive = database.own().archive
    empty = b"{}"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": CONFIG,
            "config": _descriptor(EMPTY, empty),
            "layers": [
                _descriptor(LAYER, archive) | {"annotations": {"org.opencontainers.image.title": "db.tar.gz"}}
            ],
            "annotations": {"org.opencontainers.image.title": "The advisories of registry-lab, a subset"},
        },
        indent=2,
    ).encode()
    files: dict[str, bytes] = {}
    home = f"{ROOT}/repositories/{REPOSITORY}"
    for blob in (empty, archive):
        files[f"{home}/_layers/{_linked(blob)}/link"] = _digest(blob).encode()
    for place in ("revisions", f"tags/{TAG}/index"):
        files[f"{home}/_manifests/{place}/{_linked(manifest)}/link"] = _digest(manifest).encode()
    files[f"{home}/_manifests/tags/{TAG}/current/link"] = _digest(manifest).encode()
    for blob in (empty, archive, manifest):
        encoded = hashlib.sha256(blob).hexdigest()
        files[f"{ROOT}/blobs/sha256/{encoded[:2]}/{encoded}/data"] = blob
    return files


def _descriptor(media_type: str, data: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _linked(data: bytes) -> str:
    return _digest(data).replace(":", "/")
