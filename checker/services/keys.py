"""The key that tokens are signed with, and the certificate by which Distribution knows it.

Made at the first start and kept with the state, so that tokens stay good over a restart.
"""

import base64
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, repr=False)
class Keys:
    """private: signs. chain: the x5c header, base64 of DER. http_secret: Distribution's own, for upload
    state.
    """

    private: rsa.RSAPrivateKey
    chain: tuple[str, ...]
    http_secret: str

    @property
    def public(self) -> rsa.RSAPublicKey:
        """What tokens are checked with."""
        return self.private.public_key()


def certificate_file(folder: Path) -> Path:
    """Return where the certificate is, as PEM: Distribution's `rootcertbundle`."""
    return folder / "signing.crt"


def load_or_make(folder: Path) -> Keys:
    """Return the keys in a folder; made if they are not there, or only half there after a kill."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key_file, crt_file, secret_file = folder / "signing.key", certificate_file(folder), folder / "http.secret"
    try:
        private = serialization.load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(crt_file.read_bytes())
        secret = secret_file.read_text()
        if isinstance(private, rsa.RSAPrivateKey):
            return _keys(private, certificate, secret)
    except (OSError, ValueError):
        pass
    made = rsa.generate_private_key(65537, 2048)
    certificate = _certificate(made)
    secret = secrets.token_hex(32)
    pem = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for path, content in (
        (key_file, pem),
        (crt_file, certificate.public_bytes(serialization.Encoding.PEM)),
        (secret_file, secret.encode()),
    ):
        write_private(path, content)
    return _keys(made, certificate, secret)


def write_private(path: Path, content: bytes) -> None:
    """Write a file as a whole, readable by its owner only."""
    part = path.with_suffix(path.suffix + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _keys(private: rsa.RSAPrivateKey, certificate: x509.Certificate, secret: str) -> Keys:
    der = certificate.public_bytes(serialization.Encoding.DER)
    return Keys(private, (base64.b64encode(der).decode(),), secret)


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry-lab token signing")])
    today = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
