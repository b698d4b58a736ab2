"""Logging in to the hub's API, and who a session is of."""

from checker.services.authlog import AuthLog
from checker.services.credentials import ANONYMOUS, Caller, Credentials, bearer
from checker.services.hub.shapes import Identified, Identity, LoggedIn, Login
from checker.services.settings import OPERATOR
from checker.services.tokens import BadToken, Signer
from checker.services.web import Answer, Call, Error, Problem, Route


class Sessions:
    """Opens sessions, and finds the caller of each call."""

    def __init__(self, credentials: Credentials, signer: Signer, log: AuthLog) -> None:
        self._credentials, self._signer, self._log = credentials, signer, log

    def caller(self, call: Call) -> Caller:
        """Return who calls: the operator, too. Raises Problem 401 if that is nobody, or not known any
        more.
        """
        token = bearer(call.authorization)
        if token and self._credentials.is_operator(token):
            return Caller(OPERATOR, "operator")
        try:
            session = self._signer.read_api(token) if token else None
        except BadToken:
            session = None
        found = self._credentials.of_session(session.sub, session.token) if session else None
        if found is None:
            raise Problem(
                401,
                "There is no session, or it is over: log in first.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return found

    def perhaps(self, call: Call) -> Caller:
        """Return who calls, also nobody in particular. Raises Problem 401 for a session that is not good."""
        return self.caller(call) if call.authorization else ANONYMOUS

    def noted(self, call: Call, caller: Caller) -> None:
        """Write down that a session was used for something that gives out a credential."""
        noted = Caller(caller.account, "session", caller.token_uuid, caller.token_label)
        self._log.add(call, noted, "granted")

    def routes(self) -> list[Route]:
        """Return the two calls that log in."""
        return [
            Route(
                "POST",
                "/v2/users/login",
                self._login,
                "Open a session",
                {200: LoggedIn, 401: Error},
                body=Login,
            ),
            Route(
                "POST",
                "/v2/auth/token",
                self._identify,
                "Open a session",
                {200: Identified, 401: Error},
                body=Identity,
            ),
        ]

    async def _login(self, call: Call) -> Answer:
        return Answer(LoggedIn(await self._open(call, call.body.username, call.body.password)))

    async def _identify(self, call: Call) -> Answer:
        return Answer(Identified(await self._open(call, call.body.identifier, call.body.secret)))

    async def _open(self, call: Call, username: str, secret: str) -> str:
        # The operator has no account, so there is nothing to be logged in to.
        caller = await self._credentials.check(username, secret) if username != OPERATOR else None
        if caller is None:
            self._log.add(call, Caller(username, "bad"), "refused")
            raise Problem(401, "Incorrect authentication credentials")
        self._log.add(call, caller, "granted")
        return self._signer.for_api(caller.account, caller.token_uuid)
