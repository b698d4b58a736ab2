"""Services in this process, with a stand-in for Distribution behind them: no engine, no sockets."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpcore
from starlette.testclient import TestClient

from checker.services.authlog import AuthLog
from checker.services.credentials import Credentials
from checker.services.distribution import Backend
from checker.services.keys import Keys, load_or_make
from checker.services.service import ServiceProcess, build
from checker.services.settings import Account, Limits, Settings
from checker.services.store import ServiceStore
from checker.services.tokens import Claims, Signer

OPERATOR = {"Authorization": "Bearer operator-key"}
ACCOUNTS = (
    Account("ann", "ann's password", "developer"),
    Account("bob", "bob's password", "auditor"),
    Account("eve", "eve's password", ""),
)


@cache
def keys() -> Keys:
    with TemporaryDirectory() as folder:
        return load_or_make(Path(folder))


def settings(folder: Path, **changed: Any) -> Settings:
    given = {
        "operator": "operator-key",
        "registry": "127.0.0.1:5555",
        "api": "127.0.0.1:8888",
        "alias": "hub",
        "accounts": ACCOUNTS,
        "limits": Limits(3, 5, 60),
        "rbac": str(folder / "registry-rbac.conf"),
        "state": str(folder / "state"),
        "storage": str(folder / "storage"),
    }
    return Settings(**{**given, **changed})


@dataclass
class Lab:
    """A service with all that a test looks at."""

    settings: Settings
    store: ServiceStore
    service: ServiceProcess
    api: TestClient
    signer: Signer

    def token(self, scope: str = "", user: str = "", password: str = "") -> Claims:
        """Ask for a token as docker does; return what is in it."""
        answer = self.api.get(
            "/token",
            params={"service": "registry.lab", "scope": scope},
            auth=(user, password or f"{user}'s password") if user else None,
        )
        assert answer.status_code == 200, answer.text
        return self.signer.read_registry(answer.json()["token"])

    def granted(self, scope: str, user: str = "", password: str = "") -> set[str]:
        """Ask for a token for one repository; return the actions that are in it."""
        return {action for entry in self.token(scope, user, password).access for action in entry.actions}

    def session(self, user: str, password: str = "") -> dict[str, str]:
        """Log in to the hub's API; return the header that goes with each call."""
        answer = self.api.post(
            "/v2/auth/token", json={"identifier": user, "secret": password or f"{user}'s password"}
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def log(self) -> list[dict[str, Any]]:
        """Return the auth log."""
        lines: list[dict[str, Any]] = self.api.get("/_lab/auth-log", headers=OPERATOR).json()
        return lines


def lab(mode: str, folder: Path, **changed: Any) -> Lab:
    """Put a service together in a folder."""
    made = settings(folder, **changed)
    store = ServiceStore(Path(made.state))
    service = build(mode, made, store, keys(), "notify-key")
    signer = Signer(keys(), made.issuer, made.service, made.token_seconds)
    return Lab(made, store, service, TestClient(service.api, "http://127.0.0.1:8888"), signer)


@dataclass
class Sent:
    """A request as the stand-in got it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Responder = Callable[[Sent], tuple[int, dict[str, str], bytes]]


@dataclass
class Distribution:
    """In the place of the connection pool: answers by a function, and remembers what it was sent."""

    respond: Responder
    sent: list[Sent] = field(default_factory=list)

    @asynccontextmanager
    async def stream(
        self, method: str, url: httpcore.URL, headers: Any = None, content: Any = None
    ) -> AsyncIterator[httpcore.Response]:
        """Answer one request."""
        body = b""
        if content is not None:
            async for part in content:
                body += part
        pairs = headers.items() if isinstance(headers, dict) else headers
        named = {_text(name).lower(): _text(value) for name, value in pairs}
        self.sent.append(Sent(method, url.target.decode(), named, body))
        status, answered, answer = self.respond(self.sent[-1])
        yield httpcore.Response(status, headers=list(answered.items()), content=_parts(answer))

    async def request(self, method: str, url: httpcore.URL, headers: Any = None) -> httpcore.Response:
        """Answer one request as a whole."""
        async with self.stream(method, url, headers) as response:
            await response.aread()
            return response


def backend(made: Settings, respond: Responder) -> tuple[Backend, Distribution]:
    """Return what the services read Distribution through, and the stand-in behind it."""
    found = Backend(made, Signer(keys(), made.issuer, made.service, 300))
    stand_in = Distribution(respond)
    found.pool = stand_in  # type: ignore[assignment]
    return found, stand_in


def digest_of(content: bytes) -> str:
    """Return the digest of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def credentials(made: Settings, store: ServiceStore) -> tuple[Credentials, AuthLog]:
    """Return accounts and an empty log."""
    found = Credentials(store, made.operator)
    found.open_accounts(made.accounts)
    return found, AuthLog(store)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


async def _parts(content: bytes) -> AsyncIterator[bytes]:
    yield content
