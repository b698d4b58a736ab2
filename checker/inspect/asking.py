"""HTTP requests to servers that learners run. Whatever comes back, also nothing, is an observation and no error.

Only silence on a machine that is too slow to answer is an error.

One response has a deadline as a whole and a limit in bytes.
"""

import hashlib
import http.client
import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

import msgspec

from checker.base.deadline import Deadline
from checker.base.pace import scaled
from checker.base.ports import HOST

WITHIN = 10.0
"""Seconds for one response as a whole."""
BODY_LIMIT = 8 * 1024 * 1024
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar"


class Reply(msgspec.Struct, frozen=True):
    """What came back. status 0: nothing did, and `trouble` says why. headers: lower-case names."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""
    trouble: str = ""

    @property
    def said(self) -> str:
        """For a finding's `observed`: the middle of a sentence."""
        if not self.status:
            return f"no answer ({self.trouble})"
        text = self.body[:160].decode("utf-8", "replace").strip()
        return f"status {self.status}" + (f" and {text!r}" if text and self.status >= 400 else "")


class Pushed(msgspec.Struct, frozen=True):
    """An image that was pushed: the digest of its manifest, and those of its blobs."""

    digest: str
    blobs: tuple[str, ...]


class AskedServer(msgspec.Struct, frozen=True):
    """A server at 127.0.0.1:port. authority: PEM text of the only one trusted; empty for plain HTTP,
    None for TLS without a look at the certificate. account: for Basic authentication."""

    port: int
    authority: str | None = ""
    account: tuple[str, str] | None = None

    def ask(
        self, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request, on a connection of its own; redirects are not followed.

        Raises MachineTooSlow if no answer came in time on a starved machine.
        """
        sent = dict(headers or {})
        if self.account:
            sent["Authorization"] = "Basic " + b64encode(":".join(self.account).encode()).decode()
        try:
            connection = self._connection()
        except (ssl.SSLError, OSError) as error:
            return Reply(0, trouble=str(error))
        ending: threading.Timer | None = None
        wait, within = Deadline(WITHIN), scaled(WITHIN)
        try:
            connection.connect()
            # The connection's own timeout is for each piece, and a response may come in pieces for hours.
            ending = threading.Timer(within, _hang_up, (connection.sock,))
            ending.daemon = True
            ending.start()
            # Refused before all was sent, the answer is there all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return Reply(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                b"" if method == "HEAD" else response.read(BODY_LIMIT),
            )
        except (OSError, http.client.HTTPException, ValueError) as error:
            wait.require_now(f"127.0.0.1:{self.port} did not answer in {wait.elapsed:.0f} s")
            return Reply(0, trouble=str(error) or type(error).__name__)
        finally:
            if ending:
                ending.cancel()
            connection.close()

    def reserve(self, repository: str) -> Reply:
        """Begin an upload (distribution-spec, end-4a): 202 and its place, which `cancel` takes back."""
        return self.ask("POST", f"/v2/{repository}/blobs/uploads/", body=b"")

    def cancel(self, place: str) -> Reply:
        """End an upload as if it had never been begun (docs: HTTP API V2, "Canceling an Upload")."""
        return self.ask("DELETE", target(place))

    def push(self, repository: str, tag: str, data: bytes) -> Pushed | Reply:
        """Push an image of one layer that holds `data`; the answer that did not fit if one did not."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers"}}).encode()
        for blob in (config, data):
            opened = self.reserve(repository)
            if opened.status != 202:
                return opened
            place = target(opened.headers.get("location", ""))
            closed = self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest(blob)}", body=blob)
            if closed.status != 201:
                return closed
        entries = [
            {"mediaType": kind, "size": len(blob), "digest": digest(blob)}
            for kind, blob in ((_CONFIG, config), (_LAYER, data))
        ]
        manifest = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": entries[0], "layers": entries[1:]}
        ).encode()
        put = self.ask(
            "PUT", f"/v2/{repository}/manifests/{tag}", body=manifest, headers={"Content-Type": MANIFEST}
        )
        return Pushed(digest(manifest), (digest(config), digest(data))) if put.status == 201 else put

    def _connection(self) -> http.client.HTTPConnection:
        if self.authority == "":
            return http.client.HTTPConnection(HOST, self.port, timeout=scaled(WITHIN))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.authority is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            # ssl takes ASCII only, and round a certificate there may be remarks in any language.
            context.load_verify_locations(cadata=self.authority.encode("ascii", "ignore").decode())
        return http.client.HTTPSConnection(HOST, self.port, timeout=scaled(WITHIN), context=context)


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def target(location: str) -> str:
    """Return the path and query of a Location, absolute or not."""
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
