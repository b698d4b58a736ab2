"""How long a client will believe a server: chains of certificates, and which certificate of one ends first.

OpenSSL looks at every certificate of a chain, the authority's too (RFC 5280, section 6.1.3, (a)(2)): a chain
is good for as long as all of it is.
"""

from collections.abc import Collection, Mapping, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from tlsprobe import Certificate, read

MOST = 20
"""Certificates that are looked at. OpenSSL's own clients refuse chains that are longer (SSL_CTX_set_verify_depth)."""


def first_to_end(sent: str, trusted: str) -> Certificate | None:
    """Return the certificate that ends first, of the chain that lasts longest.

    sent: what the server sends, its own certificate first, in PEM. trusted: the authorities that the client
    trusts, in PEM. None if no chain leads from one to the other.

        first_to_end(server_crt, ca_crt).ends    # until then clients go on
    """
    try:
        shown = x509.load_pem_x509_certificates(sent.encode())
        roots = x509.load_pem_x509_certificates(trusted.encode())
    except (ValueError, UnsupportedAlgorithm):
        return None
    all_of_them = list(dict.fromkeys((*shown[:1], *roots, *shown[1:])))[:MOST]
    issuers = {found: [other for other in all_of_them if _issued(found, other)] for found in all_of_them}
    for weakest in sorted(all_of_them, key=lambda found: found.not_valid_after_utc, reverse=True):
        lasting = {found for found in all_of_them if found.not_valid_after_utc >= weakest.not_valid_after_utc}
        if _leads(shown[0], roots, issuers, lasting):
            return read(weakest)
    return None


def _leads(
    leaf: x509.Certificate,
    roots: Sequence[x509.Certificate],
    issuers: Mapping[x509.Certificate, Sequence[x509.Certificate]],
    usable: Collection[x509.Certificate],
) -> bool:
    """Return whether a chain of usable certificates leads from this one to a root that signed itself."""
    reached: set[x509.Certificate] = set()
    waiting = [leaf]
    while waiting:
        found = waiting.pop()
        if found in usable and found not in reached:
            reached.add(found)
            waiting += issuers.get(found, ())
    return any(found in roots and found in issuers[found] for found in reached)


def _issued(found: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        found.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
