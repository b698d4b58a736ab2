"""The checker's own tokens: renewed before they end and when they are refused, and never in a loop.

The server's and the client's clock are one that the tests move.
"""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest

from checker.base.errors import Refused, ServiceFault
from checker.inspect.registry import RegistryClient
from checker.inspect.tokenauth import DEFAULT_SECONDS, SPARE, TokenAuth, held
from tokenclient import TokenClient

LIFE = 300.0


class Registry:
    """A registry whose tokens end. `revoke` makes it forget those it gave; `refuses` refuses whatever comes."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.given: dict[str, float] = {}
        self.asked = 0
        """Requests for a token."""
        self.tried: list[str] = []
        """Tokens that came with requests."""
        self.refuses = False
        self.slow = 0.0
        """Seconds that go by while a token is made."""
        self.token_status = 200
        self.answer: Callable[[str], dict[str, Any]] = lambda token: {"token": token, "expires_in": LIFE}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/token":
                    registry.asked += 1
                    token = f"t{registry.asked}"
                    registry.now += registry.slow
                    registry.given[token] = registry.now + LIFE
                    self.reply(registry.token_status, json.dumps(registry.answer(token)).encode())
                    return
                token = self.headers.get("Authorization", "")[len("Bearer ") :]
                if token:
                    registry.tried.append(token)
                if registry.refuses or registry.given.get(token, 0) <= registry.now:
                    error = ',error="invalid_token"' if token else ""
                    realm = f'Bearer realm="http://{registry.address}/token",service="s",scope="repository:app:pull"'
                    self.reply(401, b"{}", {"WWW-Authenticate": realm + error})
                    return
                self.reply(200, json.dumps({"name": "app", "tags": ["1"]}).encode())

            def reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
                self.send_response(status)
                for key, value in (headers or {}).items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def clock(self) -> float:
        return self.now

    def revoke(self) -> None:
        self.given.clear()

    def client(self) -> RegistryClient:
        return RegistryClient(self.address, auth=TokenAuth("ann", "secret", clock=self.clock))


@pytest.fixture
def registry() -> Iterator[Registry]:
    found = Registry()
    yield found
    found.server.shutdown()
    found.server.server_close()


def test_a_token_is_used_again_while_it_is_good(registry: Registry) -> None:
    client = registry.client()

    for _ in range(3):
        assert client.tags("app") == ["1"]

    assert registry.asked == 1


def test_a_token_is_renewed_before_it_ends(registry: Registry) -> None:
    client = registry.client()
    client.tags("app")
    registry.now += LIFE * (1 - SPARE) + 1

    assert client.tags("app") == ["1"]
    assert registry.tried == ["t1", "t2"]


def test_a_token_that_ended_in_the_middle_of_a_judgement_is_renewed(registry: Registry) -> None:
    """The case from the field: a grading took longer than the 300 s for which its token was good."""
    client = registry.client()
    client.tags("app")
    registry.now += 3 * LIFE

    assert client.tags("app") == ["1"]


def test_a_token_that_is_refused_before_its_time_is_renewed_once(registry: Registry) -> None:
    client = registry.client()
    client.tags("app")
    registry.revoke()

    assert client.tags("app") == ["1"]
    assert registry.tried == ["t1", "t1", "t2"]


def test_a_registry_that_refuses_everything_is_asked_twice_and_no_more(registry: Registry) -> None:
    client = registry.client()
    client.tags("app")
    registry.refuses = True

    with pytest.raises(Refused) as caught:
        client.tags("app")

    assert caught.value.status == 401
    assert registry.tried == ["t1", "t1", "t2"]
    assert registry.asked == 2


def test_a_fresh_token_that_is_refused_is_not_renewed(registry: Registry) -> None:
    registry.refuses = True

    with pytest.raises(ServiceFault):
        registry.client().tags("app")

    assert registry.asked == 1


def test_a_token_server_that_refuses_is_no_finding(registry: Registry) -> None:
    registry.token_status = 503

    with pytest.raises(ServiceFault, match="The token server answered 503 to ann"):
        registry.client().tags("app")


@pytest.mark.parametrize("answer", [{}, {"token": None}, {"token": 5}, [], "token"])
def test_a_token_server_that_gives_no_token_is_a_fault(registry: Registry, answer: Any) -> None:
    registry.answer = lambda _: answer

    with pytest.raises(ServiceFault, match="holds no token"):
        registry.client().tags("app")


def test_nobody_there_is_a_fault_of_the_service(registry: Registry) -> None:
    client = registry.client()
    registry.server.shutdown()
    registry.server.server_close()

    with pytest.raises(ServiceFault, match="does not answer"):
        client.tags("app")


# When a token ends


def jwt(**claims: Any) -> str:
    parts = ({"alg": "RS256"}, claims)
    return (
        ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".x"
    )


def at(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        ({"token": "a"}, DEFAULT_SECONDS),
        ({"access_token": "a", "expires_in": 300}, 300),
        ({"token": "a", "expires_in": 0}, DEFAULT_SECONDS),
        ({"token": "a", "expires_in": "300"}, DEFAULT_SECONDS),
        ({"token": jwt(iat=1000, exp=1100), "expires_in": 300}, 100),
        ({"token": jwt(iat=1000, exp=9000), "expires_in": 300}, 300),
        ({"token": jwt(iat="x", exp=None), "expires_in": 300}, 300),
        ({"token": "a.b.c", "expires_in": 300}, 300),
        ({"token": "a", "expires_in": 300, "issued_at": "yesterday"}, 300),
        ({"token": "a", "expires_in": 300, "issued_at": at(5000)}, 300),
        ({"token": "a", "expires_in": 300, "issued_at": at(10)}, 300),
    ],
)
def test_a_token_is_renewed_before_what_it_says_of_itself(answer: dict[str, Any], seconds: float) -> None:
    assert held(answer, 1000.0).until == pytest.approx(1000 + seconds * (1 - SPARE))


def test_a_token_that_was_made_earlier_ends_earlier() -> None:
    answer = {"token": "a", "expires_in": 300, "issued_at": at(900)}

    assert held(answer, 1000.0).until == pytest.approx(1125)
    assert held({"token": jwt(iat=950, exp=1150), "expires_in": 300}, 1000.0).until == pytest.approx(1100)


def test_a_clock_that_goes_wrong_does_not_make_a_token_last_longer() -> None:
    ahead = {"token": jwt(iat=90_000, exp=90_300), "expires_in": 300}

    assert held(ahead, 1000.0).until == pytest.approx(1225)


# Tokens in hand


def test_a_lease_is_renewed_before_its_token_ends(registry: Registry) -> None:
    client = TokenClient(registry.address, clock=registry.clock)
    lease = client.lease(("ann", "secret"), "repository:app:pull")
    assert client.send("GET", "/v2/app/tags/list", lease).status_code == 200
    registry.now += LIFE

    assert client.send("GET", "/v2/app/tags/list", lease).status_code == 200
    assert registry.tried == ["t1", "t2"]


def test_a_lease_whose_token_is_refused_is_renewed_once(registry: Registry) -> None:
    client = TokenClient(registry.address, clock=registry.clock)
    lease = client.lease(("ann", "secret"), "repository:app:pull")
    registry.revoke()
    assert client.send("GET", "/v2/app/tags/list", lease).status_code == 200

    registry.refuses = True
    assert client.send("GET", "/v2/app/tags/list", lease).status_code == 401
    assert registry.tried == ["t1", "t2", "t2", "t3"]


def test_a_token_that_is_tried_on_purpose_stays_as_it_is(registry: Registry) -> None:
    client = TokenClient(registry.address, clock=registry.clock)
    token = client.token(("ann", "secret"), "repository:app:pull")
    registry.now += LIFE

    assert client.send("GET", "/v2/app/tags/list", token).status_code == 401
    assert registry.asked == 1


def test_one_lease_serves_many_threads_with_one_new_token(registry: Registry) -> None:
    client = TokenClient(registry.address, clock=registry.clock)
    lease = client.lease(None, "repository:app:pull")
    old = lease.token()
    registry.now += LIFE
    threads = [threading.Thread(target=lease.renewed, args=(old,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert registry.asked == 2
