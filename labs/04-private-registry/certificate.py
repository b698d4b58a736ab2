"""Why a client refuses a certificate that is in its time, of the right name and of the right authority."""

from tlsprobe import Certificate, Look

SHORTEST_KEY = 2048
"""Bits of an RSA key that clients take."""
WEAK = ("md5", "sha1")
SERVES = ("digitalSignature", "keyEncipherment", "keyAgreement")
"""Uses of a key, one of which a server's has to have (OpenSSL, "check_purpose_ssl_server")."""


def refusal(seen: Look, leaf: Certificate) -> tuple[str, str]:
    """Return what a client has against a certificate that is in its time and of the right name, and what to do."""
    again = "and issue the certificate again"
    if not leaf.use.serves:
        return (
            f"Its certificate is for {' and '.join(leaf.use.purposes)} only: its extendedKeyUsage lacks serverAuth.",
            f"Set extendedKeyUsage=serverAuth in its extensions, or leave that extension out, {again}.",
        )
    if leaf.use.uses and not set(SERVES) & set(leaf.use.uses):
        return (
            f"The keyUsage of its certificate is {', '.join(leaf.use.uses)}, which is no use for a server.",
            f"Set keyUsage=digitalSignature,keyEncipherment, or leave that extension out, {again}.",
        )
    if 0 < leaf.use.key_bits < SHORTEST_KEY:
        return (
            f"The key of its certificate has {leaf.use.key_bits} bits, and clients ask for {SHORTEST_KEY}.",
            f"Make a new key, such as with `openssl genrsa 2048`, {again}.",
        )
    if leaf.use.digest in WEAK:
        return (
            f"Its certificate is signed over {leaf.use.digest.upper()}, which can be forged.",
            f"Sign with -sha256, {again}.",
        )
    issuer = seen.authority
    if issuer and issuer.use.uses and "keyCertSign" not in issuer.use.uses:
        return (
            f"The authority's own certificate has the keyUsage {', '.join(issuer.use.uses)}, without keyCertSign.",
            "Set keyUsage=keyCertSign,cRLSign in the authority's certificate, or leave that extension out, and make "
            "both again.",
        )
    if issuer and not issuer.use.serves:
        return (
            f"The authority's own certificate may issue for {' and '.join(issuer.use.purposes)} only.",
            "Leave extendedKeyUsage out of the authority's certificate, and make both again.",
        )
    if issuer and 0 < issuer.use.key_bits < SHORTEST_KEY:
        return (
            f"The authority's key has {issuer.use.key_bits} bits, and clients ask for {SHORTEST_KEY}.",
            "Make the authority again with a longer key, and sign the server's certificate again.",
        )
    return (
        f"Its certificate names {leaf.issuer} as its issuer, and the client said: {seen.detail}.",
        "`openssl verify -purpose sslserver -CAfile ca/ca.crt` with the server's certificate says the same, and "
        "verify(1) what it means.",
    )
