"""Mode roles: what an account may do is what its role may do by the registry-rbac.conf that is in force."""

import asyncio
import errno
import hashlib
import os
import stat
from pathlib import Path

import msgspec

from checker.services.authlog import AuthLog
from checker.services.clock import now
from checker.services.credentials import Caller, Credentials, basic
from checker.services.notifications import Event, Events
from checker.services.operatorapi import After
from checker.services.rbac import LARGEST, Rbac, RbacError, Role, parse
from checker.services.scopes import Access, cut
from checker.services.settings import OPERATOR, Settings
from checker.services.web import Answer, Call, Error, Problem, Route

LOOK_EVERY = 0.5
"""Seconds between looks at the file while nobody asks for a token."""


class InForce(msgspec.Struct, frozen=True):
    """The file that counts."""

    sha256: str
    loaded_at: str


class Refusal(msgspec.Struct, frozen=True):
    """The file as it is now, if it does not count. line, column: from 1; 0 if there is no file to read."""

    sha256: str
    line: int
    column: int
    expected: str
    seen: str
    message: str


class State(msgspec.Struct, frozen=True):
    """What is in force, and what is not."""

    in_force: InForce | None
    roles: dict[str, Role]
    refused: Refusal | None


class Roles:
    """The policy of the token server, and the calls of this mode."""

    def __init__(self, settings: Settings, credentials: Credentials, events: Events, log: AuthLog) -> None:
        self._file = Path(settings.rbac)
        self._role_of = {account.username: account.role for account in settings.accounts}
        self._credentials, self._events, self._log = credentials, events, log
        self._rbac = Rbac({})
        self._in_force: InForce | None = None
        self._refused: Refusal | None = None
        self.look()

    def look(self) -> None:
        """Read the file, and take it in force if it is another one than before and has no mistake."""
        try:
            content = _plain(self._file)
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            self._refused = Refusal("", 0, 0, "a file", "none", f"{self._file.name}: {reason}")
            return
        digest = hashlib.sha256(content).hexdigest()
        if self._refused and self._refused.sha256 == digest:
            return
        if self._in_force and self._in_force.sha256 == digest:
            self._refused = None
            return
        try:
            self._rbac = parse(content)
        except RbacError as error:
            self._refused = Refusal(
                digest, error.line, error.column, error.expected, error.seen, f"{self._file.name}, {error}"
            )
            return
        self._in_force, self._refused = InForce(digest, now()), None

    async def watch(self) -> None:
        """Look again and again, so that what `/rbac` tells as time of loading is near the truth."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            self.look()

    def grant(self, caller: Caller, asked: Access) -> Access:
        """Decide what a token is good for."""
        self.look()
        role = self._role(caller)
        if asked.type == "registry":
            return cut(asked, frozenset("*") if "catalog" in role.registry else frozenset())
        return cut(asked, role.actions(asked.name))

    def routes(self) -> list[Route]:
        """Return the calls of this mode."""
        return [
            Route("GET", "/rbac", self._state, "Which roles are in force", {200: State}),
            Route(
                "GET",
                "/events",
                self._audit,
                "Who did what, when and from where",
                {200: list[Event], 401: Error, 403: Error},
                query=After,
                security="basic",
            ),
        ]

    def _role(self, caller: Caller) -> Role:
        return self._rbac.role(self._role_of.get(caller.account, ""))

    async def _state(self, _call: Call) -> Answer:
        self.look()
        return Answer(State(self._in_force, self._rbac.roles, self._refused))

    async def _audit(self, call: Call) -> Answer:
        shown = basic(call.authorization)
        caller = await self._credentials.check(*shown) if shown else None
        if caller is None:
            if shown:
                self._log.add(call, Caller(shown[0], "bad"), "refused")
            text = "Name an account and its password."
            raise Problem(401, text, headers={"WWW-Authenticate": 'Basic realm="audit"'})
        if caller.is_operator:
            return Answer(await self._events.after(call.query.after))
        self.look()
        self._log.add(call, caller, "granted")
        if "audit" not in self._role(caller).registry:
            raise Problem(403, "The role of this account has no right to audit.")
        # What the lab itself looks at is nothing that anybody did.
        done = await self._events.after(call.query.after)
        return Answer([event for event in done if event.actor != OPERATOR])


def _plain(path: Path) -> bytes:
    """Return the first bytes of a plain file. Raises OSError for anything else.

    To open a named pipe would take until somebody writes into it, and nobody else could ask for anything.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        with os.fdopen(handle, "rb", closefd=False) as file:
            return file.read(LARGEST + 1)
    finally:
        os.close(handle)
