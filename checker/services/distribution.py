"""CNCF Distribution behind the front: its configuration, its process, and reading from it as the operator."""

import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpcore
import msgspec

from checker.services.keys import Keys, certificate_file, write_private
from checker.services.scopes import Access
from checker.services.settings import OPERATOR, Settings
from checker.services.tokens import Signer

REALM = "http://realm.invalid/token"
"""What Distribution names as the token server; the front puts the address in that the client can reach."""
MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
)


def configuration(settings: Settings, keys: Keys, notify_key: str) -> dict[str, Any]:
    """Return the content of Distribution's config.yml. notify_key: what it shows when it notifies us.

    There is no cache of blob descriptors: a repository that is removed from the storage has to be gone at
    once.
    """
    ports = settings.ports
    return {
        "version": "0.1",
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": settings.storage},
            "delete": {"enabled": True},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {
            "addr": f"127.0.0.1:{ports.distribution}",
            "secret": keys.http_secret,
            "headers": {"X-Content-Type-Options": ["nosniff"]},
            "debug": {"addr": f"127.0.0.1:{ports.debug}"},
        },
        "auth": {
            "token": {
                "realm": REALM,
                "service": settings.service,
                "issuer": settings.issuer,
                "rootcertbundle": str(certificate_file(Path(settings.state))),
            }
        },
        "notifications": {
            "endpoints": [
                {
                    "name": "lab",
                    "url": f"http://127.0.0.1:{ports.notifications}/notifications",
                    "headers": {"Authorization": [f"Bearer {notify_key}"]},
                    "timeout": "2s",
                    "threshold": 5,
                    "backoff": "200ms",
                }
            ]
        },
    }


def start(settings: Settings, keys: Keys, notify_key: str) -> subprocess.Popen[bytes]:
    """Start Distribution. Raises FileNotFoundError if its program is not there.

    Its environment holds nothing that could change the configuration: Distribution reads REGISTRY_* as such.
    """
    binary = shutil.which(settings.binary)
    if binary is None:
        raise FileNotFoundError(f"There is no program {settings.binary} on the PATH.")
    file = Path(settings.state) / "distribution.yml"
    # JSON is YAML.
    write_private(file, json.dumps(configuration(settings, keys, notify_key)).encode())
    return subprocess.Popen(
        [binary, "serve", str(file)],
        env={"PATH": os.defpath, "HOME": settings.state, "OTEL_TRACES_EXPORTER": "none"},
        stdin=subprocess.DEVNULL,
    )


class Backend:
    """Distribution as the services themselves read it."""

    def __init__(self, settings: Settings, signer: Signer) -> None:
        self._settings, self._signer = settings, signer
        # As many connections as there are clients: whoever waits for a place here could wait for ever.
        self.pool = httpcore.AsyncConnectionPool(max_connections=None, max_keepalive_connections=64)

    def url(self, target: bytes) -> httpcore.URL:
        """Return the address of a path (with its query) as Distribution gets it."""
        port = self._settings.ports.distribution
        return httpcore.URL(scheme=b"http", host=b"127.0.0.1", port=port, target=target)

    async def is_up(self) -> bool:
        """Tell whether Distribution answers."""
        try:
            answer = await self.pool.request("GET", self.url(b"/v2/"), headers={"Host": "127.0.0.1"})
        except (httpcore.NetworkError, httpcore.RemoteProtocolError):
            return False
        return answer.status == 401

    async def digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of a manifest by tag or digest, None if there is none. Raises Unanswered."""
        answer = await self._ask("HEAD", repository, f"manifests/{reference}")
        if answer.status != 200:
            return None
        headers = {name.lower(): value for name, value in answer.headers}
        return headers.get(b"docker-content-digest", b"").decode()

    async def manifest(self, repository: str, digest: str) -> dict[str, Any] | None:
        """Return a manifest, None if there is none."""
        return _object(await self._ask("GET", repository, f"manifests/{digest}"))

    async def blob(self, repository: str, digest: str) -> dict[str, Any] | None:
        """Return a small blob of JSON, as an image's configuration is; None if there is none."""
        return _object(await self._ask("GET", repository, f"blobs/{digest}"))

    async def pending_notifications(self) -> int:
        """Return how many notifications Distribution has not delivered yet; 0 if it does not say."""
        url = httpcore.URL(
            scheme=b"http", host=b"127.0.0.1", port=self._settings.ports.debug, target=b"/debug/vars"
        )
        try:
            answer = await self.pool.request("GET", url, headers={"Host": "127.0.0.1"})
            endpoints = msgspec.json.decode(answer.content)["registry"]["notifications"]["endpoints"]
            return sum(int(endpoint["Metrics"]["Pending"]) for endpoint in endpoints)
        except (httpcore.NetworkError, httpcore.ProtocolError, ValueError, KeyError, TypeError):
            return 0

    async def close(self) -> None:
        """End all connections."""
        await self.pool.aclose()

    async def _ask(self, method: str, repository: str, rest: str) -> httpcore.Response:
        token = self._signer.for_registry(OPERATOR, [Access("repository", repository, ("pull",))], 60)
        headers: dict[str | bytes, str | bytes] = {
            "Host": "127.0.0.1",
            "Accept": ", ".join(MANIFESTS),
            "Authorization": f"Bearer {token}",
            "User-Agent": OWN_AGENT,
        }
        try:
            answer = await self.pool.request(
                method, self.url(f"/v2/{repository}/{rest}".encode()), headers=headers
            )
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise Unanswered from error
        if answer.status >= 500:
            raise Unanswered
        return answer


OWN_AGENT = f"registry-lab-{secrets.token_hex(16)}"
"""How this process calls itself when it reads from Distribution. Such pulls are no events, and nobody can
guess it.
"""


class Unanswered(Exception):
    """Distribution did not answer, or with a failure of its own."""


def _object(answer: httpcore.Response) -> dict[str, Any] | None:
    if answer.status != 200:
        return None
    try:
        decoded = msgspec.json.decode(answer.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return decoded if isinstance(decoded, dict) else None
