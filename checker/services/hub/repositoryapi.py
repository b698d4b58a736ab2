"""Repositories through the hub's API: made, listed, described, hidden and removed."""

import msgspec

from checker.services.credentials import Caller
from checker.services.hub.access import HubAccess
from checker.services.hub.gate import Turns
from checker.services.hub.paging import page
from checker.services.hub.repositories import HubRepository, Repositories, reach
from checker.services.hub.sessions import Sessions
from checker.services.hub.shapes import (
    ChangedRepository,
    NewRepository,
    NewRepositoryAnywhere,
    Page,
    PageQuery,
    Permissions,
    Privacy,
    RepositoryEntry,
    RepositoryInfo,
)
from checker.services.hub.storage import Storage
from checker.services.web import Answer, Call, Error, Problem, Route

LONGEST_FULL_DESCRIPTION = 25000
"""Bytes."""


class RepositoryApi:
    """The calls about repositories."""

    def __init__(
        self, sessions: Sessions, repositories: Repositories, storage: Storage, turns: Turns, address: str
    ) -> None:
        self._access = HubAccess(sessions, repositories)
        self._sessions, self._repositories = sessions, repositories
        self._storage, self._turns, self._address = storage, turns, address

    def routes(self) -> list[Route]:
        """Return them."""
        many = "/v2/namespaces/{namespace}/repositories"
        one, old = many + "/{repository}", "/v2/repositories/{namespace}/{repository}"
        seen = {401: Error, 404: Error}
        mine = {401: Error, 403: Error, 404: Error}
        made = {201: RepositoryInfo, 401: Error, 403: Error}
        found = [
            Route(
                "POST", many, self._make, "Make a repository", made, body=NewRepository, security="session"
            ),
            Route(
                "POST",
                "/v2/repositories",
                self._make,
                "Make a repository",
                made,
                body=NewRepositoryAnywhere,
                security="session",
            ),
            Route(
                "PATCH",
                old,
                self._change,
                "Describe a repository",
                {200: RepositoryInfo, **mine},
                body=ChangedRepository,
                security="session",
            ),
            Route(
                "POST",
                f"{old}/privacy",
                self._privacy,
                "Hide a repository, or show it",
                {200: dict[str, str], **mine},
                body=Privacy,
                security="session",
            ),
            Route(
                "DELETE", old, self._remove, "Remove a repository", {202: None, **mine}, security="session"
            ),
        ]
        found += [
            Route(
                "GET",
                path,
                self._list,
                "List the repositories of a namespace",
                {200: Page[RepositoryEntry], **seen},
                query=PageQuery,
                security="session-or-nobody",
            )
            for path in (many, "/v2/repositories/{namespace}")
        ]
        for path in (one, old):
            for method in ("GET", "HEAD"):
                shape = RepositoryInfo if method == "GET" else None
                found.append(
                    Route(
                        method,
                        path,
                        self._get,
                        "Look at a repository",
                        {200: shape, **seen},
                        security="session-or-nobody",
                    )
                )
        return found

    async def _make(self, call: Call) -> Answer:
        caller = self._sessions.caller(call)
        wanted: NewRepository | NewRepositoryAnywhere = call.body
        namespace = call.path.get("namespace", wanted.namespace)
        if wanted.namespace and wanted.namespace != namespace:
            raise Problem(400, "The namespaces in path and body differ.", errinfo={"namespace": "differs"})
        if caller.account != namespace:
            raise Problem(403, "This namespace belongs to somebody else.")
        if "push" not in reach(caller):
            raise Problem(403, "The scopes of this access token do not reach so far.")
        _short_enough(wanted.full_description)
        if not self._repositories.create(
            namespace, wanted.name, wanted.description, wanted.full_description, wanted.is_private
        ):
            raise Problem(400, "There is a repository of this name already.", errinfo={"name": "is taken"})
        return Answer(self._info(caller, self._repositories.find(namespace, wanted.name)), 201)

    async def _list(self, call: Call) -> Answer:
        caller = self._sessions.perhaps(call)
        everything = self._repositories.of(call.path["namespace"])
        seen = [each for each in everything if self._repositories.visible(caller, each)]
        if not seen and caller.account != call.path["namespace"]:
            raise Problem(404, "There is no such namespace, or nothing to see in it.")
        return Answer(page(call, self._address, [_entry(each) for each in seen]))

    async def _get(self, call: Call) -> Answer:
        caller, repository = self._access.readable(call)
        return Answer(None if call.request.method == "HEAD" else self._info(caller, repository))

    async def _change(self, call: Call) -> Answer:
        caller, repository = self._access.owned(call)
        wanted: ChangedRepository = call.body
        said = repository.description if wanted.description is msgspec.UNSET else wanted.description
        full = repository.full_description
        if wanted.full_description is not msgspec.UNSET:
            full = wanted.full_description
            _short_enough(full)
        self._repositories.change(repository, said, full, repository.is_private)
        return Answer(self._info(caller, self._repositories.find(repository.namespace, repository.name)))

    async def _privacy(self, call: Call) -> Answer:
        _caller, repository = self._access.owned(call)
        self._repositories.change(
            repository, repository.description, repository.full_description, call.body.is_private
        )
        return Answer({})

    async def _remove(self, call: Call) -> Answer:
        _caller, repository = self._access.owned(call)
        await self._turns.take(repository.path)
        try:
            self._storage.remove_repository(repository.path)
            self._repositories.remove(repository)
        finally:
            self._turns.give(repository.path)
        return Answer(status=202)

    def _info(self, caller: Caller, repository: HubRepository | None) -> RepositoryInfo:
        if repository is None:
            raise Problem(404, "There is no such repository.")
        own = reach(caller) if caller.account == repository.namespace else frozenset[str]()
        return RepositoryInfo(
            user=repository.namespace,
            name=repository.name,
            namespace=repository.namespace,
            repository_type="image",
            status=1,
            status_description="active",
            description=repository.description,
            full_description=repository.full_description,
            is_private=repository.is_private,
            is_automated=False,
            star_count=0,
            pull_count=repository.pull_count,
            last_updated=repository.updated_at,
            date_registered=repository.created_at,
            hub_user=repository.namespace,
            permissions=Permissions(True, "push" in own, "delete" in own),
        )


def _entry(repository: HubRepository) -> RepositoryEntry:
    return RepositoryEntry(
        name=repository.name,
        namespace=repository.namespace,
        repository_type="image",
        status=1,
        status_description="active",
        description=repository.description,
        is_private=repository.is_private,
        star_count=0,
        pull_count=repository.pull_count,
        last_updated=repository.updated_at,
        date_registered=repository.created_at,
    )


def _short_enough(full_description: str) -> None:
    if len(full_description.encode(errors="replace")) > LONGEST_FULL_DESCRIPTION:
        text = f"The full description is longer than {LONGEST_FULL_DESCRIPTION} bytes."
        raise Problem(400, text, errinfo={"full_description": "is too long"})
