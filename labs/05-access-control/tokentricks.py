"""Ways round a registry's tokens that must all fail: somebody has a right, and tries to get another one.

Each is tried as an account that may push to one repository and may do nothing with another, private one
(Distribution documentation, "Token Authentication Implementation"; RFC 7519; RFC 8725, section 2).
"""

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import msgspec
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from checker.base.errors import ServiceFault
from tokenclient import REFUSED, Account, TokenClient, digest, image, said

WILD = ("repository:*:*", "repository:**:pull", "repository:{other}:*", "repository:{other}:pull,push,delete")
"""Scopes that ask for more than there is to get."""
AT_ONCE = 8

Sign = Callable[[bytes], bytes]
"""Makes the signature of a token's first two parts."""


class Trick(msgspec.Struct, frozen=True):
    """One thing that was tried. held: whether it failed as it must; answer: what came back."""

    name: str
    held: bool
    answer: str

    def __str__(self) -> str:
        return f"{self.name}: {'refused' if self.held else 'NOT refused'} ({self.answer})"


class Tricks:
    """Plays tricks on the registry at `address`.

    account: may pull and push `own`, nothing with `other`, and may not list the catalogue. operator: may
    do everything; pushes an image to `other` to be stolen. Raises ServiceFault where it cannot be tried.
    """

    def __init__(self, address: str, account: Account, operator: Account, own: str, other: str) -> None:
        self._client = TokenClient(address)
        self._account, self._own, self._other = account, own, other
        self._secret = json.dumps({"stolen": secrets.token_hex(16)}).encode()
        token = self._client.lease(operator, f"repository:{other}:pull,push")
        self._client.push_blob(token, other, self._secret)
        put = self._client.push_manifest(token, other, "private", image(self._secret, "private"))
        if put.status_code != requests.codes.created:
            raise ServiceFault(f"The registry refuses its own operator: {said(put)}.")
        self._lease = self._client.lease(account, f"repository:{own}:pull,push")

    @property
    def mine(self) -> str:
        """A token of the account's, good for its own repository now."""
        return self._lease.token()

    def all(self) -> list[Trick]:
        """Play every one, side by side."""
        mine = self.mine
        key, kept = certificate(mine), decoded(mine.split(".")[2])
        tokens = {
            "a token for another repository": lambda: self.mine,
            "a token that names no algorithm": lambda: self._forged("none", lambda _: b""),
            "a token signed with the public key as a shared secret": lambda: self._forged(
                "HS256", lambda text: hmac.digest(key, text, hashlib.sha256)
            ),
            "a token changed after it was signed": lambda: self._forged("RS256", lambda _: kept),
            "a token signed with another key": lambda: self._forged("RS256", another_key()),
        }
        for scope in (scope.format(other=self._other) for scope in WILD):
            tokens[f"the scope {scope}"] = partial(self._client.token, self._account, scope)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            used = pool.map(lambda trick: self.use(trick[0], trick[1]()), tokens.items())
            more = pool.map(lambda trick: trick(), (self._audience, self._mount, self._catalogue))
            return [*used, *more]

    def use(self, name: str, token: str) -> Trick:
        """Pull the private image with a token."""
        answers = [
            self._client.manifest(token, self._other, "private"),
            self._client.send("GET", f"/v2/{self._other}/blobs/{digest(self._secret)}", token),
        ]
        return Trick(name, all(a.status_code in REFUSED for a in answers), said(answers[0]))

    def grab(self) -> dict[str, Any]:
        """Return the claims that somebody would like to have."""
        claims = read_claims(self.mine)
        return claims | {
            "exp": int(time.time()) + 300,
            "access": [{"type": "repository", "name": self._other, "actions": ["pull", "push", "delete"]}],
        }

    def _forged(self, algorithm: str, sign: Sign) -> str:
        return forged(self.mine, algorithm, self.grab(), sign)

    def _audience(self) -> Trick:
        answer = self._client.ask(self._account, f"repository:{self._own}:pull", service="another.service")
        return Trick("a token for another service", answer.status_code >= 400, said(answer))

    def _mount(self) -> Trick:
        """Mount a blob of the private repository (end-11). An upload may begin, the blob must not come."""
        stolen = digest(self._secret)
        scopes = f"repository:{self._own}:pull,push", f"repository:{self._other}:pull"
        token = self._client.lease(self._account, *scopes)
        path = f"/v2/{self._own}/blobs/uploads/?mount={stolen}&from={self._other}"
        answer = self._client.send("POST", path, token)
        there = self._client.send("HEAD", f"/v2/{self._own}/blobs/{stolen}", self._lease)
        held = answer.status_code != requests.codes.created and there.status_code == requests.codes.not_found
        return Trick("a blob mounted out of a private repository", held, said(answer))

    def _catalogue(self) -> Trick:
        token = self._client.lease(self._account, "registry:catalog:*")
        answer = self._client.send("GET", "/v2/_catalog", token)
        return Trick("the catalogue without the right to it", answer.status_code in REFUSED, said(answer))


def forged(token: str, algorithm: str, claims: dict[str, Any], sign: Sign) -> str:
    """Return a token with the header of another, these claims, and whatever `sign` makes of both."""
    header = json.loads(decoded(token.split(".")[0])) | {"alg": algorithm}
    text = b".".join(_encoded(json.dumps(part).encode()) for part in (header, claims))
    return (text + b"." + _encoded(sign(text))).decode()


def another_key() -> Sign:
    """Signs with RSA and SHA-256 as the token server does, with a key of its own."""
    key = rsa.generate_private_key(65537, 2048)
    return lambda text: key.sign(text, padding.PKCS1v15(), hashes.SHA256())


def read_claims(token: str) -> dict[str, Any]:
    """Return what a token says, whoever signed it."""
    claims = json.loads(decoded(token.split(".")[1]))
    if not isinstance(claims, dict):
        raise ServiceFault("The token server's token holds no claims.")
    return claims


def certificate(token: str) -> bytes:
    """Return the certificate in a token's header, DER (RFC 7515, section 4.1.6)."""
    header = json.loads(decoded(token.split(".")[0]))
    return base64.b64decode(header["x5c"][0])


def decoded(part: str) -> bytes:
    """Base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
