"""Asking for registry tokens outright, and sending requests with a given token.

Clients like docker answer a challenge and never see the token (`checker.tokenauth`). Who tries what a token
is good for needs it in hand (Distribution documentation, "Token Authentication Specification").
"""

import hashlib
import json
import re
import threading
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.utils import parse_dict_header

from checker.errors import ServiceFault

TIMEOUT = 10.0
"""Seconds a service on this machine may stay silent."""
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
REFUSED = (401, 403)
"""How a registry says no: not with this token, or never."""

_DIGEST = re.compile(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}")

Account = tuple[str, str]
"""Name and password."""


class TokenClient:
    """A registry with token authentication at `address` (`127.0.0.1:PORT`, plain HTTP).

    To be used from any number of threads. Raises ServiceFault when it or its token server does not answer.
    """

    def __init__(self, address: str) -> None:
        self._base = f"http://{address}"
        self._local = threading.local()
        challenge = self.send("GET", "/v2/").headers.get("WWW-Authenticate", "")
        kind, _, rest = challenge.partition(" ")
        found = parse_dict_header(rest)  # type: ignore[no-untyped-call]
        self.realm = str(found.get("realm") or "")
        self.service = str(found.get("service") or "")
        if kind.lower() != "bearer" or urlsplit(self.realm).hostname != urlsplit(self._base).hostname:
            raise ServiceFault(f"The registry at {address} does not ask for a token of its own token server.")

    def ask(self, account: Account | None, *scopes: str, service: str | None = None) -> requests.Response:
        """The token server's answer. account: None for nobody; service: the registry's own if None."""
        about = [("service", self.service if service is None else service)]
        about += [("scope", scope) for scope in scopes]
        return self._request("GET", self.realm, params=about, auth=account)

    def token(self, account: Account | None, *scopes: str) -> str:
        """A token for these scopes; it may hold less than was asked for, or nothing."""
        answer = self.ask(account, *scopes)
        if answer.status_code != requests.codes.ok:
            who = account[0] if account else "nobody"
            raise ServiceFault(f"The token server answered {answer.status_code} to {who}.")
        found = answer.json()
        return str(found.get("token") or found.get("access_token") or "")

    def send(
        self,
        method: str,
        path: str,
        token: str = "",
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request. path: on the registry, or a whole URL that it gave as a Location."""
        url = path if path.startswith("http") else f"{self._base}{path}"
        sent = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
        return self._request(method, url, data=data, headers=sent)

    def push_blob(self, token: str, repository: str, data: bytes) -> requests.Response:
        """Upload a blob; the answer that ended it (distribution-spec, end-4a, end-6): 201 if it is there."""
        opened = self.send("POST", f"/v2/{repository}/blobs/uploads/", token)
        if opened.status_code != requests.codes.accepted:
            return opened
        place = opened.headers["Location"]
        place += ("&" if "?" in place else "?") + f"digest={digest(data)}"
        return self.send("PUT", place, token, data=data, headers={"Content-Type": "application/octet-stream"})

    def push_manifest(self, token: str, repository: str, reference: str, data: bytes) -> requests.Response:
        """Put a manifest (end-7); 201 if it is there."""
        return self.send(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            token,
            data=data,
            headers={"Content-Type": MANIFEST},
        )

    def manifest(self, token: str, repository: str, reference: str, method: str = "GET") -> requests.Response:
        """Get, head or delete a manifest (end-3, end-9)."""
        return self.send(
            method, f"/v2/{repository}/manifests/{reference}", token, headers={"Accept": MANIFEST}
        )

    def _request(self, method: str, url: str, **sending: object) -> requests.Response:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
        try:
            return session.request(method, url, timeout=TIMEOUT, **sending)  # type: ignore[arg-type]
        except requests.RequestException as error:
            raise ServiceFault(f"{urlsplit(url).netloc} does not answer ({type(error).__name__}).") from error


def digest(data: bytes) -> str:
    """The digest of some bytes, `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image(config: bytes, note: str, *layers: bytes) -> bytes:
    """A manifest of an image (image-spec, manifest.md). note: makes it another one than the rest."""

    def descriptor(media_type: str, data: bytes) -> dict[str, object]:
        return {"mediaType": media_type, "digest": digest(data), "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(CONFIG, config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers],
        "annotations": {"org.opencontainers.image.description": note},
    }
    return json.dumps(manifest).encode()


def said(answer: requests.Response) -> str:
    """A request and its answer in few words, for a finding: `PUT /v2/… -> 401 UNAUTHORIZED`."""
    path = _DIGEST.sub(r"\1…", urlsplit(answer.request.url or "").path)
    try:
        code = str(answer.json()["errors"][0]["code"])
    except (ValueError, KeyError, IndexError, TypeError):
        code = ""
    return f"{answer.request.method} {path} -> {answer.status_code} {code}".strip()
