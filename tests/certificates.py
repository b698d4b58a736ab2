"""Certificates of every kind, made in memory."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass
class Pair:
    """A key and its certificate. ca: whether it may issue; issuer: itself if None."""

    name: str
    issuer: "Pair | None" = None
    ca: bool = False
    names: tuple[str, ...] = ("IP:127.0.0.1", "DNS:localhost")
    begins: datetime = NOW - DAY
    ends: datetime = NOW + DAY
    more: tuple[tuple[x509.ExtensionType, bool], ...] = ()
    """Further extensions, and whether they are critical."""
    key: Key = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def subject(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])

    @property
    def pem(self) -> str:
        issuer = self.issuer or self
        made = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.begins)
            .not_valid_after(self.ends)
            .add_extension(x509.BasicConstraints(ca=self.ca, path_length=None), critical=True)
        )
        if self.names:
            entries: list[x509.GeneralName] = [
                x509.IPAddress(ip_address(value)) if kind == "IP" else x509.DNSName(value)
                for kind, _, value in (name.partition(":") for name in self.names)
            ]
            made = made.add_extension(x509.SubjectAlternativeName(entries), critical=False)
        for extension, critical in self.more:
            made = made.add_extension(extension, critical)
        return made.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
