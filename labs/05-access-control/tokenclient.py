"""Asking for registry tokens outright, and sending requests with a given token.

Clients like docker answer a challenge and never see the token (`checker.inspect.tokenauth`). Who tries what a token
is good for needs it in hand (Distribution documentation, "Token Authentication Specification").
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import requests
from requests.utils import parse_dict_header

from checker.base.errors import ServiceFault
from checker.base.pace import scaled
from checker.inspect.tokenauth import Clock, Held, held

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

    def __init__(self, address: str, *, clock: Clock = time.time) -> None:
        self._clock = clock
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
        """Return the token server's answer. account: None for nobody; service: the registry's own if None."""
        about = [("service", self.service if service is None else service)]
        about += [("scope", scope) for scope in scopes]
        return self._request("GET", self.realm, params=about, auth=account)

    def token(self, account: Account | None, *scopes: str) -> str:
        """Return a token for these scopes; it may hold less than was asked for, or nothing. It ends when it
        ends."""
        return self.held(account, *scopes).token

    def lease(self, account: Account | None, *scopes: str) -> "Lease":
        """Return a token for these scopes that is renewed: for a check of what the account may do, however
        long it takes."""
        return Lease(self, self._clock, account, scopes)

    def held(self, account: Account | None, *scopes: str) -> Held:
        """Return a token for these scopes, and when to renew it."""
        asked_at = self._clock()
        answer = self.ask(account, *scopes)
        if answer.status_code != requests.codes.ok:
            who = account[0] if account else "nobody"
            raise ServiceFault(f"The token server answered {answer.status_code} to {who}.")
        try:
            return held(answer.json(), asked_at)
        except ValueError as error:
            raise ServiceFault("The token server answered with something that is not JSON.") from error

    def send(
        self,
        method: str,
        path: str,
        token: "str | Lease" = "",
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send a request. path: on the registry, or a whole URL that it gave as a Location.

        With a lease the request is sent once more if the registry says that its token is not valid any more.
        """
        url = path if path.startswith("http") else f"{self._base}{path}"
        shown = token.token() if isinstance(token, Lease) else token
        sent = {**({"Authorization": f"Bearer {shown}"} if shown else {}), **(headers or {})}
        answer = self._request(method, url, data=data, headers=sent)
        if not isinstance(token, Lease) or not _ended(answer):
            return answer
        sent["Authorization"] = f"Bearer {token.renewed(shown)}"
        return self._request(method, url, data=data, headers=sent)

    def push_blob(self, token: "str | Lease", repository: str, data: bytes) -> requests.Response:
        """Upload a blob; the answer that ended it (distribution-spec, end-4a, end-6): 201 if it is there."""
        opened = self.send("POST", f"/v2/{repository}/blobs/uploads/", token)
        if opened.status_code != requests.codes.accepted:
            return opened
        place = opened.headers["Location"]
        place += ("&" if "?" in place else "?") + f"digest={digest(data)}"
        return self.send("PUT", place, token, data=data, headers={"Content-Type": "application/octet-stream"})

    def push_manifest(
        self, token: "str | Lease", repository: str, reference: str, data: bytes
    ) -> requests.Response:
        """Put a manifest (end-7); 201 if it is there."""
        return self.send(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            token,
            data=data,
            headers={"Content-Type": MANIFEST},
        )

    def manifest(
        self, token: "str | Lease", repository: str, reference: str, method: str = "GET"
    ) -> requests.Response:
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
            return session.request(method, url, timeout=scaled(TIMEOUT), **sending)  # type: ignore[arg-type]
        except requests.RequestException as error:
            raise ServiceFault(f"{urlsplit(url).netloc} does not answer ({type(error).__name__}).") from error


class Lease:
    """A token of an account for some scopes that is always good: renewed before its end, or when it was refused."""

    def __init__(
        self, client: TokenClient, clock: Clock, account: Account | None, scopes: tuple[str, ...]
    ) -> None:
        self._client = client
        self._clock = clock
        self._account = account
        self._scopes = scopes
        self._lock = threading.Lock()
        self._held = client.held(account, *scopes)

    def token(self) -> str:
        """Return the token for the next request."""
        with self._lock:
            if self._clock() >= self._held.until:
                self._held = self._client.held(self._account, *self._scopes)
            return self._held.token

    def renewed(self, refused: str) -> str:
        """Another token in place of one that was refused."""
        with self._lock:
            if self._held.token == refused:
                self._held = self._client.held(self._account, *self._scopes)
            return self._held.token


def _ended(answer: requests.Response) -> bool:
    """Return whether a registry refuses the token itself, and not what it is used for (RFC 6750, section
    3.1)."""
    _, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
    found = parse_dict_header(rest)  # type: ignore[no-untyped-call]
    return bool(answer.status_code == requests.codes.unauthorized and found.get("error") == "invalid_token")


def digest(data: bytes) -> str:
    """Return the digest of some bytes, `sha256:` and 64 hexadecimal digits."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def image(config: bytes, note: str, *layers: bytes) -> bytes:
    """Return a manifest of an image (image-spec, manifest.md). note: makes it another one than the rest."""

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
    """Return a request and its answer in few words, for a finding: `PUT /v2/… -> 401 UNAUTHORIZED`."""
    path = _DIGEST.sub(r"\1…", urlsplit(answer.request.url or "").path)
    try:
        code = str(answer.json()["errors"][0]["code"])
    except (ValueError, KeyError, IndexError, TypeError):
        code = ""
    return f"{answer.request.method} {path} -> {answer.status_code} {code}".strip()
