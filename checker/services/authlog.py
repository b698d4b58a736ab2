"""The record of everybody who showed a credential, or none, to get a token or a session.

Never a secret: of an access token its label and uuid, of a password nothing.
"""

import sqlite3
from collections.abc import Iterable

import msgspec

from checker.services.clock import now
from checker.services.credentials import Caller
from checker.services.scopes import Access
from checker.services.store import ServiceStore
from checker.services.web import Call

LONGEST = 300
"""Characters kept of anything a client makes up."""


class Entry(msgspec.Struct, frozen=True):
    """One line. outcome: granted if a token or session was given out, whatever it is good for."""

    seq: int
    at: str
    account: str
    credential: str
    token_label: str
    token_uuid: str
    endpoint: str
    service: str
    requested: list[str]
    granted: list[str]
    address: str
    outcome: str


class AuthLog:
    """Writes and reads the lines."""

    def __init__(self, store: ServiceStore) -> None:
        self._store = store

    def add(
        self,
        call: Call,
        caller: Caller,
        outcome: str,
        service: str = "",
        requested: Iterable[str] = (),
        granted: Iterable[Access] = (),
    ) -> None:
        """Write a line. caller: with the credential `bad` and the claimed name if it was refused."""
        asked = [scope[:LONGEST] for scope in " ".join(requested).split()][:64]
        self._store.write(
            "INSERT INTO auth_log (at, account, credential, token_label, token_uuid, endpoint, service,"
            " requested,"
            " granted, address, outcome) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            now(),
            _text(caller.account),
            caller.credential,
            caller.token_label,
            caller.token_uuid,
            call.request.url.path.rstrip("/"),
            _text(service),
            _text(msgspec.json.encode(asked).decode()),
            msgspec.json.encode([str(each) for each in granted]).decode(),
            call.address,
            outcome,
        )

    def after(self, seq: int) -> list[Entry]:
        """Return the lines after a number, oldest first."""
        return [
            _entry(row) for row in self._store.rows("SELECT * FROM auth_log WHERE seq > ? ORDER BY seq", seq)
        ]


def _text(made_up: str) -> str:
    return made_up.encode(errors="replace").decode()[: LONGEST * 64]


def _entry(row: sqlite3.Row) -> Entry:
    values = dict(row)
    values["requested"] = msgspec.json.decode(values["requested"])
    values["granted"] = msgspec.json.decode(values["granted"])
    return Entry(**values)
