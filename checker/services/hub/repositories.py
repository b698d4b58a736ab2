"""The repositories of the hub: whose they are, what is said about them, and who may do what with their
images.
"""

import sqlite3

import msgspec

from checker.services.clock import now
from checker.services.credentials import Caller
from checker.services.scopes import ACTIONS, Access, cut, is_repository
from checker.services.store import ServiceStore

REACH = {
    "repo:admin": frozenset(ACTIONS),
    "repo:write": frozenset(("pull", "push")),
    "repo:read": frozenset(("pull",)),
    "repo:public_read": frozenset[str](),
}
"""What an access token's scope allows in its owner's own repositories, private ones included."""


class HubRepository(msgspec.Struct, frozen=True):
    """One repository. path: its name in the registry."""

    id: int
    namespace: str
    name: str
    description: str
    full_description: str
    is_private: bool
    created_at: str
    updated_at: str
    pull_count: int

    @property
    def path(self) -> str:
        """The name that images have in the registry."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class Visibility(msgspec.Struct, frozen=True):
    """Who could see a repository from a moment on. change: made, pushed (a push made it), set or removed."""

    seq: int
    at: str
    repository: str
    change: str
    is_private: bool


def reach(caller: Caller) -> frozenset[str]:
    """Return what a caller may do with images in repositories of their own."""
    if caller.scopes is None:
        return frozenset(ACTIONS)
    return frozenset[str]().union(*(REACH.get(scope, frozenset()) for scope in caller.scopes))


class Repositories:
    """All of them; also the policy of the token server."""

    def __init__(self, store: ServiceStore) -> None:
        self._store = store

    def find(self, namespace: str, name: str) -> HubRepository | None:
        """Return a repository, None if there is none."""
        row = self._store.row("SELECT * FROM repositories WHERE namespace = ? AND name = ?", namespace, name)
        return _repository(row) if row else None

    def by_path(self, path: str) -> HubRepository | None:
        """Return the repository that images of this name are in."""
        namespace, _, name = path.rpartition("/")
        return self.find(namespace, name)

    def of(self, namespace: str) -> list[HubRepository]:
        """Return those of a namespace, the latest changed first."""
        rows = self._store.rows(
            "SELECT * FROM repositories WHERE namespace = ? ORDER BY updated_at DESC, id DESC", namespace
        )
        return [_repository(row) for row in rows]

    def create(
        self,
        namespace: str,
        name: str,
        description: str = "",
        full_description: str = "",
        is_private: bool = False,
        change: str = "made",
    ) -> bool:
        """Make a repository; False if it was there already. change: how, for the record of who sees it."""
        at = now()
        made = bool(
            self._store.write(
                "INSERT OR IGNORE INTO repositories (namespace, name, description, full_description,"
                " is_private,"
                " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                namespace,
                name,
                description,
                full_description,
                int(is_private),
                at,
                at,
            )
        )
        if made:
            self._note(f"{namespace}/{name}" if namespace else name, change, is_private)
        return made

    def pushed(self, path: str) -> None:
        """Note a push: it makes a repository that was not there, a public one as on Docker Hub."""
        namespace, _, name = path.rpartition("/")
        if not self.create(namespace, name, change="pushed"):
            self._store.write(
                "UPDATE repositories SET updated_at = ? WHERE namespace = ? AND name = ?",
                now(),
                namespace,
                name,
            )

    def pulled(self, path: str) -> None:
        """Count a pull."""
        namespace, _, name = path.rpartition("/")
        self._store.write(
            "UPDATE repositories SET pull_count = pull_count + 1 WHERE namespace = ? AND name = ?",
            namespace,
            name,
        )

    def change(
        self, repository: HubRepository, description: str, full_description: str, is_private: bool
    ) -> None:
        """Set what is said about a repository, and who sees it."""
        self._store.write(
            "UPDATE repositories SET description = ?, full_description = ?, is_private = ?, updated_at = ?"
            " WHERE id = ?",
            description,
            full_description,
            int(is_private),
            now(),
            repository.id,
        )
        if is_private != repository.is_private:
            self._note(repository.path, "set", is_private)

    def _note(self, path: str, change: str, is_private: bool) -> None:
        self._store.write(
            "INSERT INTO visibility (at, repository, change, is_private) VALUES (?, ?, ?, ?)",
            now(),
            path,
            change,
            int(is_private),
        )

    def visibility(self) -> list[Visibility]:
        """Return who could see which repository from when on, oldest first."""
        rows = self._store.rows("SELECT * FROM visibility ORDER BY seq")
        return [Visibility(**{**dict(row), "is_private": bool(row["is_private"])}) for row in rows]

    def remove(self, repository: HubRepository) -> None:
        """Forget a repository with its tags and webhooks; what waits to be delivered still is."""
        with self._store.together():
            self._store.write("DELETE FROM repositories WHERE id = ?", repository.id)
            self._note(repository.path, "removed", True)
            self._store.write("DELETE FROM tags WHERE repository = ?", repository.path)
            self._store.write("DELETE FROM webhooks WHERE repository = ?", repository.path)
            self._store.write(
                "DELETE FROM intents WHERE repository = ? AND state <> 'pending'", repository.path
            )

    def visible(self, caller: Caller | None, repository: HubRepository) -> bool:
        """Tell whether somebody, or nobody in particular, may know that a repository is there; the operator
        may.
        """
        if not repository.is_private:
            return True
        if caller is None or caller.is_operator:
            return caller is not None
        return caller.account == repository.namespace and "pull" in reach(caller)

    def grant(self, caller: Caller, asked: Access) -> Access:
        """Decide what a token is good for: everything in one's own namespace, pulls from public
        repositories.
        """
        allowed: frozenset[str] = frozenset()
        if asked.type == "repository" and is_repository(asked.name):
            namespace, _, name = asked.name.rpartition("/")
            if caller.account and caller.account == namespace:
                allowed = reach(caller)
            found = self.find(namespace, name)
            if found and not found.is_private:
                allowed |= {"pull"}
        return cut(asked, allowed)


def _repository(row: sqlite3.Row) -> HubRepository:
    values = dict(row)
    values["is_private"] = bool(values["is_private"])
    return HubRepository(**values)
