"""What a certificate may be used for, and how strong it is: why a client can refuse one that is in its time."""

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID


class Use(msgspec.Struct, frozen=True):
    """Of one certificate.

    purposes, uses: what its extendedKeyUsage and keyUsage say, each empty where it has no such extension.
    key_bits: length of an RSA key, 0 for others. digest: of its signature, like `sha256`, empty if it has none.
    """

    purposes: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    key_bits: int = 0
    digest: str = ""

    @property
    def serves(self) -> bool:
        """Whether its extendedKeyUsage lets it prove a server."""
        return not self.purposes or bool({"serverAuth", "anyExtendedKeyUsage"} & set(self.purposes))


def use(found: x509.Certificate) -> Use:
    """Return what a certificate says about its use."""
    try:
        key = found.public_key()
    except (UnsupportedAlgorithm, ValueError):
        key = None
    bits = key.key_size if isinstance(key, rsa.RSAPublicKey) else 0
    return Use(_purposes(found), _uses(found), bits, _digest(found))


PURPOSES = {
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.CODE_SIGNING: "codeSigning",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSPSigning",
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
}
"""How openssl's configuration calls them (x509v3_config(5))."""
USES = {
    "digital_signature": "digitalSignature",
    "content_commitment": "nonRepudiation",
    "key_encipherment": "keyEncipherment",
    "data_encipherment": "dataEncipherment",
    "key_agreement": "keyAgreement",
    "key_cert_sign": "keyCertSign",
    "crl_sign": "cRLSign",
}


def _purposes(found: x509.Certificate) -> tuple[str, ...]:
    try:
        said = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    return tuple(PURPOSES.get(each, each.dotted_string) for each in said)


def _uses(found: x509.Certificate) -> tuple[str, ...]:
    try:
        said = found.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return ()
    return tuple(shown for name, shown in USES.items() if getattr(said, name)) or ("nothing",)


def _digest(found: x509.Certificate) -> str:
    try:
        algorithm = found.signature_hash_algorithm
    except (UnsupportedAlgorithm, ValueError):
        return ""
    return algorithm.name if algorithm else ""
