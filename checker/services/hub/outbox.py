"""Pushes and what they set off, so that a kill at any moment loses nothing and sends nothing twice as
something new.

An intent is on the disk before Distribution gets a manifest. When Distribution has taken it, one transaction
turns the intent into a tag and into deliveries, and only then the client hears of it. What is found pending
at a start is compared with what Distribution holds. A client that was cut off pushes again: the same
manifest under the same tag then belongs to the intent that was found, and sets nothing off again.
"""

import sqlite3
import time
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from checker.services.clock import moment, now
from checker.services.distribution import Backend
from checker.services.hub.repositories import HubRepository, Repositories
from checker.services.store import ServiceStore


class Outbox:
    """The intents, and the deliveries they become. address: of this API, for links in what is delivered."""

    def __init__(self, store: ServiceStore, repositories: Repositories, address: str) -> None:
        self._store, self._repositories, self._address = store, repositories, address
        self.waiting: Callable[[], None] = lambda: None

    def intend(
        self, kind: str, repository: str, tag: str, digest: str, media_type: str = "", pusher: str = ""
    ) -> str:
        """Write down what is about to be tried; return its id. kind: put or delete."""
        found = self._store.row(
            "SELECT * FROM intents WHERE repository = ? AND tag = ? AND kind = 'put' AND state <> 'pending'"
            " ORDER BY at DESC, rowid DESC LIMIT 1",
            repository,
            tag,
        )
        same = found is not None and (found["state"], found["digest"], found["pusher"]) == (
            "found",
            digest,
            pusher,
        )
        if kind == "put" and found and same:
            return str(found["id"])
        intent = str(uuid.uuid4())
        with self._store.durable():
            self._store.write(
                "INSERT INTO intents VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'pending')",
                intent,
                kind,
                repository,
                tag,
                digest,
                media_type,
                pusher,
                now(),
            )
        return intent

    def done(self, intent: str, state: str = "done") -> None:
        """Distribution has done it. state: found if the client does not know that."""
        row = self._store.row("SELECT * FROM intents WHERE id = ?", intent)
        if row is None:
            return
        with self._store.durable():
            self._store.write("UPDATE intents SET state = ? WHERE id = ?", state, intent)
            if row["kind"] == "delete":
                self._store.write(
                    "DELETE FROM tags WHERE repository = ? AND digest = ?", row["repository"], row["digest"]
                )
                self._forget_found(row["repository"])
            else:
                self._repositories.pushed(row["repository"])
                self._tag(row)
                if row["state"] == "pending":
                    self._deliver(row)
        self.waiting()

    def dropped(self, intent: str) -> None:
        """Distribution has not done it. An intent that was found at a start stays as it is."""
        self._store.write("DELETE FROM intents WHERE id = ? AND state = 'pending'", intent)

    def untagged(self, repository: str, tag: str) -> None:
        """A tag is gone: the same push once more would be a new one."""
        with self._store.durable():
            self._store.write("DELETE FROM tags WHERE repository = ? AND name = ?", repository, tag)
            self._store.write(
                "UPDATE intents SET state = 'done' WHERE repository = ? AND tag = ? AND state = 'found'",
                repository,
                tag,
            )

    async def resolve(self, intent: str, backend: Backend, state: str = "found") -> None:
        """Ask Distribution what became of an intent. Raises Unanswered."""
        row = self._store.row("SELECT * FROM intents WHERE id = ? AND state = 'pending'", intent)
        if row is None:
            return
        if row["kind"] == "delete":
            happened = await backend.digest(row["repository"], row["digest"]) is None
        else:
            happened = await backend.digest(row["repository"], row["tag"]) == row["digest"]
        if happened:
            self.done(intent, state)
        else:
            self.dropped(intent)

    def pending(self) -> list[str]:
        """Return the ids of intents whose end is not known, oldest first."""
        rows = self._store.rows("SELECT id FROM intents WHERE state = 'pending' ORDER BY at, rowid")
        return [row["id"] for row in rows]

    def _forget_found(self, repository: str) -> None:
        self._store.write(
            "UPDATE intents SET state = 'done' WHERE repository = ? AND state = 'found'"
            " AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.repository = intents.repository AND name ="
            " intents.tag)",
            repository,
        )

    def _tag(self, row: sqlite3.Row) -> None:
        self._store.write(
            "INSERT INTO tags (repository, name, digest, media_type, pusher, pushed_at) VALUES (?, ?, ?,"
            " ?, ?, ?)"
            " ON CONFLICT (repository, name) DO UPDATE SET digest = excluded.digest, pusher ="
            " excluded.pusher,"
            " media_type = excluded.media_type, pushed_at = excluded.pushed_at",
            row["repository"],
            row["tag"],
            row["digest"],
            row["media_type"],
            row["pusher"],
            row["at"],
        )

    def _deliver(self, row: sqlite3.Row) -> None:
        repository = self._repositories.by_path(row["repository"])
        hooks = self._store.rows(
            "SELECT hooks FROM webhooks WHERE repository = ? ORDER BY id", row["repository"]
        )
        for pipeline in hooks:
            for hook in msgspec.json.decode(pipeline["hooks"]):
                delivery = str(uuid.uuid4())
                sent = payload(row, repository, f"http://{self._address}", delivery) if repository else {}
                self._store.write(
                    "INSERT INTO deliveries (id, intent, repository, tag, hook_url, payload, created_at,"
                    " next_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    delivery,
                    row["id"],
                    row["repository"],
                    row["tag"],
                    hook["hook_url"],
                    msgspec.json.encode(sent).decode(),
                    now(),
                    time.time(),
                )


def payload(row: sqlite3.Row, repository: HubRepository, address: str, delivery: str) -> dict[str, Any]:
    """Return what a webhook is sent (Docker Hub, "Webhooks", example payload)."""
    return {
        "callback_url": f"{address}/u/{repository.path}/hook/{delivery}/",
        "push_data": {
            "pushed_at": _seconds(moment(row["at"])),
            "pusher": row["pusher"],
            "tag": row["tag"],
            "images": [],
            "media_type": row["media_type"],
        },
        "repository": {
            "comment_count": 0,
            "date_created": _seconds(moment(repository.created_at)),
            "description": repository.description,
            "dockerfile": "",
            "full_description": repository.full_description,
            "is_official": False,
            "is_private": repository.is_private,
            "is_trusted": False,
            "name": repository.name,
            "namespace": repository.namespace,
            "owner": repository.namespace,
            "repo_name": repository.path,
            "repo_url": f"{address}/r/{repository.path}",
            "star_count": 0,
            "status": "Active",
        },
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
