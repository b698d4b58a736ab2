"""A client for our own services: what they tell their operator, and the registry behind them as the operator
sees it.

The operator is the checker. Its key was made with the stack; learners never get it, and what it does is
neither counted nor logged.
"""

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
import requests

from checker.base.errors import ServiceFault
from checker.base.pace import scaled
from checker.engine.connection import Engine
from checker.inspect.registry import RegistryClient
from checker.inspect.tokenauth import TokenAuth
from checker.stack.running import Running

T = TypeVar("T")

OPERATOR = "_operator"
"""The account name of the operator."""
API = "api"
TIMEOUT = 10.0
FOLLOW = 20.0
"""Seconds one request waits for something to happen."""


class RegistryNotification(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a registry, from its own notifications.

    action: push, pull, delete or mount. actor: the account, empty for an anonymous one. at: RFC 3339.
    method: of the request, as a HEAD is announced as a pull too.
    """

    seq: int
    id: str
    action: str
    repository: str
    tag: str = ""
    digest: str = ""
    media_type: str = ""
    actor: str = ""
    address: str = ""
    user_agent: str = ""
    at: str
    method: str = ""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log of who proved to be whom, and with what.

    credential: `password`, `access-token`, `session`, `anonymous` or `bad`. outcome: granted, refused.
    """

    seq: int
    at: str
    account: str = ""
    credential: str
    token_label: str = ""
    token_uuid: str = ""
    endpoint: str
    service: str = ""
    requested: tuple[str, ...] = ()
    granted: tuple[str, ...] = ()
    address: str = ""
    outcome: str


class Period(msgspec.Struct, frozen=True):
    """From when to when a service ran, RFC 3339; `stopped` is None while it does, or where it was killed."""

    started: str
    stopped: str | None = None


class Attempt(msgspec.Struct, frozen=True):
    """One attempt to deliver; status 0: nobody answered."""

    at: str
    status: int


class AccessToken(msgspec.Struct, frozen=True):
    """An access token that was not removed. usable: it is switched on, and its time has not come."""

    uuid: str
    account: str
    label: str
    scopes: tuple[str, ...]
    usable: bool
    created_at: str
    last_used: str | None = None


class Delivery(msgspec.Struct, frozen=True):
    """A webhook that a push caused."""

    id: str
    repository: str
    tag: str
    hook_url: str
    attempts: tuple[Attempt, ...] = ()
    delivered: bool = False


class Visibility(msgspec.Struct, frozen=True):
    """Who could see a repository of the hub from a moment on.

    change: `made` (by a call of the API), `pushed` (by a push, which makes a public one), `set`, `removed`.
    """

    seq: int
    at: str
    repository: str
    change: str
    is_private: bool


class Received(msgspec.Struct, frozen=True):
    """A request that the webhook receiver got under a name. headers: lower-case names."""

    name: str
    at: str
    headers: dict[str, str]
    body: Any = None


class OperatorClient:
    """A service with an operator API. Raises ServiceFault when it does not answer as it should."""

    def __init__(self, service: Running, key: str) -> None:
        self.service = service
        self._key = key
        self._http = requests.Session()
        self._http.trust_env = False

    @property
    def api(self) -> str:
        """The address of its HTTP API, `127.0.0.1:PORT`."""
        return self.service.address_of(API if API in self.service.ports else "")

    def events(self, after: int = 0, *, wait: float = 0) -> list[RegistryNotification]:
        """Return what happened since event number `after`, oldest first. wait: seconds to wait for
        something."""
        return self.ask(f"/_lab/events?after={after}&wait={wait}", list[RegistryNotification], wait)

    def follow(self) -> Iterator[RegistryNotification]:
        """Every event, those from before included, for ever."""
        last = 0
        while True:
            for event in self.events(last, wait=FOLLOW):
                last = event.seq
                yield event

    def periods(self) -> list[Period]:
        """When the service ran, oldest first."""
        return self.ask("/_lab/runs", list[Period])

    def ask(self, path: str, shape: type[T], wait: float = 0) -> T:
        """GET something of the operator API."""
        try:
            response = self._http.get(
                f"http://{self.api}{path}",
                headers={"Authorization": f"Bearer {self._key}"},
                timeout=scaled(TIMEOUT) + wait,
            )
            response.raise_for_status()
            return msgspec.json.decode(response.content, type=shape)
        except (requests.RequestException, msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ServiceFault(
                f"The service {self.service.name} does not answer as it should ({error}).",
                "Start it again with `lab start`; what it stored is kept.",
            ) from error


class Guarded(OperatorClient):
    """A registry behind a token server. `registry` reads it as the operator."""

    def __init__(self, engine: Engine, service: Running, key: str) -> None:
        super().__init__(service, key)
        self.registry = RegistryClient(
            service.address, architecture=engine.architecture, auth=TokenAuth(OPERATOR, key)
        )

    def log(self) -> list[LogEntry]:
        """Who asked for tokens and sessions, oldest first."""
        return self.ask("/_lab/auth-log", list[LogEntry])
