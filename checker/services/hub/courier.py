"""Carrying deliveries to their webhooks: tried again with longer and longer pauses, under one id each."""

import asyncio
import random
import sqlite3
import time

import httpcore
import msgspec

from checker.services.clock import now
from checker.services.store import ServiceStore

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 30.0
MOST_TRIES = 12
ANSWER_TIME = 5.0
"""Seconds that a receiver has for each part of answering."""
SIDE_BY_SIDE = 8


class Attempt(msgspec.Struct, frozen=True):
    """One try. status: what the receiver answered, 0 if nothing came; error: why."""

    at: str
    status: int
    error: str


class Delivery(msgspec.Struct, frozen=True):
    """One payload for one address."""

    id: str
    repository: str
    tag: str
    hook_url: str
    attempts: list[Attempt]
    delivered: bool


def pause(tries: int, chance: float) -> float:
    """Return the seconds to wait after so many tries; chance: 0 to 1, so that not all come back at once."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (tries - 1)) * (0.5 + chance / 2)


class Courier:
    """Sends what is due. When and how often is kept, so that a restart goes on where a run ended."""

    def __init__(self, store: ServiceStore) -> None:
        self._store = store
        self._woken = asyncio.Event()
        self._under_way: set[str] = set()
        self._places = asyncio.Semaphore(SIDE_BY_SIDE)

    def wake(self) -> None:
        """There is something new to send."""
        self._woken.set()

    async def work(self) -> None:
        """Send for ever."""
        async with (
            httpcore.AsyncConnectionPool(max_connections=SIDE_BY_SIDE * 2) as pool,
            asyncio.TaskGroup() as group,
        ):
            while True:
                self._woken.clear()
                for row in self._store.rows(
                    "SELECT * FROM deliveries WHERE delivered = 0 AND tries < ? AND next_at <= ? ORDER BY"
                    " next_at",
                    MOST_TRIES,
                    time.time(),
                ):
                    if row["id"] not in self._under_way:
                        self._under_way.add(row["id"])
                        group.create_task(self._try(pool, row))
                try:
                    await asyncio.wait_for(self._woken.wait(), self._until_next())
                except TimeoutError:
                    continue

    def all(self) -> list[Delivery]:
        """Return every delivery with its tries, oldest first."""
        tries: dict[str, list[Attempt]] = {}
        for row in self._store.rows("SELECT * FROM attempts ORDER BY id"):
            tries.setdefault(row["delivery"], []).append(Attempt(row["at"], row["status"], row["error"]))
        return [
            Delivery(
                row["id"],
                row["repository"],
                row["tag"],
                row["hook_url"],
                tries.get(row["id"], []),
                bool(row["delivered"]),
            )
            for row in self._store.rows("SELECT * FROM deliveries ORDER BY created_at, rowid")
        ]

    def _until_next(self) -> float | None:
        due = [
            row["next_at"]
            for row in self._store.rows(
                "SELECT id, next_at FROM deliveries WHERE delivered = 0 AND tries < ?", MOST_TRIES
            )
            if row["id"] not in self._under_way
        ]
        return max(0.0, min(due) - time.time()) if due else None

    async def _try(self, pool: httpcore.AsyncConnectionPool, row: sqlite3.Row) -> None:
        async with self._places:
            at = now()
            status, error = await _post(pool, row["hook_url"], row["payload"], row["id"])
        tries = row["tries"] + 1
        with self._store.together():
            self._store.write(
                "INSERT INTO attempts (delivery, at, status, error) VALUES (?, ?, ?, ?)",
                row["id"],
                at,
                status,
                error,
            )
            self._store.write(
                "UPDATE deliveries SET tries = ?, next_at = ?, delivered = ? WHERE id = ?",
                tries,
                time.time() + pause(tries, random.random()),  # noqa: S311 - nothing secret
                int(200 <= status < 300),
                row["id"],
            )
        self._under_way.discard(row["id"])
        self.wake()


async def _post(pool: httpcore.AsyncConnectionPool, url: str, payload: str, delivery: str) -> tuple[int, str]:
    waits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_TIME)
    headers: dict[str | bytes, str | bytes] = {
        "Content-Type": "application/json",
        "User-Agent": "registry-lab-webhooks",
        "X-Delivery-Id": delivery,
    }
    try:
        target = httpcore.URL(url)
        port = f":{target.port}" if target.port else ""
        headers["Host"] = target.host.decode() + port
        async with pool.stream(
            "POST", target, headers=headers, content=payload.encode(), extensions={"timeout": waits}
        ) as answer:
            return answer.status, ""
    except (
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.TimeoutException,
        httpcore.UnsupportedProtocol,
    ) as e:
        return 0, f"{type(e).__name__}: {e}"[:200]
    except (ValueError, OSError) as error:
        return 0, str(error)[:200]
