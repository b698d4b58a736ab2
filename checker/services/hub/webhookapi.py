"""Webhooks through the hub's API."""

import re
import sqlite3
from urllib.parse import urlsplit

import msgspec

from checker.services.clock import now
from checker.services.hub.access import HubAccess
from checker.services.hub.paging import page
from checker.services.hub.repositories import Repositories
from checker.services.hub.sessions import Sessions
from checker.services.hub.shapes import Callback, NewHook, NewPipeline, Page, PageQuery, Pipeline
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Problem, Route

MOST = 20
"""Webhooks of one repository."""


class WebhookApi:
    """The calls about webhooks, and the one that receivers of deliveries make."""

    def __init__(
        self, store: ServiceStore, sessions: Sessions, repositories: Repositories, address: str
    ) -> None:
        self._store, self._address = store, address
        self._access = HubAccess(sessions, repositories)

    def routes(self) -> list[Route]:
        """Return them."""
        many = "/v2/repositories/{namespace}/{repository}/webhook_pipeline"
        mine = {401: Error, 403: Error, 404: Error}
        return [
            Route(
                "GET",
                many,
                self._list,
                "List the webhooks of a repository",
                {200: Page[Pipeline], **mine},
                query=PageQuery,
                security="session",
            ),
            Route(
                "POST",
                many,
                self._make,
                "Make a webhook",
                {201: Pipeline, **mine},
                body=NewPipeline,
                security="session",
            ),
            Route(
                "DELETE",
                f"{many}/{{slug}}",
                self._remove,
                "Remove a webhook",
                {204: None, **mine},
                security="session",
            ),
            Route(
                "POST",
                "/u/{namespace}/{repository}/hook/{delivery}",
                self._called_back,
                "Tell what became of a delivery",
                {200: dict[str, str], 404: Error},
                body=Callback,
            ),
        ]

    async def _list(self, call: Call) -> Answer:
        _caller, repository = self._access.owned(call)
        rows = self._store.rows("SELECT * FROM webhooks WHERE repository = ? ORDER BY id", repository.path)
        return Answer(page(call, self._address, [_pipeline(row) for row in rows]))

    async def _make(self, call: Call) -> Answer:
        caller, repository = self._access.owned(call)
        wanted: NewPipeline = call.body
        for hook in wanted.webhooks:
            _proper(hook.hook_url)
        if self._store.count("SELECT count(*) FROM webhooks WHERE repository = ?", repository.path) >= MOST:
            raise Problem(400, f"A repository has at most {MOST} webhooks.")
        slug = self._slug(repository.path, wanted.name)
        self._store.write(
            "INSERT INTO webhooks (repository, slug, name, expect_final_callback, hooks, creator, created_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            repository.path,
            slug,
            wanted.name,
            int(wanted.expect_final_callback),
            msgspec.json.encode(wanted.webhooks).decode(),
            caller.account,
            now(),
        )
        row = self._store.row(
            "SELECT * FROM webhooks WHERE repository = ? AND slug = ?", repository.path, slug
        )
        assert row is not None
        return Answer(_pipeline(row), 201)

    async def _remove(self, call: Call) -> Answer:
        _caller, repository = self._access.owned(call)
        if not self._store.write(
            "DELETE FROM webhooks WHERE repository = ? AND slug = ?", repository.path, call.path["slug"]
        ):
            raise Problem(404, "There is no such webhook.")
        return Answer(status=204)

    async def _called_back(self, call: Call) -> Answer:
        told: Callback = call.body
        if not self._store.write(
            "UPDATE deliveries SET callback = ? WHERE id = ? AND repository = ?",
            told.state,
            call.path["delivery"],
            f"{call.path['namespace']}/{call.path['repository']}",
        ):
            raise Problem(404, "There is no such delivery.")
        return Answer({})

    def _slug(self, repository: str, name: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "webhook"
        rows = self._store.rows("SELECT slug FROM webhooks WHERE repository = ?", repository)
        taken = {row["slug"] for row in rows}
        return next(slug for slug in (base, *(f"{base}-{n}" for n in range(2, 99))) if slug not in taken)


def _proper(url: str) -> None:
    text = f"{url[:100]!r} is no address that can be posted to; it has to be like http://host:port/path."
    try:
        parts = urlsplit(url)
        proper = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        proper = False
    if not proper or not url.isascii() or not url.isprintable() or " " in url:
        raise Problem(400, text, errinfo={"hook_url": "is no address"})


def _pipeline(row: sqlite3.Row) -> Pipeline:
    return Pipeline(
        slug=row["slug"],
        name=row["name"],
        creator=row["creator"],
        created=row["created_at"],
        expect_final_callback=bool(row["expect_final_callback"]),
        webhooks=msgspec.json.decode(row["hooks"], type=list[NewHook]),
    )
