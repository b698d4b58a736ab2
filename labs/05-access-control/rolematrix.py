"""Who may do what, tried for real: every role, action and repository through a registry with tokens.

For each role and repository one token is asked for with everything in its scope; what the token server
left of it is then used on the registry: an image is pulled, another one pushed, a third one deleted. No
status is believed by itself: the operator looks whether what was pushed is there and what was
deleted is gone.

What is tried leaves traces, so it is for services on trial (`checker.stack.trials`).
"""

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import msgspec
import requests

from checker.base.errors import ServiceFault
from tokenclient import REFUSED, Account, Lease, TokenClient, digest, image, said

Action = Literal["pull", "push", "delete", "list"]
ACTIONS: tuple[Action, ...] = ("pull", "push", "delete")
"""What can be done with a repository; `list` is for the registry's whole catalogue, without one."""
AT_ONCE = 8
"""Roles that are tried side by side."""

OK, CREATED, ACCEPTED, NOT_FOUND = (
    requests.codes.ok,
    requests.codes.created,
    requests.codes.accepted,
    requests.codes.not_found,
)


class Row(msgspec.Struct, frozen=True):
    """One row of a matrix. repository: empty for `list`. allowed: what is expected."""

    role: str
    action: Action
    repository: str
    allowed: bool

    @property
    def what(self) -> str:
        """The row in words, like `readonly push amber-delta-1000/app`."""
        return " ".join(part for part in (self.role, self.action, self.repository) if part)


class Tried(msgspec.Struct, frozen=True):
    """A row, and what became of it. answer: the request that decided, and its answer."""

    row: Row
    seen: bool
    answer: str

    @property
    def right(self) -> bool:
        return self.seen == self.row.allowed

    def __str__(self) -> str:
        """Return the row with both verdicts: role, action, repository, expected, seen."""
        return (
            f"{self.row.what}: expected {_verdict(self.row.allowed)}, "
            f"seen {_verdict(self.seen)} ({self.answer})"
        )


def rows(
    roles: Iterable[str], repository: str, allowed: Mapping[str, str], actions: Sequence[Action] = ACTIONS
) -> list[Row]:
    """Return all rows of one repository. allowed: role -> its actions, parted by blanks; none if it is not
    there."""
    return [
        Row(role, action, repository, action in allowed.get(role, "").split())
        for role in roles
        for action in actions
    ]


class Matrix:
    """Tries rows at the registry at `address`.

    accounts: role -> an account that has it, None for nobody. operator: the account that may do everything.
    Raises ServiceFault for an answer that is neither yes nor no, as that is no role's doing.
    """

    def __init__(self, address: str, accounts: Mapping[str, Account | None], operator: Account) -> None:
        self._client = TokenClient(address)
        self._accounts = accounts
        self._operator = operator
        self._config = json.dumps(
            {"architecture": "amd64", "os": "linux", "trial": secrets.token_hex(8)}
        ).encode()
        self._ready: dict[str, bytes] = {}
        self._leases: dict[str, Lease] = {}

    def try_rows(self, wanted: Sequence[Row]) -> list[Tried]:
        """Try them side by side, those of one role and repository in turn; results in the order given."""
        groups: dict[tuple[str, str], list[Row]] = {}
        for row in wanted:
            groups.setdefault((row.repository, row.role), []).append(row)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            new = {row.repository for row in wanted if row.repository} - self._ready.keys()
            self._ready |= dict(zip(sorted(new), pool.map(self._prepare, sorted(new)), strict=True))
            found = pool.map(lambda group: self._try_group(*group), groups.items())
            seen = {tried.row: tried for group in found for tried in group}
        return [seen[row] for row in wanted]

    def _prepare(self, repository: str) -> bytes:
        """Push an image to be pulled, as the operator; its manifest."""
        token = self._operators(repository)
        manifest = image(self._config, "to be pulled")
        _must(self._client.push_blob(token, repository, self._config), CREATED)
        _must(self._client.push_manifest(token, repository, "pulled", manifest), CREATED)
        return manifest

    def _try_group(self, key: tuple[str, str], group: list[Row]) -> list[Tried]:
        repository, role = key
        scope = f"repository:{repository}:pull,push,delete" if repository else "registry:catalog:*"
        token = self._client.lease(self._accounts[role], scope)
        tries = {"pull": self._pull, "push": self._push, "delete": self._delete, "list": self._list}
        return [Tried(row, *tries[row.action](token, row)) for row in group]

    def _pull(self, token: Lease, row: Row) -> tuple[bool, str]:
        manifest = self._ready[row.repository]
        got = self._client.manifest(token, row.repository, "pulled")
        blob = self._client.send("GET", f"/v2/{row.repository}/blobs/{digest(self._config)}", token)
        seen = _both((got, OK), (blob, OK))
        if seen and (got.content != manifest or blob.content != self._config):
            raise ServiceFault(f"The registry sent something else than was pushed to {row.repository}.")
        return seen, said(got)

    def _push(self, token: Lease, row: Row) -> tuple[bool, str]:
        layer, tag = secrets.token_bytes(64), f"pushed-{secrets.token_hex(4)}"
        uploaded = self._client.push_blob(token, row.repository, layer)
        # Where nothing can be uploaded, a manifest of what is there already could still be put.
        there = uploaded.status_code == CREATED
        manifest = image(self._config, tag, *([layer] if there else []))
        put = self._client.push_manifest(token, row.repository, tag, manifest)
        seen = _both((uploaded, CREATED), (put, CREATED))
        if (self._look(row.repository, tag) == OK) != seen:
            raise ServiceFault(f"{said(put)} does not agree with what {row.repository} holds.")
        return seen, said(put)

    def _delete(self, token: Lease, row: Row) -> tuple[bool, str]:
        victim = image(self._config, f"to be deleted {secrets.token_hex(8)}")
        _must(
            self._client.push_manifest(
                self._operators(row.repository), row.repository, digest(victim), victim
            ),
            CREATED,
        )
        deleted = self._client.manifest(token, row.repository, digest(victim), "DELETE")
        seen = _both((deleted, ACCEPTED))
        if (self._look(row.repository, digest(victim)) == NOT_FOUND) != seen:
            raise ServiceFault(f"{said(deleted)} does not agree with what {row.repository} holds.")
        return seen, said(deleted)

    def _list(self, token: Lease, _row: Row) -> tuple[bool, str]:
        listed = self._client.send("GET", "/v2/_catalog", token)
        return _both((listed, OK)), said(listed)

    def _look(self, repository: str, reference: str) -> int:
        """Return whether something is there, as the operator sees it: the status of asking for it."""
        return self._client.manifest(self._operators(repository), repository, reference, "HEAD").status_code

    def _operators(self, repository: str) -> Lease:
        if repository not in self._leases:
            scope = f"repository:{repository}:pull,push,delete"
            self._leases[repository] = self._client.lease(self._operator, scope)
        return self._leases[repository]


def _both(*answers: tuple[requests.Response, int]) -> bool:
    """Return whether all are as they are when allowed; False if all are refused. Raises ServiceFault for
    between."""
    if all(answer.status_code == wanted for answer, wanted in answers):
        return True
    if all(answer.status_code in REFUSED for answer, _ in answers):
        return False
    raise ServiceFault(
        "The registry answered neither yes nor no: " + "; ".join(said(answer) for answer, _ in answers) + "."
    )


def _must(answer: requests.Response, wanted: int) -> None:
    if answer.status_code != wanted:
        raise ServiceFault(f"The registry refuses its own operator: {said(answer)}.")


def _verdict(allowed: bool) -> str:
    return "allowed" if allowed else "denied"
