"""`/token`: who is who, and what that person may do (Distribution, "Token Authentication Specification").

GET with Basic credentials is what docker sends; POST is the OAuth 2 form of it. A wrong password is 401; to
ask for more than one may do is no mistake: the token simply holds less.
"""

from typing import Annotated, Protocol

import msgspec

from checker.services.authlog import AuthLog
from checker.services.clock import now
from checker.services.credentials import ANONYMOUS, Caller, Credentials, basic
from checker.services.scopes import Access, parse
from checker.services.tokens import Signer
from checker.services.web import Answer, Call, Problem, Route


class Policy(Protocol):
    """What decides."""

    def grant(self, caller: Caller, asked: Access) -> Access:
        """Return what of `asked` the caller may do; it never holds more than was asked for."""


class Wanted(msgspec.Struct, frozen=True):
    """The parameters of GET /token; clients send more, which has no meaning here."""

    service: str
    scope: list[str] = []
    account: str = ""


class Form(msgspec.Struct, frozen=True):
    """The fields of POST /token."""

    grant_type: str
    service: str
    scope: list[str] = []
    username: str = ""
    password: str = ""
    client_id: str = ""


class Token(msgspec.Struct, frozen=True):
    """A token, under both names that clients look for. expires_in: in seconds."""

    token: str
    access_token: str
    expires_in: Annotated[int, msgspec.Meta(gt=0)]
    issued_at: str


class TokenRefused(msgspec.Struct, frozen=True):
    """Why there is no token, under the name that docker shows."""

    details: str


class TokenServer:
    """Answers `/token` by a policy."""

    def __init__(
        self, service: str, credentials: Credentials, signer: Signer, policy: Policy, log: AuthLog
    ) -> None:
        self._service = service
        self._credentials, self._signer, self._policy, self._log = credentials, signer, policy, log

    def routes(self) -> list[Route]:
        """Return the two calls."""
        answers = {200: Token, 400: TokenRefused, 401: TokenRefused}
        return [
            Route(
                "GET",
                "/token",
                self._get,
                "Ask for a token for the registry",
                answers,
                query=Wanted,
                security="basic-or-nobody",
                error=TokenRefused,
            ),
            Route(
                "POST",
                "/token",
                self._post,
                "Ask for a token for the registry, in the form of OAuth 2",
                answers,
                form=Form,
                error=TokenRefused,
            ),
        ]

    async def _get(self, call: Call) -> Answer:
        wanted: Wanted = call.query
        self._same_service(wanted.service)
        if not call.authorization:
            return self._issue(call, ANONYMOUS, wanted.service, wanted.scope)
        shown = basic(call.authorization)
        if shown is None:
            raise self._wrong(call, "", wanted.service, wanted.scope)
        return await self._for(call, shown[0], shown[1], wanted.service, wanted.scope)

    async def _post(self, call: Call) -> Answer:
        form: Form = call.body
        self._same_service(form.service)
        if form.grant_type != "password":
            text = f"There is no grant_type {form.grant_type!r} here; use password."
            raise Problem(400, text, body=TokenRefused(text))
        return await self._for(call, form.username, form.password, form.service, form.scope)

    async def _for(self, call: Call, username: str, secret: str, service: str, scopes: list[str]) -> Answer:
        caller = await self._credentials.check(username, secret)
        if caller is None:
            raise self._wrong(call, username, service, scopes)
        return self._issue(call, caller, service, scopes)

    def _issue(self, call: Call, caller: Caller, service: str, scopes: list[str]) -> Answer:
        asked = parse(scopes)
        granted = asked if caller.is_operator else [self._policy.grant(caller, each) for each in asked]
        granted = [each for each in granted if each.actions]
        if not caller.is_operator:
            self._log.add(call, caller, "granted", service, scopes, granted)
        token = self._signer.for_registry(caller.account, granted)
        answer = Token(token, token, self._signer.seconds, now())
        return Answer(answer, headers={"Cache-Control": "no-store"})

    def _same_service(self, service: str) -> None:
        if service != self._service:
            text = f"This token server serves {self._service}, not {service!r}."
            raise Problem(400, text, body=TokenRefused(text))

    def _wrong(self, call: Call, username: str, service: str, scopes: list[str]) -> Problem:
        self._log.add(call, Caller(username, "bad"), "refused", service, scopes)
        text = "incorrect username or password"
        return Problem(
            401, text, body=TokenRefused(text), headers={"WWW-Authenticate": f'Basic realm="{self._service}"'}
        )
