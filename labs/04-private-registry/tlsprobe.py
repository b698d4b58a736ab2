"""Looking at what a server says over TLS, with one certificate authority trusted and no other.

The handshake itself is OpenSSL's, so a certificate is good if a client would accept it. The reason why one
is not is told apart afterwards, from the certificate that the server sent.
"""

import http.client
import ipaddress
import os
import socket
import ssl
import struct
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtensionOID

from certificateuse import Use, use
from checker.base.deadline import Deadline
from checker.base.pace import scaled

TIMEOUT = 5.0
"""Seconds a server may be silent."""
TLS_1_1 = 0x0302
HANDSHAKE = 0x16
SERVER_HELLO = 0x02


class Trouble(StrEnum):
    """Why a client that trusts one authority does not go on. NONE: it does."""

    NONE = "none"
    SILENT = "silent"
    NOT_TLS = "not-tls"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    SELF_SIGNED = "self-signed"
    UNKNOWN_CA = "unknown-ca"
    CA_UNFIT = "ca-unfit"
    WRONG_NAME = "wrong-name"
    OTHER = "other"


class Certificate(msgspec.Struct, frozen=True):
    """What matters of a certificate. names: its subject alternative names. authority: may it issue others?

    use: what it may be used for.
    """

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    self_signed: bool
    authority: bool
    use: Use = Use()

    @property
    def lifetime(self) -> timedelta:
        return self.ends - self.begins


class Look(msgspec.Struct, frozen=True):
    """One handshake. detail: what OpenSSL or the system said. version: like `TLSv1.3`, or empty.

    authority: the trusted certificate whose name stands in the server's as its issuer.
    """

    trouble: Trouble
    detail: str = ""
    certificate: Certificate | None = None
    version: str = ""
    authority: Certificate | None = None


def look(host: str, port: int, authority: str, name: str | None = None) -> Look:
    """Make a handshake with host:port that trusts only `authority` (PEM) and asks for `name` (host if None).

    Raises ValueError if `authority` holds no certificate, MachineTooSlow for silence on a starved machine.
    """
    authorities = certificates(authority)
    if not authorities:
        raise ValueError("there is no certificate in it")
    name = name or host
    wait = Deadline(TIMEOUT)
    shown = _shown(host, port, name)
    leaf = shown.certificate
    if leaf is None:
        wait.require_now(_silence(port, wait))
        return shown
    try:
        version = _trusting(host, port, name, authority)
    except ssl.SSLCertVerificationError as error:
        issuer = next((entry for entry in authorities if entry.subject == leaf.issuer), None)
        return Look(_why(error, leaf, authorities, name), error.verify_message, leaf, shown.version, issuer)
    except (OSError, ssl.SSLError) as error:
        wait.require_now(_silence(port, wait))
        return Look(Trouble.OTHER, _plain(error), leaf, shown.version)
    if leaf.self_signed:  # trusted, since the learner's authority is the certificate itself
        return Look(Trouble.SELF_SIGNED, "the certificate is its own authority", leaf, version)
    return Look(Trouble.NONE, "", leaf, version)


def accepts_old_tls(host: str, port: int, name: str | None = None) -> bool:
    """Return whether a server agrees to TLS 1.1 or 1.0, which nobody should speak any more (RFC 8996).

    The first message of a client that knows nothing newer is sent by hand: today's libraries refuse to, by
    default or altogether, and a refusal of ours would pass for one of the server.
    """
    with suppress(OSError), socket.create_connection((host, port), scaled(TIMEOUT)) as connection:
        connection.sendall(_old_hello(name or host))
        header = _exactly(connection, 5)
        if len(header) == 5 and header[0] == HANDSHAKE:
            body = _exactly(connection, 6)
            return len(body) == 6 and body[0] == SERVER_HELLO and struct.unpack(">H", body[4:6])[0] <= TLS_1_1
    return False


class Plain(msgspec.Struct, frozen=True):
    """An answer to an HTTP request without TLS. registry: whether it is a registry's own."""

    status: int
    registry: bool


def plain(host: str, port: int, path: str = "/v2/") -> Plain | None:
    """Return what comes back for a request without TLS; None if nothing that is HTTP does."""
    wait = Deadline(TIMEOUT)
    connection = http.client.HTTPConnection(host, port, timeout=scaled(TIMEOUT))
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        named = response.getheader("Docker-Distribution-Api-Version") is not None
        return Plain(response.status, named or response.status in (200, 401))
    except (OSError, http.client.HTTPException):
        wait.require_now(_silence(port, wait))
        return None
    finally:
        connection.close()


def certificates(text: str) -> list[Certificate]:
    """Return the certificates in a PEM text, in their order; none if it cannot be read."""
    try:
        return [read(found) for found in x509.load_pem_x509_certificates(text.encode())]
    except (ValueError, UnsupportedAlgorithm):
        return []


def covers(certificate: Certificate, name: str) -> bool:
    """Return whether a certificate is for a host name or an address (RFC 6125: the subject's CN does not
    count)."""
    with suppress(ValueError):
        address = str(ipaddress.ip_address(name))
        return f"IP:{address}" in certificate.names
    _, _, rest = name.lower().partition(".")
    return bool({f"DNS:{name.lower()}", f"DNS:*.{rest}"} & set(certificate.names))


def _silence(port: int, wait: Deadline) -> str:
    return f"the server on port {port} did not answer in {wait.elapsed:.0f} s"


def _shown(host: str, port: int, name: str) -> Look:
    """Return the certificate that the server sends, trusted or not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    try:
        connection = socket.create_connection((host, port), scaled(TIMEOUT))
    except OSError as error:
        return Look(Trouble.SILENT, _plain(error))
    try:
        with connection, context.wrap_socket(connection, server_hostname=name) as secured:
            sent = secured.getpeercert(binary_form=True)
            version = secured.version() or ""
    except ssl.SSLError as error:
        return Look(Trouble.NOT_TLS, _plain(error))
    except OSError as error:
        return Look(Trouble.SILENT, _plain(error))
    try:
        return Look(Trouble.NONE, "", read(x509.load_der_x509_certificate(sent or b"")), version)
    except (ValueError, UnsupportedAlgorithm) as error:
        return Look(Trouble.OTHER, f"its certificate cannot be read: {error}")


def _trusting(host: str, port: int, name: str, authority: str) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # ssl takes ASCII only, and round a certificate there may be remarks in any language.
    context.load_verify_locations(cadata=authority.encode("ascii", "ignore").decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with (
        socket.create_connection((host, port), scaled(TIMEOUT)) as connection,
        context.wrap_socket(connection, server_hostname=name) as secured,
    ):
        return secured.version() or ""


def _why(
    error: ssl.SSLCertVerificationError, leaf: Certificate, authorities: Sequence[Certificate], name: str
) -> Trouble:
    """OpenSSL stops at the first thing that is wrong; a self-signed certificate goes first here."""
    now = datetime.now(UTC)
    known = {entry.subject: entry for entry in authorities}
    if leaf.self_signed:
        return Trouble.SELF_SIGNED
    if leaf.ends < now:
        return Trouble.EXPIRED
    if leaf.begins > now:
        return Trouble.NOT_YET_VALID
    issuer = known.get(leaf.issuer)
    if issuer and (not issuer.authority or not issuer.begins <= now <= issuer.ends):
        return Trouble.CA_UNFIT
    if error.verify_code in (62, 63, 64):  # X509_V_ERR_HOSTNAME, EMAIL, IP_ADDRESS_MISMATCH
        return Trouble.WRONG_NAME
    return Trouble.UNKNOWN_CA if error.verify_code in (2, 7, 18, 19, 20, 21) else Trouble.OTHER


def read(found: x509.Certificate) -> Certificate:
    """Return what matters of a certificate."""
    try:
        extension = found.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(extension, x509.SubjectAlternativeName)
        names = [f"DNS:{entry.lower()}" for entry in extension.get_values_for_type(x509.DNSName)]
        names += [f"IP:{entry}" for entry in extension.get_values_for_type(x509.IPAddress)]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        names = []
    try:
        basic = found.extensions.get_extension_for_oid(ExtensionOID.BASIC_CONSTRAINTS).value
        authority = isinstance(basic, x509.BasicConstraints) and basic.ca
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        authority = False
    return Certificate(
        subject=found.subject.rfc4514_string(),
        issuer=found.issuer.rfc4514_string(),
        names=tuple(names),
        begins=found.not_valid_before_utc,
        ends=found.not_valid_after_utc,
        self_signed=_signed_by_itself(found),
        authority=authority,
        use=use(found),
    )


def _signed_by_itself(found: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(found)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _old_hello(name: str) -> bytes:
    """Return a ClientHello that offers TLS 1.1 at most (RFC 4346, 7.4.1.2)."""
    suites = (0xC013, 0xC014, 0xC009, 0xC00A, 0x002F, 0x0035, 0x000A, 0x00FF)
    offered = b"".join(suite.to_bytes(2, "big") for suite in suites)
    host = name.encode("idna")
    server_name = _sized(b"\0" + _sized(host, 2), 2)
    extensions = [(10, _sized(b"\0\x17\0\x18\0\x19", 2)), (11, b"\1\0")]
    if not name.replace(".", "").isdigit():
        extensions.append((0, server_name))
    more = b"".join(kind.to_bytes(2, "big") + _sized(data, 2) for kind, data in extensions)
    body = (
        TLS_1_1.to_bytes(2, "big") + os.urandom(32) + b"\0" + _sized(offered, 2) + b"\1\0" + _sized(more, 2)
    )
    return b"\x16\3\1" + _sized(b"\1" + _sized(body, 3), 2)


def _sized(data: bytes, digits: int) -> bytes:
    return len(data).to_bytes(digits, "big") + data


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := connection.recv(count - len(data))):
        data += piece
    return data


def _plain(error: BaseException) -> str:
    return str(getattr(error, "reason", "") or getattr(error, "strerror", "") or error)
