"""Getting registry tokens (Distribution documentation, "Token Authentication Specification")."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import parse_dict_header

from checker.errors import ServiceFault


class TokenAuth(AuthBase):
    """Answers a registry's `Bearer` challenge: asks its realm for a token as `account`, and asks again.

    A realm on another host than the registry's is not asked unless it is in `realms`: a password goes to
    nobody just because he asks for it.
    """

    def __init__(self, account: str, password: str, realms: frozenset[str] = frozenset()) -> None:
        self._basic = (account, password) if account else None
        self._realms = realms
        self._tokens: dict[str, str] = {}
        self._http = requests.Session()
        self._http.trust_env = False

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.register_hook("response", self._challenged)  # type: ignore[no-untyped-call]
        return request

    def _challenged(self, response: requests.Response, **sending: Any) -> requests.Response:
        kind, _, rest = response.headers.get("WWW-Authenticate", "").partition(" ")
        if response.status_code != requests.codes.unauthorized or kind.lower() != "bearer":
            return response
        token = self._token(response, parse_dict_header(rest), sending)  # type: ignore[no-untyped-call]
        again = response.request.copy()
        again.headers["Authorization"] = f"Bearer {token}"
        again.deregister_hook("response", self._challenged)  # type: ignore[no-untyped-call]
        response.close()
        with requests.Session() as http:
            http.trust_env = False
            return http.send(again, **sending)

    def _token(
        self, response: requests.Response, challenge: Mapping[str, str | None], sending: dict[str, Any]
    ) -> str:
        realm = challenge.get("realm") or ""
        host = urlsplit(realm).hostname
        if host != urlsplit(response.url).hostname and host not in self._realms:
            raise ServiceFault(f"The registry sends its clients to {realm!r} for tokens; nobody asks there.")
        about = {name: challenge[name] or "" for name in ("service", "scope") if name in challenge}
        key = f"{realm} {about}"
        if key not in self._tokens:
            answer = self._http.get(
                realm, params=about, auth=self._basic, timeout=sending.get("timeout") or 10.0
            )
            if answer.status_code != requests.codes.ok:
                raise ServiceFault(f"The token server answered {answer.status_code} to {self._who()}.")
            found = answer.json()
            self._tokens[key] = str(found.get("token") or found.get("access_token") or "")
        return self._tokens[key]

    def _who(self) -> str:
        return self._basic[0] if self._basic else "an anonymous request"
