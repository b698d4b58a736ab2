"""Personal access tokens: made, listed, switched off and removed with the password only."""

import secrets
import sqlite3
import uuid
from datetime import UTC, datetime

import msgspec

from checker.services.clock import now, text
from checker.services.credentials import TOKEN_PREFIX, Caller, token_hash, usable
from checker.services.hub.paging import page
from checker.services.hub.sessions import Sessions
from checker.services.hub.shapes import AccessToken, AccessTokens, ChangedToken, NewToken, PageQuery
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Problem, Route

MOST = 200
"""Access tokens of one account."""


class Issued(msgspec.Struct, frozen=True):
    """An access token as the operator sees it. usable: it is switched on, and its time has not come."""

    uuid: str
    account: str
    label: str
    scopes: list[str]
    usable: bool
    created_at: str
    last_used: str | None


class AccessTokenApi:
    """The calls under /v2/access-tokens."""

    def __init__(self, store: ServiceStore, sessions: Sessions, address: str) -> None:
        self._store, self._sessions, self._address = store, sessions, address

    def routes(self) -> list[Route]:
        """Return them."""
        refusals = {401: Error, 403: Error}
        one = "/v2/access-tokens/{uuid}"
        return [
            Route(
                "POST",
                "/v2/access-tokens",
                self._make,
                "Make an access token; only this answer shows it",
                {201: AccessToken, **refusals},
                body=NewToken,
                security="session",
            ),
            Route(
                "GET",
                "/v2/access-tokens",
                self._list,
                "List one's access tokens",
                {200: AccessTokens, 404: Error, **refusals},
                query=PageQuery,
                security="session",
            ),
            Route(
                "GET",
                one,
                self._get,
                "Look at an access token",
                {200: AccessToken, 404: Error, **refusals},
                security="session",
            ),
            Route(
                "PATCH",
                one,
                self._change,
                "Rename an access token, or switch it off or on",
                {200: AccessToken, 404: Error, **refusals},
                body=ChangedToken,
                security="session",
            ),
            Route(
                "DELETE",
                one,
                self._remove,
                "Remove an access token for good",
                {204: None, 404: Error, **refusals},
                security="session",
            ),
        ]

    def everything(self) -> list[Issued]:
        """Return what the operator may know of all access tokens, removed ones excepted, oldest first."""
        rows = self._store.rows("SELECT * FROM access_tokens ORDER BY created_at, rowid")
        return [
            Issued(
                row["uuid"],
                row["account"],
                row["label"],
                msgspec.json.decode(row["scopes"]),
                usable(row["is_active"], row["expires_at"]),
                row["created_at"],
                row["last_used"],
            )
            for row in rows
        ]

    def _owner(self, call: Call) -> Caller:
        caller = self._sessions.caller(call)
        if caller.credential != "password":
            raise Problem(403, "Access tokens cannot manage access tokens: log in with the password.")
        return caller

    async def _make(self, call: Call) -> Answer:
        caller = self._owner(call)
        wanted: NewToken = call.body
        if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
            raise Problem(400, "expires_at has passed already.", errinfo={"expires_at": "has passed"})
        if self._store.count("SELECT count(*) FROM access_tokens WHERE account = ?", caller.account) >= MOST:
            raise Problem(400, f"An account has at most {MOST} access tokens.")
        secret = TOKEN_PREFIX + secrets.token_urlsafe(20)
        token_uuid = str(uuid.uuid4())
        self._store.write(
            "INSERT INTO access_tokens (uuid, account, label, scopes, hash, created_at, expires_at,"
            " is_active,"
            " creator_ip, creator_ua) VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?, ?)",
            token_uuid,
            caller.account,
            wanted.token_label,
            msgspec.json.encode(list(dict.fromkeys(wanted.scopes))).decode(),
            token_hash(secret),
            now(),
            text(wanted.expires_at) if wanted.expires_at else None,
            call.address,
            call.request.headers.get("user-agent", "")[:300],
        )
        self._sessions.noted(call, caller)
        return Answer(_shown(self._row(caller, token_uuid), secret), 201)

    async def _list(self, call: Call) -> Answer:
        caller = self._owner(call)
        rows = self._store.rows(
            "SELECT * FROM access_tokens WHERE account = ? ORDER BY created_at DESC, rowid DESC",
            caller.account,
        )
        part = page(call, self._address, [_shown(row) for row in rows])
        active = sum(usable(row["is_active"], row["expires_at"]) for row in rows)
        return Answer(AccessTokens(part.count, part.next, part.previous, active, part.results))

    async def _get(self, call: Call) -> Answer:
        return Answer(_shown(self._row(self._owner(call), call.path["uuid"])))

    async def _change(self, call: Call) -> Answer:
        caller = self._owner(call)
        row = self._row(caller, call.path["uuid"])
        wanted: ChangedToken = call.body
        label = row["label"] if wanted.token_label is msgspec.UNSET else wanted.token_label
        active = row["is_active"] if wanted.is_active is msgspec.UNSET else int(wanted.is_active)
        self._store.write(
            "UPDATE access_tokens SET label = ?, is_active = ? WHERE uuid = ?", label, active, row["uuid"]
        )
        return Answer(_shown(self._row(caller, row["uuid"])))

    async def _remove(self, call: Call) -> Answer:
        row = self._row(self._owner(call), call.path["uuid"])
        self._store.write("DELETE FROM access_tokens WHERE uuid = ?", row["uuid"])
        return Answer(status=204)

    def _row(self, caller: Caller, token_uuid: str) -> sqlite3.Row:
        row = self._store.row(
            "SELECT * FROM access_tokens WHERE uuid = ? AND account = ?", token_uuid, caller.account
        )
        if row is None:
            raise Problem(404, "There is no such access token.")
        return row


def _shown(row: sqlite3.Row, secret: str = "") -> AccessToken:
    return AccessToken(
        uuid=row["uuid"],
        client_id="HUB",
        creator_ip=row["creator_ip"],
        creator_ua=row["creator_ua"],
        created_at=row["created_at"],
        last_used=row["last_used"],
        generated_by="manual",
        is_active=bool(row["is_active"]),
        token=secret,
        token_label=row["label"],
        scopes=msgspec.json.decode(row["scopes"]),
        expires_at=row["expires_at"],
    )
