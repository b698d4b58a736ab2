"""`/_lab/...`: what the checker asks a service. Only the operator's key opens it; learners have no use for
it.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec

from checker.services.authlog import AuthLog, Entry
from checker.services.credentials import Credentials, bearer
from checker.services.notifications import LONGEST_WAIT, Event, Events
from checker.services.store import ServiceStore
from checker.services.web import Answer, Call, Error, Handler, Problem, Route


class Since(msgspec.Struct, frozen=True):
    """after: the number of the last entry one has. wait: seconds to wait if there is none after it."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0
    wait: Annotated[float, msgspec.Meta(ge=0, le=LONGEST_WAIT)] = 0.0


class After(msgspec.Struct, frozen=True):
    """after: the number of the last entry one has."""

    after: Annotated[int, msgspec.Meta(ge=0, le=2**62)] = 0


class ServiceRun(msgspec.Struct, frozen=True):
    """One life of the service. stopped: null while it runs, or if it was killed."""

    started: str
    stopped: str | None


def guarded(credentials: Credentials, handler: Handler) -> Handler:
    """Let only the operator through."""

    async def checked(call: Call) -> Answer:
        key = bearer(call.authorization)
        if key is None or not credentials.is_operator(key):
            raise Problem(401, "Only the operator may ask this.", headers={"WWW-Authenticate": "Bearer"})
        return await handler(call)

    return checked


def operator_route(
    credentials: Credentials,
    path: str,
    handler: Callable[[Call], Awaitable[Answer]],
    summary: str,
    answer: Any,
    query: type[msgspec.Struct] | None = None,
) -> Route:
    """Declare a call of the operator's."""
    answers = {200: answer, 401: Error}
    guard = guarded(credentials, handler)
    return Route("GET", f"/_lab/{path}", guard, summary, answers, query=query, security="operator")


def routes(store: ServiceStore, credentials: Credentials, events: Events, log: AuthLog | None) -> list[Route]:
    """Return the calls that every mode has. log: None in a mode that nobody logs in to."""

    async def get_events(call: Call) -> Answer:
        return Answer(await events.after(call.query.after, call.query.wait))

    async def get_runs(_call: Call) -> Answer:
        return Answer(
            [
                ServiceRun(row["started"], row["stopped"])
                for row in store.rows("SELECT * FROM runs ORDER BY id")
            ]
        )

    found = [
        operator_route(
            credentials, "events", get_events, "What happened in the registry", list[Event], Since
        ),
        operator_route(credentials, "runs", get_runs, "When this service ran", list[ServiceRun]),
    ]
    if log is not None:
        kept = log

        async def get_log(call: Call) -> Answer:
            return Answer(kept.after(call.query.after))

        found.append(
            operator_route(
                credentials, "auth-log", get_log, "Who showed which credential", list[Entry], After
            )
        )
    return found
