"""Files of accounts as `htpasswd` writes them (Apache's documentation, "Password Formats")."""

import re

import msgspec


class Entry(msgspec.Struct, frozen=True):
    """One account. line: from 1. form: how its password is kept; `bcrypt` is the one Distribution takes."""

    line: int
    user: str
    form: str
    cost: int = 0
    """Of bcrypt: the number of rounds is two to its power."""


class Broken(msgspec.Struct, frozen=True):
    """A line that is no account."""

    line: int


_BCRYPT = re.compile(r"\$2[abxy]\$(\d\d)\$[./A-Za-z0-9]{53}")
_FORMS = (
    (re.compile(r"\$apr1\$"), "MD5 (apr1)"),
    (re.compile(r"\$1\$"), "MD5 (crypt)"),
    (re.compile(r"\{SHA\}"), "SHA-1 without salt"),
    (re.compile(r"\{SSHA\}"), "SHA-1"),
    (re.compile(r"\$5\$"), "SHA-256 (crypt)"),
    (re.compile(r"\$6\$"), "SHA-512 (crypt)"),
    (re.compile(r"\$(y|7|gy)\$"), "yescrypt or scrypt"),
    (re.compile(r"\$argon2"), "Argon2"),
    (re.compile(r"[./A-Za-z0-9]{13}$"), "DES (crypt)"),
)


def parse(text: str) -> list[Entry | Broken]:
    """Return the accounts in a file; blank lines and comments are left out, as Distribution leaves them
    out."""
    found: list[Entry | Broken] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        user, colon, secret = line.partition(":")
        if not colon or not user or not secret:
            found.append(Broken(number))
            continue
        bcrypt = _BCRYPT.fullmatch(secret)
        form = (
            "bcrypt" if bcrypt else next((form for sign, form in _FORMS if sign.match(secret)), "plain text")
        )
        found.append(Entry(number, user, form, int(bcrypt[1]) if bcrypt else 0))
    return found
