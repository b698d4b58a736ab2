"""What a service remembers: one SQLite file that survives a stop and a kill.

Everything is written in one thread, in short transactions. Rows come back as sqlite3.Row.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, started TEXT NOT NULL, stopped TEXT);
CREATE TABLE IF NOT EXISTS events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, action TEXT NOT NULL, repository TEXT NOT
  NULL, tag TEXT NOT NULL, digest TEXT NOT NULL, media_type TEXT NOT NULL, actor TEXT NOT NULL, address TEXT
  NOT NULL, user_agent TEXT NOT NULL, at TEXT NOT NULL, method TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS auth_log (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, account TEXT NOT NULL, credential TEXT NOT NULL,
  token_label TEXT NOT NULL, token_uuid TEXT NOT NULL, endpoint TEXT NOT NULL, service TEXT NOT NULL,
  requested TEXT NOT NULL, granted TEXT NOT NULL, address TEXT NOT NULL, outcome TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY, uuid TEXT NOT NULL, username TEXT NOT NULL UNIQUE, password_hash TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS access_tokens (
  uuid TEXT PRIMARY KEY, account TEXT NOT NULL, label TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL
  UNIQUE, created_at TEXT NOT NULL, last_used TEXT, expires_at TEXT, is_active INTEGER NOT NULL, creator_ip
  TEXT NOT NULL, creator_ua TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repositories (
  id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL DEFAULT '',
  full_description TEXT NOT NULL DEFAULT '', is_private INTEGER NOT NULL DEFAULT 0, created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL, pull_count INTEGER NOT NULL DEFAULT 0, UNIQUE (namespace, name));
CREATE TABLE IF NOT EXISTS visibility (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, repository TEXT NOT NULL, change TEXT NOT NULL,
  is_private INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tags (
  id INTEGER PRIMARY KEY, repository TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL,
  media_type TEXT NOT NULL, pusher TEXT NOT NULL, pushed_at TEXT NOT NULL, pulled_at TEXT,
  UNIQUE (repository, name));
CREATE TABLE IF NOT EXISTS intents (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
  media_type TEXT NOT NULL, pusher TEXT NOT NULL, at TEXT NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS webhooks (
  id INTEGER PRIMARY KEY, repository TEXT NOT NULL, slug TEXT NOT NULL, name TEXT NOT NULL,
  expect_final_callback INTEGER NOT NULL, hooks TEXT NOT NULL, creator TEXT NOT NULL, created_at TEXT NOT
  NULL, UNIQUE (repository, slug));
CREATE TABLE IF NOT EXISTS deliveries (
  id TEXT PRIMARY KEY, intent TEXT NOT NULL, repository TEXT NOT NULL, tag TEXT NOT NULL, hook_url TEXT NOT
  NULL, payload TEXT NOT NULL, created_at TEXT NOT NULL, next_at REAL NOT NULL, tries INTEGER NOT NULL
  DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0, callback TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS attempts (
  id INTEGER PRIMARY KEY, delivery TEXT NOT NULL, at TEXT NOT NULL, status INTEGER NOT NULL, error TEXT NOT
  NULL);
CREATE TABLE IF NOT EXISTS pulls (source TEXT PRIMARY KEY, started REAL NOT NULL, used INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS hooks (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, at TEXT NOT NULL, status INTEGER NOT NULL,
  address TEXT NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL);
"""


class ServiceStore:
    """The open file. Commits of `durable` reach the disk before it returns; others survive a killed
    process.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "state.db"
        path.touch(mode=0o600)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)

    def rows(self, query: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._connection.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, None without one."""
        found: sqlite3.Row | None = self._connection.execute(query, values).fetchone()
        return found

    def count(self, query: str, *values: Any) -> int:
        """Return the number that a query for one number gives."""
        return int(self._connection.execute(query, values).fetchone()[0])

    def write(self, statement: str, *values: Any) -> int:
        """Change something; return how many rows changed."""
        return self._connection.execute(statement, values).rowcount

    @contextmanager
    def durable(self) -> Iterator[None]:
        """All of it or nothing, and on the disk before this ends: for promises made to somebody outside."""
        self._connection.execute("PRAGMA synchronous = FULL")
        try:
            with self.together():
                yield
        finally:
            self._connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def together(self) -> Iterator[None]:
        """All of it or nothing. Not to be nested, and nothing may be awaited inside."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
