"""Making and reading signed tokens (Distribution, "Token Authentication Implementation"; RFC 7519).

Two kinds that cannot stand in for each other, since their audiences differ: for the registry, and sessions
of the API.
"""

import time
import uuid
from typing import Any

import jwt
import msgspec

from checker.services.keys import Keys
from checker.services.scopes import Access

SESSION_SECONDS = 600
"""How long a session of the API lasts, as on Docker Hub."""


class BadToken(Exception):
    """Not signed by us, for another audience, of another time or form. expired: nothing else is wrong with
    it.
    """

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("the token is not valid")
        self.expired = expired


class Claims(msgspec.Struct, frozen=True):
    """What a token for the registry says. sub: the account, "" for anonymous; times in seconds since 1970."""

    sub: str
    exp: int
    access: list[Access] = []

    def allows(self, repository: str, action: str) -> bool:
        """Tell whether the token is good for an action on a repository."""
        return any(
            entry.type == "repository" and entry.name == repository and action in entry.actions
            for entry in self.access
        )


class TokenSession(msgspec.Struct, frozen=True):
    """Who is logged in to the API. token: the uuid of the access token used, "" if it was the password."""

    sub: str
    token: str


class Signer:
    """Signs and checks tokens of one service."""

    def __init__(self, keys: Keys, issuer: str, service: str, seconds: int) -> None:
        self._private, self._public = keys.private, keys.public
        self._chain = list(keys.chain)
        self._issuer, self._service, self._api = issuer, service, f"{issuer}/api"
        self.seconds = seconds

    def for_registry(self, account: str, access: list[Access], seconds: int | None = None) -> str:
        """Make a token that Distribution takes. Entries without an action are left out."""
        listed = [
            {"type": entry.type, "name": entry.name, "actions": list(entry.actions)}
            for entry in access
            if entry.actions
        ]
        return self._sign(account, self._service, seconds or self.seconds, {"access": listed})

    def for_api(self, account: str, token_uuid: str) -> str:
        """Make a session of the API."""
        return self._sign(account, self._api, SESSION_SECONDS, {"token": token_uuid})

    def read_registry(self, token: str) -> Claims:
        """Check a token for the registry, to the second. Raises BadToken."""
        return msgspec.convert(self._read(token, self._service), Claims, strict=True)

    def read_api(self, token: str) -> TokenSession:
        """Check a session of the API. Raises BadToken."""
        return msgspec.convert(self._read(token, self._api), TokenSession)

    def _sign(self, account: str, audience: str, seconds: int, more: dict[str, Any]) -> str:
        now = int(time.time())
        claims = {
            "iss": self._issuer,
            "sub": account,
            "aud": audience,
            "exp": now + seconds,
            "nbf": now,
            "iat": now,
            "jti": str(uuid.uuid4()),
            **more,
        }
        return jwt.encode(claims, self._private, algorithm="RS256", headers={"x5c": self._chain})

    def _read(self, token: str, audience: str) -> dict[str, Any]:
        try:
            return jwt.decode(
                token,
                self._public,
                algorithms=["RS256"],
                audience=audience,
                issuer=self._issuer,
                options={"require": ["exp", "nbf", "iat", "sub", "aud", "iss"]},
            )
        except jwt.ExpiredSignatureError:
            raise BadToken(expired=True) from None
        except (jwt.PyJWTError, ValueError, TypeError):
            raise BadToken from None
