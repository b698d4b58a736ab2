"""Tags through the hub's API: listed with what is behind them, and removed."""

import sqlite3
from typing import Any

from checker.services.distribution import Backend, Unanswered
from checker.services.hub.access import HubAccess
from checker.services.hub.gate import Turns
from checker.services.hub.outbox import Outbox
from checker.services.hub.paging import page
from checker.services.hub.repositories import HubRepository, Repositories
from checker.services.hub.sessions import Sessions
from checker.services.hub.shapes import Image, Page, PageQuery, Tag
from checker.services.hub.storage import Storage
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Problem, Route


class TagApi:
    """The calls about tags."""

    def __init__(
        self,
        store: ServiceStore,
        sessions: Sessions,
        repositories: Repositories,
        storage: Storage,
        outbox: Outbox,
        turns: Turns,
        backend: Backend,
        address: str,
    ) -> None:
        self._store, self._storage, self._outbox, self._turns = store, storage, outbox, turns
        self._access, self._backend, self._address = HubAccess(sessions, repositories), backend, address
        self._images: dict[str, list[Image]] = {}

    def routes(self) -> list[Route]:
        """Return them."""
        seen = {401: Error, 404: Error, 503: Error}
        mine = {401: Error, 403: Error, 404: Error}
        found = []
        for base in (
            "/v2/namespaces/{namespace}/repositories/{repository}",
            "/v2/repositories/{namespace}/{repository}",
        ):
            many, one = f"{base}/tags", f"{base}/tags/{{tag}}"
            for method in ("GET", "HEAD"):
                lists, single = (Page[Tag], Tag) if method == "GET" else (None, None)
                found += [
                    Route(
                        method,
                        many,
                        self._list,
                        "List the tags of a repository",
                        {200: lists, **seen},
                        query=PageQuery,
                        security="session-or-nobody",
                    ),
                    Route(
                        method,
                        one,
                        self._get,
                        "Look at a tag",
                        {200: single, **seen},
                        security="session-or-nobody",
                    ),
                ]
            found.append(
                Route("DELETE", one, self._remove, "Remove a tag", {204: None, **mine}, security="session")
            )
        return found

    async def _list(self, call: Call) -> Answer:
        _caller, repository = self._access.readable(call)
        rows = self._store.rows(
            "SELECT * FROM tags WHERE repository = ? ORDER BY pushed_at DESC, id DESC", repository.path
        )
        there = [row for row in rows if self._storage.digest(repository.path, row["name"])]
        part = page(call, self._address, there)
        if call.request.method == "HEAD":
            if not there:
                raise Problem(404, "This repository has no tags.")
            return Answer()
        tags = [await self._tag(repository, row) for row in part.results]
        return Answer(Page(part.count, part.next, part.previous, tags))

    async def _get(self, call: Call) -> Answer:
        _caller, repository = self._access.readable(call)
        row = self._row(repository, call.path["tag"])
        return Answer(None if call.request.method == "HEAD" else await self._tag(repository, row))

    async def _remove(self, call: Call) -> Answer:
        _caller, repository = self._access.owned(call)
        await self._turns.take(repository.path)
        try:
            row = self._row(repository, call.path["tag"])
            self._storage.remove_tag(repository.path, row["name"])
            self._outbox.untagged(repository.path, row["name"])
        finally:
            self._turns.give(repository.path)
        return Answer(status=204)

    def _row(self, repository: HubRepository, tag: str) -> sqlite3.Row:
        row = self._store.row("SELECT * FROM tags WHERE repository = ? AND name = ?", repository.path, tag)
        if row is None or self._storage.digest(repository.path, row["name"]) is None:
            raise Problem(404, "There is no such tag.")
        return row

    async def _tag(self, repository: HubRepository, row: sqlite3.Row) -> Tag:
        try:
            images = await self._behind(repository.path, row["digest"], row["pushed_at"])
        except Unanswered:
            raise Problem(503, "The registry does not answer.") from None
        updater = self._store.row("SELECT id FROM accounts WHERE username = ?", row["pusher"])
        updater_id = int(updater["id"]) if updater else 0
        return Tag(
            id=row["id"],
            name=row["name"],
            images=images,
            creator=updater_id,
            repository=repository.id,
            last_updated=row["pushed_at"],
            last_updater=updater_id,
            last_updater_username=row["pusher"],
            full_size=images[0].size if images else 0,
            v2=True,
            tag_status="active",
            tag_last_pushed=row["pushed_at"],
            tag_last_pulled=row["pulled_at"],
            media_type=row["media_type"],
            content_type="image",
            digest=row["digest"],
        )

    async def _behind(self, repository: str, digest: str, pushed_at: str) -> list[Image]:
        """Return the images behind a digest: one, or those that an index lists."""
        key = f"{digest} {pushed_at}"
        if key not in self._images:
            manifest = await self._backend.manifest(repository, digest) or {}
            found = []
            listed = manifest.get("manifests")
            for entry in listed if isinstance(listed, list) else []:
                child = await self._backend.manifest(repository, str(entry.get("digest"))) or {}
                found.append(_image(str(entry.get("digest")), entry.get("platform") or {}, child, pushed_at))
            if not isinstance(listed, list):
                config = await self._backend.blob(
                    repository, str((manifest.get("config") or {}).get("digest"))
                )
                found.append(_image(digest, config or {}, manifest, pushed_at))
            self._images[key] = found
        return self._images[key]


def _image(digest: str, platform: dict[str, Any], manifest: dict[str, Any], pushed_at: str) -> Image:
    parts = [manifest.get("config"), *(manifest.get("layers") or [])]
    sizes = [part.get("size") for part in parts if isinstance(part, dict)]
    variant = platform.get("variant")
    return Image(
        architecture=str(platform.get("architecture") or ""),
        variant=str(variant) if variant else None,
        os=str(platform.get("os") or ""),
        digest=digest,
        size=sum(size for size in sizes if isinstance(size, int)),
        status="active",
        last_pushed=pushed_at,
    )
