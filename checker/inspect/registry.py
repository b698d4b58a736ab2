"""A read-only client of the OCI distribution API, as checks use it.

Nothing a registry says is believed: every manifest and blob is hashed as it arrives and compared
with the digest it was asked for (distribution-spec, "Pulling manifests" and "Pulling blobs").
"""

import hashlib
from pathlib import Path
from typing import Any

import requests
import urllib3
from requests.auth import AuthBase

from checker.base.deadline import Deadline
from checker.base.errors import ContentFault, Refused, ServiceFault
from checker.base.pace import scaled
from checker.inspect.registryimage import (
    INDEX_TYPES,
    MANIFEST_TYPES,
    MAX_MANIFEST,
    IndexShape,
    RegistryImage,
    json_object,
    require_shape,
)

ACCEPT = ", ".join((*INDEX_TYPES, *MANIFEST_TYPES))
TIMEOUT = 10.0
"""Seconds a registry on this machine may stay silent."""
ANSWER_WITHIN = 60.0
"""Seconds one whole answer may take: a learner's own server could send a byte now and then for ever."""


class RegistryClient:
    """The registry at `address` (`127.0.0.1:PORT`), over plain HTTP unless `https` or `ca` is given.

    auth: who to be. https: with the system's authorities. ca: PEM file of the only one that is trusted.
    Raises ServiceFault when the registry does not answer or its storage is damaged, ContentFault when
    what was pushed cannot be read as an image.
    One client is one look: what a tag named when it was first asked for, it names for this client to
    the end, so that checks which ask one after the other see one state.
    """

    def __init__(
        self,
        address: str,
        *,
        architecture: str = "amd64",
        auth: AuthBase | None = None,
        https: bool = False,
        ca: Path | None = None,
    ) -> None:
        self.address = address
        self._base = f"{'https' if https or ca else 'http'}://{address}"
        self._architecture = architecture
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.auth = auth
        self._http.verify = str(ca) if ca else True
        self._blobs: dict[str, bytes] = {}
        self._named: dict[tuple[str, str], str | None] = {}

    def alive(self) -> bool:
        """Return whether the registry answers its version check (distribution-spec, end-1)."""
        try:
            with self._get("/v2/") as response:
                return bool(response.status_code == requests.codes.ok)
        except ServiceFault:
            return False

    def repositories(self) -> list[str]:
        """Return all repositories, sorted (the catalogue is an extension of CNCF Distribution)."""
        return sorted(self._pages("/v2/_catalog?n=1000", "repositories"))

    def tags(self, repository: str) -> list[str]:
        """Return the repository's tags, sorted; none if the registry doesn't know it (end-8a)."""
        return sorted(self._pages(f"/v2/{repository}/tags/list?n=1000", "tags"))

    def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of what a tag or digest names, index or manifest; None if there is nothing."""
        found = self._manifest(repository, reference)
        return found[0] if found else None

    def image(self, repository: str, reference: str) -> RegistryImage | None:
        """Return the image a tag or digest names; of an index, the entry for the engine's architecture."""
        found = self._manifest(repository, reference)
        if found is None:
            return None
        digest, manifest = found
        if manifest.get("mediaType") in INDEX_TYPES or "manifests" in manifest:
            require_shape(manifest, IndexShape)
            entries = [entry for entry in manifest.get("manifests") or () if not _is_attestation(entry)]
            fitting = [
                e for e in entries if (e.get("platform") or {}).get("architecture") == self._architecture
            ]
            if not (fitting or entries):
                return None
            return self.image(repository, str((fitting or entries)[0]["digest"]))
        if "config" not in manifest or "layers" not in manifest:
            return None
        return RegistryImage(self.blob, repository, digest, manifest)

    def images(self, repository: str, reference: str) -> list[RegistryImage]:
        """Return all images a tag or digest names: of an index, those for every platform, without
        provenance."""
        found = self._manifest(repository, reference)
        if found is None:
            return []
        require_shape(found[1], IndexShape)
        entries = [entry for entry in found[1].get("manifests") or () if not _is_attestation(entry)]
        references = [str(entry["digest"]) for entry in entries] or [reference]
        return [image for name in references if (image := self.image(repository, name))]

    def blob(self, repository: str, digest: str, limit: int) -> bytes:
        """Return a blob's bytes, verified (end-2). limit: bytes above which it is refused."""
        if digest not in self._blobs:
            response = self._get(f"/v2/{repository}/blobs/{digest}")
            if response.status_code != requests.codes.ok:
                raise ContentFault(
                    f"The registry has no blob {digest} although a manifest in {repository} names it.",
                    "Push the image again.",
                )
            self._blobs[digest] = _verified(_read(response, limit, digest), digest)
        return self._blobs[digest]

    def _manifest(self, repository: str, reference: str) -> tuple[str, dict[str, Any]] | None:
        key = repository, reference
        if key not in self._named:
            self._named[key] = self._fetch(repository, reference)
        digest = self._named[key]
        return None if digest is None else (digest, json_object(self._blobs[digest]))

    def _fetch(self, repository: str, reference: str) -> str | None:
        """Get and keep a manifest; its digest, or None if there is nothing of that name."""
        response = self._get(f"/v2/{repository}/manifests/{reference}")
        if response.status_code in (requests.codes.not_found, requests.codes.bad_request):
            return None
        if response.status_code != requests.codes.ok:
            # Distribution answers 500 where a digest is that of a blob which is no manifest.
            if ":" in reference and self.alive():
                return None
            raise Refused(
                f"The registry answered {response.status_code} for {repository}:{reference}.",
                response.status_code,
            )
        body = _read(response, MAX_MANIFEST, f"{repository}:{reference}")
        named = reference if ":" in reference else response.headers.get("Docker-Content-Digest", "")
        digest = named or "sha256:" + hashlib.sha256(body).hexdigest()
        self._blobs[digest] = _verified(body, digest)
        return digest

    def _pages(self, path: str, key: str) -> list[str]:
        found: list[str] = []
        while path:
            response = self._get(path)
            if response.status_code == requests.codes.not_found:
                return found
            if response.status_code != requests.codes.ok:
                raise Refused(
                    f"The registry answered {response.status_code} for {path}.", response.status_code
                )
            found += json_object(_read(response, MAX_MANIFEST, path)).get(key) or []
            following = response.links.get("next", {}).get("url", "")
            path = following if following != path else ""
        return found

    def _get(self, path: str) -> requests.Response:
        """Return the answer, of which only the head has come."""
        wait = Deadline(TIMEOUT)
        try:
            return self._http.get(
                f"{self._base}{path}", headers={"Accept": ACCEPT}, timeout=scaled(TIMEOUT), stream=True
            )
        except requests.RequestException as error:
            wait.require_now(f"the registry at {self.address} did not answer in {wait.elapsed:.0f} s")
            raise ServiceFault(
                f"The registry at {self.address} does not answer.",
                "Start it again with `lab start`; what was pushed before is kept.",
            ) from error


def _is_attestation(entry: dict[str, Any]) -> bool:
    """Return whether an index entry is BuildKit's provenance and not an image (docs: attestation storage)."""
    annotations = entry.get("annotations") or {}
    return annotations.get("vnd.docker.reference.type") == "attestation-manifest"


def _read(response: requests.Response, limit: int, what: str) -> bytes:
    body = bytearray()
    deadline = Deadline(ANSWER_WITHIN)
    try:
        with response:
            while chunk := response.raw.read1(1 << 16, decode_content=True):  # as it comes: bytes may drip
                body += chunk
                if len(body) > limit:
                    raise ContentFault(
                        f"What is stored as {what} is larger than {limit} bytes; it is not read."
                    )
                if deadline.over():
                    deadline.require(f"the registry took longer than {deadline.elapsed:.0f} s to send {what}")
                    raise ServiceFault(f"The registry took longer than {ANSWER_WITHIN:.0f} s to send {what}.")
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        deadline.require_now(f"the registry stopped in the middle of {what}", TIMEOUT)
        raise ServiceFault(
            f"The registry stopped in the middle of {what}.",
            "Start it again with `lab start`; what was pushed before is kept.",
        ) from error
    return bytes(body)


def _verified(data: bytes, digest: str) -> bytes:
    algorithm, _, expected = digest.partition(":")
    if algorithm not in ("sha256", "sha512") or hashlib.new(algorithm, data).hexdigest() != expected:
        raise ServiceFault(
            f"The registry sent bytes that are not {digest}.", "Its storage is damaged: `lab reset`."
        )
    return data
