"""What is wrong with a server's TLS, as findings: one code for each reason a client could have."""

from collections.abc import Sequence

from certificate import refusal
from checker.base.ports import HOST
from checker.check import fail
from tlsprobe import Certificate, Look, Trouble, accepts_old_tls, look, plain

_CODES = {
    Trouble.SILENT: "tls-no-answer",
    Trouble.NOT_TLS: "tls-not-spoken",
    Trouble.EXPIRED: "certificate-expired",
    Trouble.NOT_YET_VALID: "certificate-not-yet-valid",
    Trouble.SELF_SIGNED: "certificate-self-signed",
    Trouble.UNKNOWN_CA: "certificate-of-another-authority",
    Trouble.CA_UNFIT: "authority-unfit",
    Trouble.WRONG_NAME: "certificate-wrong-name",
    Trouble.OTHER: "certificate-refused",
}


def require_trusted(port: int, authority: str, names: Sequence[str], what: str) -> Certificate:
    """Make a handshake at 127.0.0.1:port for each of the names, trusting `authority` (PEM) alone.

    what: the server, as the beginning of a sentence. Returns the server's certificate.
    """
    found = None
    for name in names:
        seen = look(HOST, port, authority, name)
        if seen.trouble is not Trouble.NONE:
            fail(
                _CODES[seen.trouble],
                expected=f"{what} proves with a certificate of your authority that it is {name}.",
                observed=_observed(seen, name),
                action=_action(seen, name),
            )
        found = seen.certificate
    assert found is not None, "no name was asked for"
    return found


def require_no_plain_http(port: int, what: str) -> None:
    """That nothing without TLS is served at 127.0.0.1:port."""
    answer = plain(HOST, port)
    if answer and answer.registry:
        fail(
            "plain-http-answered",
            expected=f"{what} speaks TLS and nothing else.",
            observed=f"A request without TLS to {HOST}:{port} was answered with status {answer.status}.",
            action="Passwords and images go over this port in the clear. Give the server its certificate and "
            "key, and publish no second port without them.",
        )


def require_new_tls(port: int, what: str) -> None:
    """That TLS 1.0 and 1.1 are refused at 127.0.0.1:port."""
    if accepts_old_tls(HOST, port):
        fail(
            "old-tls-accepted",
            expected=f"{what} speaks TLS 1.2 or newer.",
            observed="A client that knows nothing newer than TLS 1.1 was let in.",
            action="Take away the setting that allows older versions: both the registry and nginx have one "
            "for the lowest version they accept.",
        )


def _observed(seen: Look, name: str) -> str:
    leaf = seen.certificate
    if seen.trouble is Trouble.SILENT:
        return f"Nobody answers there ({seen.detail})."
    if seen.trouble is Trouble.NOT_TLS:
        return f"What answers there does not speak TLS ({seen.detail})."
    if leaf is None:
        return f"The handshake failed: {seen.detail}."
    match seen.trouble:
        case Trouble.EXPIRED:
            return f"Its certificate was good until {leaf.ends:%Y-%m-%d %H:%M} UTC, which is past."
        case Trouble.NOT_YET_VALID:
            return f"Its certificate is not good before {leaf.begins:%Y-%m-%d %H:%M} UTC."
        case Trouble.SELF_SIGNED:
            return f"Its certificate ({leaf.subject}) is signed with its own key, by no authority."
        case Trouble.WRONG_NAME:
            names = ", ".join(leaf.names) or "none at all"
            return f"The alternative names in its certificate are: {names}."
        case _:
            return refusal(seen, leaf)[0]


def _action(seen: Look, name: str) -> str:
    leaf = seen.certificate
    match seen.trouble:
        case Trouble.SILENT | Trouble.NOT_TLS:
            return "Look at the server's log, and whether it is given certificate and key."
        case Trouble.EXPIRED | Trouble.NOT_YET_VALID:
            return "Issue a new certificate whose time has begun and not ended; give the number of days."
        case Trouble.SELF_SIGNED:
            return (
                "Make a request for the server's key and sign it with the authority's key. Clients then need "
                "to trust the authority only, whatever certificates it issues later."
            )
        case Trouble.WRONG_NAME:
            kind = "IP" if name.replace(".", "").isdigit() else "DNS"
            hidden = leaf is not None and not leaf.names and name in leaf.subject
            why = " Clients do not look at the subject's CN any more." if hidden else ""
            return f"Add {kind}:{name} to subjectAltName, and issue the certificate again.{why}"
        case Trouble.CA_UNFIT:
            return "The authority's own certificate has to say CA:TRUE and has to be in its time."
        case Trouble.UNKNOWN_CA:
            return (
                "Sign the server's certificate with the key that belongs to ca/ca.crt. If you made the "
                "authority again, everything it issued before has to be issued again."
            )
        case _ if leaf is not None:
            return refusal(seen, leaf)[1]
        case _:
            return "Look at it with `openssl s_client -connect`, which tells where the handshake ends."
