"""Mode events: a place for notifications of any registry, and for webhooks of anything."""

import re
import sqlite3
from typing import Any

import msgspec

from checker.services.clock import now
from checker.services.credentials import Credentials
from checker.services.operatorapi import operator_route
from checker.services.settings import Settings
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Problem, Route

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Received(msgspec.Struct, frozen=True):
    """One request that came to a hook. status: what it was answered; body: as JSON says it."""

    seq: int
    name: str
    at: str
    status: int
    address: str
    headers: dict[str, str]
    body: Any


def build_events(settings: Settings, store: ServiceStore, credentials: Credentials) -> list[Route]:
    """Return the calls of this mode, but for /notifications."""

    async def receive(call: Call) -> Answer:
        name = _hook(call)
        so_far = store.count("SELECT count(*) FROM hooks WHERE name = ?", name)
        status = 500 if so_far < settings.hooks_fail.get(name, 0) else 200
        headers = {key: value for key, value in call.request.headers.items() if key != "authorization"}
        with store.durable():
            store.write(
                "INSERT INTO hooks (name, at, status, address, headers, body) VALUES (?, ?, ?, ?, ?, ?)",
                name,
                now(),
                status,
                call.address,
                msgspec.json.encode(headers).decode(),
                msgspec.json.encode(call.body).decode(),
            )
        if status == 500:
            raise Problem(500, "This receiver was told to fail for now.")
        return Answer({})

    async def listed(call: Call) -> Answer:
        return Answer(_received(store.rows("SELECT * FROM hooks WHERE name = ? ORDER BY seq", _hook(call))))

    async def everything(_call: Call) -> Answer:
        return Answer(_received(store.rows("SELECT * FROM hooks ORDER BY seq")))

    return [
        Route(
            "POST",
            "/hooks/{name}",
            receive,
            "Receive a webhook",
            {200: dict[str, str], 404: Error, 500: Error},
            body=Any,
        ),
        Route(
            "GET",
            "/hooks/{name}",
            listed,
            "What a webhook's receiver was sent",
            {200: list[Received], 404: Error},
        ),
        operator_route(credentials, "hooks", everything, "What all receivers were sent", list[Received]),
    ]


def _hook(call: Call) -> str:
    name = call.path["name"]
    if not _NAME.fullmatch(name):
        raise Problem(404, "A receiver's name has up to 64 letters, digits, dots, dashes and underscores.")
    return name


def _received(rows: list[sqlite3.Row]) -> list[Received]:
    found = []
    for row in rows:
        values = dict(row)
        values["headers"] = msgspec.json.decode(values["headers"])
        values["body"] = msgspec.json.decode(values["body"])
        found.append(Received(**values))
    return found
