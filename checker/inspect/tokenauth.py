"""Getting registry tokens (Distribution documentation, "Token Authentication Specification")."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from requests.auth import AuthBase
from requests.utils import parse_dict_header

from checker.base.errors import Refused, ServiceFault
from checker.base.pace import scaled

DEFAULT_SECONDS = 60.0
"""How long a token is good whose answer does not say it (specification, "Token Response Fields": `expires_in`)."""
SPARE = 0.25
"""Share of a token's time before whose end it is renewed: the request still has to arrive."""
TIMEOUT = 10.0
Clock = Callable[[], float]
"""Seconds since 1970."""


class Held(msgspec.Struct, frozen=True):
    """A token, and when to renew it: seconds since 1970."""

    token: str
    until: float


def held(answer: object, asked_at: float) -> Held:
    """Read a token server's answer. Raises ServiceFault if there is no token in it.

    The token ends after `expires_in` seconds from `issued_at`, or when the claims in it say, if that is sooner. A
    server whose clock differs from ours is believed in lengths only.

    >>> held({"token": "abc", "expires_in": 300}, asked_at=1000.0)
    Held(token='abc', until=1225.0)
    """
    found = answer if isinstance(answer, dict) else {}
    token = found.get("token") or found.get("access_token")
    if not isinstance(token, str):
        raise ServiceFault("The token server's answer holds no token.")
    told = found.get("expires_in")
    seconds = float(told) if isinstance(told, int | float) and told > 0 else DEFAULT_SECONDS
    age = asked_at - _moment(found.get("issued_at"), asked_at)
    claims = _claims(token)
    begins, ends = claims.get("iat"), claims.get("exp")
    if isinstance(begins, int | float) and isinstance(ends, int | float) and begins < ends:
        seconds = min(seconds, ends - begins)
        age = max(age, asked_at - begins)
    if not 0 <= age < seconds:  # another clock, or a token that is over: the next request renews it
        age = 0.0
    return Held(token, asked_at + seconds * (1 - SPARE) - age)


class TokenAuth(AuthBase):
    """Answers a registry's `Bearer` challenge: asks its realm for a token as `account`, and asks again.

    A token is used until it nears its end. If the registry refuses one that was used before, it is renewed, once for
    each request.
    A realm on another host than the registry's is not asked unless it is in `realms`: a password goes to
    nobody just because he asks for it.
    """

    def __init__(
        self,
        account: str,
        password: str,
        realms: frozenset[str] = frozenset(),
        *,
        clock: Clock = time.time,
    ) -> None:
        self._basic = (account, password) if account else None
        self._realms = realms
        self._clock = clock
        self._held: dict[str, Held] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._challenged)  # type: ignore[no-untyped-call]
        return request

    def _challenged(self, response: requests.Response, **sending: Any) -> requests.Response:
        challenge = _challenge(response)
        if challenge is None:
            return response
        token, fresh = self._token(response, challenge, sending)
        answer = self._again(response, token, sending)
        challenge = _challenge(answer)
        if fresh or challenge is None:
            return answer
        self._held.pop(_key(challenge), None)
        token, _ = self._token(answer, challenge, sending)
        return self._again(answer, token, sending)

    def _again(self, response: requests.Response, token: str, sending: dict[str, Any]) -> requests.Response:
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {token}"
        again.deregister_hook("response", self._challenged)  # type: ignore[no-untyped-call]
        response.close()
        with requests.Session() as http:
            http.trust_env = False
            return http.send(again, **sending)

    def _token(
        self, response: requests.Response, challenge: Mapping[str, str], sending: dict[str, Any]
    ) -> tuple[str, bool]:
        """Return a token for the challenge, and whether it was just made."""
        realm = challenge.get("realm", "")
        host = urlsplit(realm).hostname
        if host != urlsplit(response.url).hostname and host not in self._realms:
            raise ServiceFault(f"The registry sends its clients to {realm!r} for tokens; nobody asks there.")
        key, now = _key(challenge), self._clock()
        known = self._held.get(key)
        if known is not None and now < known.until:
            return known.token, False
        about = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        try:
            answer = self._http.get(
                realm, params=about, auth=self._basic, timeout=sending.get("timeout") or scaled(TIMEOUT)
            )
            if answer.status_code != requests.codes.ok:
                raise Refused(
                    f"The token server answered {answer.status_code} to {self._who()}.", answer.status_code
                )
            self._held[key] = held(answer.json(), now)
        except requests.RequestException as error:
            raise ServiceFault(
                f"The token server at {host} does not answer as it should ({error})."
            ) from error
        return self._held[key].token, True

    def _who(self) -> str:
        return self._basic[0] if self._basic else "an anonymous request"


def _challenge(response: requests.Response) -> dict[str, str] | None:
    """Return what a registry asks for; None for any other answer."""
    kind, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
    if response.status_code != requests.codes.unauthorized or kind.lower() != "bearer":
        return None
    found = parse_dict_header(rest)  # type: ignore[no-untyped-call]
    return {name: value or "" for name, value in found.items()}


def _key(challenge: Mapping[str, str]) -> str:
    return " ".join(challenge.get(name, "") for name in ("realm", "service", "scope"))


def _moment(text: object, otherwise: float) -> float:
    """Return an RFC 3339 time in seconds since 1970."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return otherwise
    return found.timestamp() if found.tzinfo else otherwise


def _claims(token: str) -> dict[str, Any]:
    """Return what a token says if it is a JSON Web Token (RFC 7519); nothing for any other."""
    part = token.split(".")[1] if token.count(".") == 2 else ""
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
