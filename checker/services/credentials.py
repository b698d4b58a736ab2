"""Who is asking: accounts with passwords, and access tokens that stand in for them.

Passwords are kept as Argon2 hashes. Access tokens are long random texts, so a plain SHA-256 is kept of them:
there is nothing to guess, and a token is found by its hash.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from functools import cache

import argon2
import msgspec

from checker.services.clock import moment, now
from checker.services.settings import OPERATOR, Account
from checker.services.store import ServiceStore

TOKEN_PREFIX = "dckr_pat_"
"""What a Docker Hub access token starts with; ours do, too."""


class Caller(msgspec.Struct, frozen=True):
    """Somebody whose credential was found good, or nobody in particular.

    credential: password, access-token, operator or anonymous. scopes: of the access token, None for
    everything that the account may do.
    """

    account: str = ""
    credential: str = "anonymous"
    token_uuid: str = ""
    token_label: str = ""
    scopes: tuple[str, ...] | None = None

    @property
    def is_operator(self) -> bool:
        """The lab itself: may do everything, is neither counted nor logged."""
        return self.credential == "operator"


ANONYMOUS = Caller()


class Credentials:
    """Checks what people show."""

    def __init__(self, store: ServiceStore, operator_key: str) -> None:
        self._store = store
        self._operator_key = operator_key.encode()

    def open_accounts(self, accounts: tuple[Account, ...]) -> None:
        """Take accounts in that are not known yet; known ones keep their password."""
        for account in accounts:
            if self._store.row("SELECT 1 FROM accounts WHERE username = ?", account.username) is None:
                self._store.write(
                    "INSERT INTO accounts (uuid, username, password_hash) VALUES (?, ?, ?)",
                    str(uuid.uuid4()),
                    account.username,
                    _hasher().hash(account.password),
                )

    def is_operator(self, key: str) -> bool:
        """Compare with the operator's key, in a time that does not tell how much of it is right."""
        return hmac.compare_digest(key.encode(errors="replace"), self._operator_key)

    async def check(self, username: str, secret: str) -> Caller | None:
        """Return who that is: by the operator's key, an access token or a password. None if it is wrong."""
        if username == OPERATOR:
            return Caller(OPERATOR, "operator") if self.is_operator(secret) else None
        if secret.startswith(TOKEN_PREFIX):
            return self._by_token(username, secret)
        row = self._store.row("SELECT password_hash FROM accounts WHERE username = ?", username)
        # An unknown name takes as long as a wrong password.
        known = str(row["password_hash"]) if row else _nobodys_hash()
        right = await asyncio.to_thread(_matches, known, secret)
        return Caller(username, "password") if right and row else None

    def _by_token(self, username: str, secret: str) -> Caller | None:
        row = self._store.row(
            "SELECT * FROM access_tokens WHERE hash = ? AND account = ?", token_hash(secret), username
        )
        if row is None or not usable(row["is_active"], row["expires_at"]):
            return None
        self._store.write("UPDATE access_tokens SET last_used = ? WHERE uuid = ?", now(), row["uuid"])
        return Caller(
            username, "access-token", row["uuid"], row["label"], tuple(msgspec.json.decode(row["scopes"]))
        )

    def of_session(self, account: str, token_uuid: str) -> Caller | None:
        """Return whose session that is; None if the access token it was opened with is no longer good."""
        if self._store.row("SELECT 1 FROM accounts WHERE username = ?", account) is None:
            return None
        if not token_uuid:
            return Caller(account, "password")
        row = self._store.row(
            "SELECT * FROM access_tokens WHERE uuid = ? AND account = ?", token_uuid, account
        )
        if row is None or not usable(row["is_active"], row["expires_at"]):
            return None
        return Caller(
            account, "access-token", token_uuid, row["label"], tuple(msgspec.json.decode(row["scopes"]))
        )


def usable(is_active: int, expires_at: str | None) -> bool:
    """Tell whether an access token is switched on and its time has not come."""
    return bool(is_active) and (expires_at is None or moment(expires_at) > datetime.now(UTC))


def token_hash(secret: str) -> str:
    """Return what is kept of an access token."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def basic(header: str) -> tuple[str, str] | None:
    """Read an Authorization header of the Basic scheme (RFC 7617); None if it is none."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        username, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (username, secret) if colon else None


def bearer(header: str) -> str | None:
    """Read an Authorization header of the Bearer scheme (RFC 6750), or JWT as Docker Hub takes too."""
    scheme, _, token = header.partition(" ")
    return token.strip() or None if scheme.lower() in ("bearer", "jwt") else None


@cache
def _hasher() -> argon2.PasswordHasher:
    # A classroom's worth of logins at once has to fit a small machine; what is guarded lives as long as a
    # lab.
    return argon2.PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1)


@cache
def _nobodys_hash() -> str:
    return _hasher().hash(uuid.uuid4().hex)


def _matches(known: str, secret: str) -> bool:
    try:
        return _hasher().verify(known, secret)
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False
