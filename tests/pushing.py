"""A client that pushes and pulls over the distribution protocol, for tests that must see every answer."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
Basic = tuple[str, str]


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Pusher:
    """Somebody with an account (nobody if None) at a registry whose tokens come from `api`.

    Addresses are `127.0.0.1:PORT`. Every method raises requests.HTTPError for an answer it cannot use.
    """

    registry: str
    api: str
    account: Basic | None
    service: str = "registry.lab"
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False

    def token(self, *scopes: str, account: Basic | None = None) -> str:
        """A token for scopes like `repository:team/app:pull,push`; it may grant less."""
        done = self.http.get(
            f"http://{self.api}/token",
            params={"service": self.service, "scope": list(scopes)},
            auth=account or self.account,
            timeout=30,
        )
        done.raise_for_status()
        return str(done.json()["token"])

    def ask(self, method: str, path: str, token: str = "", **more: Any) -> requests.Response:
        """One request to the registry, whatever comes back."""
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        url = urljoin(f"http://{self.registry}", path)
        return self.http.request(method, url, headers=headers, timeout=60, **more)

    def upload(self, repository: str, data: bytes, token: str) -> str:
        """Put a blob; its digest (distribution-spec, end-4a and end-6)."""
        begun = self.ask("POST", f"/v2/{repository}/blobs/uploads/", token)
        begun.raise_for_status()
        place, digest = begun.headers["Location"], digest_of(data)
        done = self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", token, data=data)
        done.raise_for_status()
        return digest

    def push(self, repository: str, tag: str, *layers: bytes) -> str:
        """Put an image of these layers (a small one of its own if none); its digest."""
        token = self.token(f"repository:{repository}:pull,push")
        described = []
        for blob in (b'{"architecture":"amd64","os":"linux"}', *(layers or (secrets.token_bytes(64),))):
            digest = self.upload(repository, blob, token)
            described.append({"mediaType": "application/octet-stream", "digest": digest, "size": len(blob)})
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described[0],
            "layers": described[1:],
        }
        done = self.put_manifest(repository, tag, json.dumps(manifest).encode(), token)
        if not done.ok:
            raise requests.HTTPError(f"{done.status_code} for {repository}:{tag}: {done.text}", response=done)
        return done.headers["Docker-Content-Digest"]

    def put_manifest(self, repository: str, tag: str, body: bytes, token: str) -> requests.Response:
        headers = {"Content-Type": MANIFEST}
        return self.ask("PUT", f"/v2/{repository}/manifests/{tag}", token, data=body, headers=headers)

    def pull(self, repository: str, reference: str) -> list[bytes]:
        """An image's manifest and blobs, each compared with its digest."""
        token = self.token(f"repository:{repository}:pull")
        answer = self.manifest(repository, reference, token)
        answer.raise_for_status()
        found = [answer.content]
        assert digest_of(found[0]) == answer.headers["Docker-Content-Digest"]
        manifest = answer.json()
        for entry in (manifest["config"], *manifest["layers"]):
            blob = self.ask("GET", f"/v2/{repository}/blobs/{entry['digest']}", token)
            blob.raise_for_status()
            assert digest_of(blob.content) == entry["digest"], "a blob that is not its digest"
            found.append(blob.content)
        return found

    def manifest(self, repository: str, reference: str, token: str = "") -> requests.Response:
        headers = {"Accept": MANIFEST}
        return self.ask("GET", f"/v2/{repository}/manifests/{reference}", token, headers=headers)
