"""The front: what passes to Distribution and back, what is counted, and that a push is written down in
time.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpcore
import jwt
import msgspec
import pytest
from starlette.testclient import TestClient

from checker.services.distribution import MANIFESTS, REALM, Backend
from checker.services.hub.courier import Courier, pause
from checker.services.hub.gate import HubGate, Turns
from checker.services.hub.limits import PullLimits
from checker.services.hub.outbox import Outbox
from checker.services.hub.repositories import Repositories
from checker.services.proxy import Front
from checker.services.scopes import Access
from checker.services.settings import Limits, Settings
from checker.services.store import ServiceStore
from checker.services.tokens import Signer
from checker.services.web import Answer, Call, Route, application
from tests.unit.services.inside import (
    Distribution,
    Responder,
    Sent,
    backend,
    credentials,
    digest_of,
    keys,
    settings,
)

MANIFEST = json.dumps({"schemaVersion": 2}).encode()
HOOK = "http://127.0.0.1:1/hook"


def challenge(_sent: Sent) -> tuple[int, dict[str, str], bytes]:
    return 401, {"WWW-Authenticate": f'Bearer realm="{REALM}",service="registry.lab"'}, b"{}"


def created(sent: Sent) -> tuple[int, dict[str, str], bytes]:
    return 201, {"Docker-Content-Digest": digest_of(sent.body)}, b""


def found(_sent: Sent) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Docker-Content-Digest": digest_of(MANIFEST)}, MANIFEST


def missing(_sent: Sent) -> tuple[int, dict[str, str], bytes]:
    return 404, {}, b"{}"


class Hub:
    """The parts of a hub round a front, with a stand-in for Distribution."""

    def __init__(self, folder: Path, respond: Responder, limits: Limits | None = None) -> None:
        self.settings: Settings = settings(folder)
        self.store = ServiceStore(folder / "state")
        credentials(self.settings, self.store)
        self.signer = Signer(keys(), "registry-lab", "registry.lab", 300)
        self.repositories = Repositories(self.store)
        self.outbox = Outbox(self.store, self.repositories, "127.0.0.1:8888")
        self.backend: Backend
        self.distribution: Distribution
        self.backend, self.distribution = backend(self.settings, respond)
        counted = PullLimits(self.store, limits or self.settings.limits)
        self.gate = HubGate(self.repositories, counted, self.outbox, self.backend, Turns())
        self.gate.ready.set()
        front = Front(self.settings, self.backend, self.signer, self.gate)
        self.client = TestClient(front, "http://127.0.0.1:5555", client=("192.0.2.7", 4711))

    def bearer(self, account: str, repository: str = "ann/app", *actions: str) -> dict[str, str]:
        access = [Access("repository", repository, actions or ("pull", "push", "delete"))]
        return {"Authorization": f"Bearer {self.signer.for_registry(account, access)}"}

    def push(self, tag: str = "1", body: bytes = MANIFEST, account: str = "ann") -> int:
        headers = {**self.bearer(account), "Content-Type": MANIFESTS[0]}
        return self.client.put(f"/v2/ann/app/manifests/{tag}", content=body, headers=headers).status_code

    def webhook(self) -> None:
        self.repositories.create("ann", "app")
        self.store.write(
            "INSERT INTO webhooks (repository, slug, name, expect_final_callback, hooks, creator, created_at)"
            " VALUES ('ann/app', 'h', 'h', 0, ?, 'ann', '')",
            json.dumps([{"name": "h", "hook_url": HOOK}]),
        )

    def deliveries(self) -> list[str]:
        return [row["id"] for row in self.store.rows("SELECT id FROM deliveries")]

    def tags(self) -> dict[str, str]:
        return {row["name"]: row["digest"] for row in self.store.rows("SELECT * FROM tags")}

    def resolve(self) -> None:
        """Do what a start does with what it finds."""

        async def all_of_them() -> None:
            for intent in self.outbox.pending():
                await self.outbox.resolve(intent, self.backend)

        asyncio.run(all_of_them())


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("127.0.0.1:5555", "http://127.0.0.1:8888/token"),
        ("hub:5000", "http://hub:8000/token"),
        ("evil.example:5000", "http://127.0.0.1:8888/token"),
    ],
)
def test_a_challenge_names_the_token_server_as_the_client_can_reach_it(
    tmp_path: Path, host: str, realm: str
) -> None:
    answer = Hub(tmp_path, challenge).client.get("/v2/", headers={"Host": host})
    assert answer.headers["www-authenticate"] == f'Bearer realm="{realm}",service="registry.lab"'


@pytest.mark.parametrize(
    ("agent", "realm"),
    [
        ("docker/20.10.24 go/go1.22", "http://127.0.0.1:8888/token"),
        ("trivy/0.76.0", "http://127.0.0.1:5555/token"),
        ("crane/0.20.2 go-containerregistry/v0.20.2", "http://127.0.0.1:5555/token"),
    ],
)
def test_clients_that_ask_no_other_port_of_a_private_address_are_sent_to_the_registrys_own(
    tmp_path: Path, agent: str, realm: str
) -> None:
    answer = Hub(tmp_path, challenge).client.get("/v2/", headers={"User-Agent": agent})
    assert answer.headers["www-authenticate"] == f'Bearer realm="{realm}",service="registry.lab"'


def test_the_token_server_answers_at_the_registrys_address_too(tmp_path: Path) -> None:
    hub = Hub(tmp_path, missing)
    tokens = application([Route("GET", "/token", _token, "A token", {200: Said})])
    front = Front(hub.settings, hub.backend, hub.signer, hub.gate, tokens)

    answer = TestClient(front, "http://127.0.0.1:5555").get("/token?service=registry.lab")

    assert answer.json() == {"token": "a token"}
    assert hub.distribution.sent == []


class Said(msgspec.Struct, frozen=True):
    token: str


async def _token(_call: Call) -> Answer:
    return Answer(Said("a token"))


def test_where_a_request_comes_from_is_said_by_the_front_and_by_nobody_else(tmp_path: Path) -> None:
    hub = Hub(tmp_path, missing)
    claimed = ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded")
    hub.client.get(
        "/v2/", headers=dict.fromkeys(claimed, "198.51.100.1") | {"Connection": "x-mine", "X-Mine": "1"}
    )
    (sent,) = hub.distribution.sent
    assert sent.headers["x-forwarded-for"] == "192.0.2.7"
    assert sent.headers["host"] == "127.0.0.1:5555"
    assert not {"x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "x-mine"} & set(
        sent.headers
    )


def test_bodies_queries_and_odd_paths_pass_as_they_are(tmp_path: Path) -> None:
    hub = Hub(tmp_path, created)
    hub.client.patch("/v2/ann/app/blobs/uploads/u?_state=a%2Bb%3D", content=b"x" * 300_000)
    hub.client.get("/v2/ann/a%20b%25/tags/list")
    upload, listing = hub.distribution.sent
    assert upload.target == "/v2/ann/app/blobs/uploads/u?_state=a%2Bb%3D"
    assert len(upload.body) == 300_000
    assert listing.target == "/v2/ann/a%20b%25/tags/list"


def test_a_token_that_is_over_is_not_passed_on(tmp_path: Path) -> None:
    hub = Hub(tmp_path, challenge)
    now = int(time.time())
    claims = {"iss": "registry-lab", "sub": "ann", "aud": "registry.lab", "exp": now - 1, "nbf": 1, "iat": 1}
    stale = jwt.encode(claims, keys().private, "RS256")
    hub.client.get("/v2/", headers={"Authorization": f"Bearer {stale}"})
    hub.client.get("/v2/", headers={"Authorization": "Bearer made-up"})
    first, second = hub.distribution.sent
    assert "authorization" not in first.headers
    assert second.headers["authorization"] == "Bearer made-up"


def test_a_registry_that_does_not_answer_is_told_as_such(tmp_path: Path) -> None:
    def gone(_sent: Sent) -> tuple[int, dict[str, str], bytes]:
        raise httpcore.ConnectError

    answer = Hub(tmp_path, gone).client.get("/v2/")
    assert answer.status_code == 503
    assert answer.json()["errors"][0]["code"] == "UNAVAILABLE"


def test_fetches_of_manifests_count_until_none_is_left(tmp_path: Path) -> None:
    hub = Hub(tmp_path, found, Limits(2, 3, 60))
    path, anonymous = "/v2/ann/app/manifests/1", hub.bearer("", "ann/app", "pull")
    assert hub.client.head(path, headers=anonymous).headers["ratelimit-remaining"] == "2;w=60"
    left = [hub.client.get(path, headers=anonymous) for _ in range(3)]
    assert [answer.status_code for answer in left] == [200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in left] == ["1;w=60", "0;w=60", "0;w=60"]
    assert left[2].headers["ratelimit-limit"] == "2;w=60"
    assert left[2].headers["docker-ratelimit-source"] == "192.0.2.7"
    assert left[2].json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert hub.client.head(path, headers=anonymous).status_code == 200
    assert hub.client.get(path, headers=hub.bearer("ann")).headers["ratelimit-remaining"] == "2;w=60"
    assert "ratelimit-remaining" not in hub.client.get(path, headers=hub.bearer("_operator")).headers


def test_an_encoded_path_is_no_way_round_the_limit(tmp_path: Path) -> None:
    hub = Hub(tmp_path, found, Limits(1, 1, 60))
    anonymous = hub.bearer("", "ann/app", "pull")
    assert hub.client.get("/v2/ann/app/%6Danifests/1", headers=anonymous).status_code == 200
    assert hub.client.get("/v2/ann%2Fapp/manifests/1", headers=anonymous).status_code == 429


def test_a_fetch_that_finds_nothing_is_not_counted(tmp_path: Path) -> None:
    hub = Hub(tmp_path, missing)
    answer = hub.client.get("/v2/ann/app/manifests/1", headers=hub.bearer("ann"))
    assert answer.headers["ratelimit-remaining"] == "5;w=60"


def test_a_window_ends_and_a_restart_does_not_end_it(tmp_path: Path) -> None:
    clock = [1000.0]
    limits = PullLimits(ServiceStore(tmp_path), Limits(1, 1, 60), lambda: clock[0])
    assert limits.take("", "192.0.2.1").granted
    again = PullLimits(ServiceStore(tmp_path), Limits(1, 1, 60), lambda: clock[0])
    assert not again.take("", "192.0.2.1").granted
    assert again.take("", "192.0.2.2").granted
    clock[0] += 60
    assert again.take("", "192.0.2.1").granted


def test_a_push_is_on_the_disk_before_distribution_gets_it(tmp_path: Path) -> None:
    seen: list[list[Any]] = []

    def looking(sent: Sent) -> tuple[int, dict[str, str], bytes]:
        beside = ServiceStore(tmp_path / "state")
        seen.append([tuple(row) for row in beside.rows("SELECT state, repository, tag, digest FROM intents")])
        return created(sent)

    hub = Hub(tmp_path, looking)
    assert hub.push() == 201
    assert seen == [[("pending", "ann/app", "1", digest_of(MANIFEST))]]
    assert hub.tags() == {"1": digest_of(MANIFEST)}
    assert hub.repositories.by_path("ann/app") is not None


def test_a_push_sets_off_each_webhook_once(tmp_path: Path) -> None:
    hub = Hub(tmp_path, created)
    hub.webhook()
    hub.push("1")
    hub.push("2")
    rows = hub.store.rows("SELECT * FROM deliveries ORDER BY created_at")
    assert [row["tag"] for row in rows] == ["1", "2"]
    sent = json.loads(rows[0]["payload"])
    assert sent["push_data"]["tag"] == "1"
    assert sent["push_data"]["pusher"] == "ann"
    assert sent["repository"]["repo_name"] == "ann/app"
    assert sent["callback_url"].endswith(f"/u/ann/app/hook/{rows[0]['id']}/")


def test_a_push_that_distribution_refuses_sets_nothing_off(tmp_path: Path) -> None:
    hub = Hub(tmp_path, missing)
    hub.webhook()
    assert hub.push() == 404
    assert (hub.deliveries(), hub.tags(), hub.outbox.pending()) == ([], {}, [])


def test_a_push_without_the_right_is_not_even_written_down(tmp_path: Path) -> None:
    hub = Hub(tmp_path, challenge)
    headers = {**hub.bearer("bob", "ann/app", "pull"), "Content-Type": MANIFESTS[0]}
    assert hub.client.put("/v2/ann/app/manifests/1", content=MANIFEST, headers=headers).status_code == 401
    assert hub.store.count("SELECT count(*) FROM intents") == 0


def killed_in_the_middle(hub: Hub) -> None:
    """Leave what a kill leaves between Distribution's answer and the client's."""
    hub.webhook()
    hub.outbox.intend("put", "ann/app", "1", digest_of(MANIFEST), MANIFESTS[0], "ann")


def test_a_push_that_a_kill_cut_off_is_finished_at_the_next_start(tmp_path: Path) -> None:
    hub = Hub(tmp_path, found)
    killed_in_the_middle(hub)
    hub.resolve()
    assert hub.tags() == {"1": digest_of(MANIFEST)}
    assert len(hub.deliveries()) == 1


def test_a_push_that_never_reached_distribution_is_forgotten_at_the_next_start(tmp_path: Path) -> None:
    hub = Hub(tmp_path, missing)
    killed_in_the_middle(hub)
    hub.resolve()
    assert (hub.tags(), hub.deliveries(), hub.outbox.pending()) == ({}, [], [])


def test_a_client_that_pushes_again_after_a_kill_sets_off_nothing_new(tmp_path: Path) -> None:
    hub = Hub(tmp_path, found)
    killed_in_the_middle(hub)
    hub.resolve()
    first = hub.deliveries()
    hub.distribution.respond = created
    assert hub.push() == 201
    assert hub.deliveries() == first
    assert hub.push() == 201
    assert len(hub.deliveries()) == 2


def test_another_push_after_a_kill_is_a_new_one(tmp_path: Path) -> None:
    hub = Hub(tmp_path, found)
    killed_in_the_middle(hub)
    hub.resolve()
    hub.distribution.respond = created
    assert hub.push(body=b"{}") == 201
    assert hub.push() == 201
    assert len(hub.deliveries()) == 3


def test_an_answer_that_was_lost_is_looked_up(tmp_path: Path) -> None:
    def lost(sent: Sent) -> tuple[int, dict[str, str], bytes]:
        if sent.method == "PUT":
            raise httpcore.ReadError
        return found(sent)

    hub = Hub(tmp_path, lost)
    hub.webhook()
    assert hub.push() == 503
    assert hub.tags() == {"1": digest_of(MANIFEST)}
    assert len(hub.deliveries()) == 1


def test_a_deleted_manifest_takes_its_tags_along(tmp_path: Path) -> None:
    hub = Hub(tmp_path, created)
    hub.push("1")
    hub.push("2")
    hub.push("3", b"{}")
    hub.distribution.respond = lambda _sent: (202, {}, b"")
    path = f"/v2/ann/app/manifests/{digest_of(MANIFEST)}"
    assert hub.client.delete(path, headers=hub.bearer("ann")).status_code == 202
    assert list(hub.tags()) == ["3"]


def courier_until(
    store: ServiceStore, enough: Callable[[Courier], bool], serve: Callable[..., Awaitable[None]]
) -> Courier:
    """Let a courier work against a receiver on 127.0.0.1 until a test has seen enough."""

    async def story() -> Courier:
        receiver = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = receiver.sockets[0].getsockname()[1]
        store.write("UPDATE deliveries SET hook_url = ?", f"http://127.0.0.1:{port}/hook")
        courier = Courier(store)
        work = asyncio.create_task(courier.work())
        async with asyncio.timeout(20):
            while not enough(courier):
                await asyncio.sleep(0.005)
        work.cancel()
        receiver.close()
        return courier

    return asyncio.run(story())


def test_a_delivery_is_tried_until_it_is_taken_under_one_id(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checker.services.hub.courier.FIRST_PAUSE", 0.01)
    ids: list[str] = []

    async def failing_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        ids.append(head.split("x-delivery-id: ")[1].split("\r\n")[0])
        status = b"503 No" if len(ids) < 3 else b"200 OK"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    hub = Hub(tmp_path, created)
    hub.webhook()
    hub.push()
    courier = courier_until(hub.store, lambda courier: courier.all()[0].delivered, failing_twice)
    (delivery,) = courier.all()
    assert [attempt.status for attempt in delivery.attempts] == [503, 503, 200]
    assert set(ids) == {delivery.id}


def test_tries_of_an_earlier_run_count_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checker.services.hub.courier.FIRST_PAUSE", 0.01)
    monkeypatch.setattr("checker.services.hub.courier.MOST_TRIES", 2)

    async def refusing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    hub = Hub(tmp_path, created)
    hub.webhook()
    hub.push()
    hub.store.write("UPDATE deliveries SET tries = 1")
    courier = courier_until(hub.store, lambda courier: bool(courier.all()[0].attempts), refusing)
    (delivery,) = courier.all()
    assert [attempt.status for attempt in delivery.attempts] == [0]
    assert not delivery.delivered


def test_pauses_grow_to_an_end_and_differ() -> None:
    assert [pause(tries, 1.0) for tries in (1, 2, 3)] == [0.25, 0.5, 1.0]
    assert pause(50, 1.0) == 30.0
    assert pause(1, 0.0) == 0.125


@pytest.mark.parametrize(
    ("query", "passed"),
    [
        ("mount=sha256:1&from=bob/secret", ""),
        ("from=bob%2Fsecret&mount=sha256:1&digest=sha256:2", "digest=sha256%3A2"),
        ("mount=sha256:1&from=ann/app", "mount=sha256:1&from=ann/app"),
        ("", ""),
    ],
    ids=["not the client's", "encoded", "its own", "an ordinary upload"],
)
def test_a_blob_is_mounted_only_from_where_the_client_may_pull(
    tmp_path: Path, query: str, passed: str
) -> None:
    hub = Hub(tmp_path, lambda _: (202, {}, b""))

    answer = hub.client.post(f"/v2/ann/app/blobs/uploads/?{query}", headers=hub.bearer("ann"))

    assert answer.status_code == 202
    assert hub.distribution.sent[-1].target.partition("?")[2] == passed


def test_who_has_no_token_is_challenged_for_all_it_asked_for(tmp_path: Path) -> None:
    hub = Hub(tmp_path, challenge)

    assert hub.client.post("/v2/ann/app/blobs/uploads/?mount=sha256:1&from=bob/secret").status_code == 401
    assert "from=bob/secret" in hub.distribution.sent[-1].target
