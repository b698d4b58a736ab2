"""The stand-in for Docker Hub in a stack: with the engine's own client, killed, and under load."""

import secrets
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from checker.base.errors import NotShown
from checker.base.model import Service, Value
from checker.engine import images
from checker.engine.connection import Engine
from checker.stack import dockerhub, starting
from checker.stack import stack as stacks
from checker.stack.cleanup import remove_run
from checker.stack.container import wait_ready
from checker.stack.kind import kind
from checker.stack.kinds import hub as hub_view
from checker.stack.kinds.events import EventsView
from checker.stack.kinds.hub import API, HubView, RealHub
from checker.stack.operated import Delivery
from checker.stack.stack import Stack
from checker.stack.views import views
from tests.engine.test_stack import inspected, lab_of
from tests.helpers import until
from tests.pushing import Pusher, digest_of

pytestmark = pytest.mark.engine

CLIENTS = 50
ACCOUNTS = [
    {"username": "{ADA}", "password": "{ADA_PASSWORD}"},
    {"username": "{EVE}", "password": "{EVE_PASSWORD}"},
]
SERVICES = (
    Service(name="inbox", kind="events", options={"hooks_fail": {"moody": 2}}),
    Service(name="hub", kind="hub", options={"accounts": ACCOUNTS, "anonymous": 4, "authenticated": 1000}),
    Service(name="cache", kind="cache", options={"of": "hub", "events": "inbox"}),
)
VALUES = {
    "ADA": Value(kind="word"),
    "ADA_PASSWORD": Value(kind="token", secret=True),
    "EVE": Value(kind="word"),
    "EVE_PASSWORD": Value(kind="token", secret=True),
}


@dataclass(frozen=True)
class World:
    """A running hub with two accounts, a receiver of webhooks and a cache."""

    engine: Engine
    stack: Stack
    hub: HubView
    inbox: EventsView

    @property
    def registry(self) -> str:
        return self.stack.services["hub"].address

    @property
    def api(self) -> str:
        return self.stack.services["hub"].address_of(API)

    @property
    def ada(self) -> str:
        return self.stack.values["ADA"]

    def pusher(self, who: str = "ADA") -> Pusher:
        return Pusher(self.registry, self.api, (self.stack.values[who], self.stack.values[f"{who}_PASSWORD"]))

    def anonymous(self) -> Pusher:
        return Pusher(self.registry, self.api, None)

    def quick(self, who: str = "ADA") -> Pusher:
        """As `pusher`, with an access token: a password is hashed slowly each time, on purpose."""
        return Pusher(
            self.registry,
            self.api,
            (self.stack.values[who], self.access_token(f"of {who}", "repo:write", who)),
        )

    def make_private(self, name: str) -> None:
        about = {"name": name, "namespace": self.ada, "is_private": True}
        url = f"http://{self.api}/v2/namespaces/{self.ada}/repositories"
        requests.post(url, json=about, headers=self.session(), timeout=10).raise_for_status()

    def access_token(self, label: str, scope: str, who: str = "ADA") -> str:
        about = {"token_label": label, "scopes": [scope]}
        url = f"http://{self.api}/v2/access-tokens"
        made = requests.post(url, json=about, headers=self.session(who), timeout=10)
        assert made.status_code == 201, made.text
        return str(made.json()["token"])

    def session(self, who: str = "ADA") -> dict[str, str]:
        """The header of a session at the HTTP API."""
        about = {"identifier": self.stack.values[who], "secret": self.stack.values[f"{who}_PASSWORD"]}
        done = requests.post(f"http://{self.api}/v2/auth/token", json=about, timeout=10)
        done.raise_for_status()
        return {"Authorization": f"Bearer {done.json()['access_token']}"}

    def register_hook(self, repository: str, name: str) -> None:
        body = {
            "name": name,
            "expect_final_callback": False,
            "webhooks": [{"name": name, "hook_url": f"http://inbox:8000/hooks/{name}"}],
        }
        url = f"http://{self.api}/v2/repositories/{repository}/webhook_pipeline/"
        done = requests.post(url, json=body, headers=self.session(), timeout=10)
        assert done.status_code == 201, done.text

    def delivered(self, repository: str) -> list[Delivery]:
        """The repository's deliveries, once all are through."""

        def through() -> list[Delivery]:
            found = [entry for entry in self.hub.deliveries() if entry.repository == repository]
            return found if found and all(entry.delivered for entry in found) else []

        return list(until(through, f"the webhooks of {repository} to be delivered", seconds=60))


@pytest.fixture(scope="module")
def world(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    images.ensure(engine, ["services"], print)
    lab = lab_of(*SERVICES, values=VALUES)
    place = tmp_path_factory.mktemp("hub")
    stack = starting.start(engine, lab, f"test-hub-{secrets.token_hex(4)}", throwaway=True, place=place)
    seen = views(engine, stack)
    hub, inbox = seen["hub"], seen["inbox"]
    assert isinstance(hub, HubView)
    assert isinstance(inbox, EventsView)
    yield World(engine, stack, hub, inbox)
    remove_run(engine, stack)


@pytest.fixture
def docker(world: World, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The engine's own client, with logins of its own."""

    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "DOCKER_CONFIG": str(tmp_path),
            **world.engine.environment(),
        }
        return subprocess.run(
            ["docker", *arguments], env=env, input=stdin, capture_output=True, text=True, check=False
        )

    return run


def test_engine_logs_in_with_a_token_pushes_and_pulls_and_the_password_never_asks_for_a_token(
    world: World, docker: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    token = world.access_token("laptop", "repo:write")
    before = world.hub.log()[-1].seq
    name = f"{world.registry}/{world.ada}/cli:1"

    login = docker("login", "--username", world.ada, "--password-stdin", world.registry, stdin=token)
    docker("tag", images.tag_of("busybox"), name)
    pushed, removed, pulled = docker("push", name), docker("rmi", name), docker("pull", name)
    docker("rmi", name)

    assert [done.returncode for done in (login, pushed, removed, pulled)] == [0, 0, 0, 0], (
        login.stderr + pushed.stderr
    )
    asked = [entry for entry in world.hub.log() if entry.seq > before and entry.endpoint == "/token"]
    assert {entry.credential for entry in asked} == {"access-token"}
    assert {entry.token_label for entry in asked} == {"laptop"}
    assert {event.action for event in world.hub.events() if event.repository == f"{world.ada}/cli"} >= {
        "push",
        "pull",
    }


def test_read_token_cannot_push(world: World) -> None:
    reader = Pusher(world.registry, world.api, (world.ada, world.access_token("reader", "repo:read")))

    with pytest.raises(requests.HTTPError, match="401"):
        reader.push(f"{world.ada}/readonly", "1")


def test_nobody_pushes_into_anothers_namespace_nor_reads_a_private_repository(world: World) -> None:
    world.make_private("vault")
    digest = world.pusher().push(f"{world.ada}/vault", "1")

    with pytest.raises(requests.HTTPError, match="401"):
        world.pusher("EVE").push(f"{world.ada}/app", "1")
    for nosy in (world.pusher("EVE"), world.anonymous()):
        token = nosy.token(f"repository:{world.ada}/vault:pull")
        assert nosy.manifest(f"{world.ada}/vault", digest, token).status_code == 401


def test_private_blob_cannot_be_mounted_into_ones_own_repository(world: World) -> None:
    layer = secrets.token_bytes(100)
    world.make_private("treasure")
    world.pusher().push(f"{world.ada}/treasure", "1", layer)
    eve, own = world.pusher("EVE"), f"{world.stack.values['EVE']}/mine"
    token = eve.token(f"repository:{own}:pull,push", f"repository:{world.ada}/treasure:pull")
    mount = f"/v2/{own}/blobs/uploads/?mount={digest_of(layer)}&from={world.ada}/treasure"

    assert eve.ask("POST", mount, token).status_code != 201, "201 would say that it was mounted"
    assert eve.ask("HEAD", f"/v2/{own}/blobs/{digest_of(layer)}", token).status_code == 404


def test_anonymous_pulls_are_counted_by_address_and_refused_over_the_limit(world: World) -> None:
    repository = f"{world.ada}/popular"
    world.pusher().push(repository, "1")
    somebody = world.anonymous()
    token = somebody.token(f"repository:{repository}:pull")

    answers = [somebody.manifest(repository, "1", token) for _ in range(6)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused, [answer.status_code for answer in answers]
    assert answers[0].headers["ratelimit-limit"].startswith("4;w=")
    assert refused[0].json()["errors"][0]["code"] == "TOOMANYREQUESTS"
    assert world.pusher().pull(repository, "1"), "somebody with an account is counted by himself"


def test_webhook_reaches_a_moody_receiver_with_one_delivery_id_and_the_hubs_payload(world: World) -> None:
    repository = f"{world.ada}/hooked"
    world.pusher().push(repository, "0")
    world.register_hook(repository, "moody")

    world.pusher().push(repository, "1.0")

    (delivery,) = world.delivered(repository)
    assert [attempt.status for attempt in delivery.attempts] == [500, 500, 200]
    received = world.inbox.received("moody")
    assert {entry.headers["x-delivery-id"] for entry in received} == {delivery.id}
    assert received[-1].body["push_data"]["tag"] == "1.0"
    assert received[-1].body["push_data"]["pusher"] == world.ada
    assert received[-1].body["repository"]["repo_name"] == repository


def test_cache_answers_while_the_hub_is_down_and_its_notification_falls_between_two_runs(
    world: World,
) -> None:
    repository = f"{world.ada}/cached"
    world.pusher().push(repository, "1")
    cache = Pusher(world.stack.services["cache"].address, world.api, None)
    first = cache.manifest(repository, "1")
    assert first.status_code == 200, first.text
    digest = first.headers["Docker-Content-Digest"]
    api, container = world.engine.client.api, world.stack.services["hub"].container
    api.stop(container, timeout=5)

    second = cache.manifest(repository, digest)
    starting.revive(world.engine, stacks.find(world.engine, world.stack.owner) or world.stack)

    assert second.status_code == 200
    assert second.content == first.content
    *_, before, now = world.hub.periods()
    assert before.stopped, "an orderly end is noted"

    def heard() -> bool:
        events = [event for event in world.inbox.events() if event.repository == repository]
        return any(str(before.stopped) < event.at < now.started for event in events)

    until(heard, "the cache's notification of the pull while the hub was down")


def test_hub_killed_in_the_middle_of_pushes_loses_no_image_and_no_webhook(world: World) -> None:
    repository = f"{world.ada}/killed"
    pusher = world.quick()
    pusher.push(repository, "0")
    world.register_hook(repository, "killed")
    container = world.stack.services["hub"].container
    acknowledged: dict[str, str] = {}
    tries: Counter[str] = Counter()
    done = threading.Event()

    def push_on() -> None:
        number = 0
        while not done.is_set() or number < 12:
            tag = f"v{number}"
            tries[tag] += 1
            with suppress(requests.RequestException):
                acknowledged[tag] = pusher.push(repository, tag, secrets.token_bytes(200_000))
                number += 1

    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(push_on)
        for kills in range(3):
            until(lambda wanted=4 * (kills + 1): len(acknowledged) >= wanted, "some pushes", seconds=60)
            world.engine.client.api.kill(container)
            world.engine.client.api.start(container)
        done.set()
        pushing.result(timeout=120)
    wait_ready(world.engine, container, world.stack.services["hub"].ports, kind("hub"))

    assert len(acknowledged) >= 12
    assert sum(tries.values()) > len(acknowledged), "no push was under way when the hub was killed"
    for tag, digest in acknowledged.items():
        assert world.hub.registry.digest(repository, tag) == digest
        pusher.pull(repository, tag)
    deliveries = world.delivered(repository)
    per_tag = Counter(delivery.tag for delivery in deliveries)
    assert set(per_tag) == set(acknowledged), "a webhook for every tag that was pushed, and for no other"
    assert all(count <= tries[tag] for tag, count in per_tag.items()), "no more webhooks than pushes"
    assert len({delivery.id for delivery in deliveries}) == len(deliveries)
    got = Counter(entry.headers["x-delivery-id"] for entry in world.inbox.received("killed"))
    assert set(got) == {delivery.id for delivery in deliveries}, "what came in twice came under one id"


def test_fifty_clients_side_by_side_get_right_answers_only(world: World) -> None:
    before = len(world.hub.events())
    shared = secrets.token_bytes(100_000)

    accounts = [world.quick(who).account for who in ("ADA", "EVE")]

    def client(number: int) -> int:
        account = accounts[number % 2]
        assert account is not None
        pusher, owner = Pusher(world.registry, world.api, account), account[0]
        repository, other = f"{owner}/load-{number}", f"{owner}/load-shared"
        for tag in ("1", "2"):
            layers = (shared, secrets.token_bytes(50_000))
            digest = pusher.push(repository, tag, *layers)
            found = pusher.pull(repository, digest)
            assert found[2:] == list(layers)
        pusher.push(other, f"t{number}", shared)
        assert pusher.pull(other, f"t{number}")[2:] == [shared]
        return 3

    with ThreadPoolExecutor(CLIENTS) as pool:
        pushes = sum(pool.map(client, range(CLIENTS)))

    assert pushes == 3 * CLIENTS
    repositories = world.hub.registry.repositories()
    assert sum("/load-" in name for name in repositories) == CLIENTS + 2
    for who in ("ADA", "EVE"):
        tags = world.hub.registry.tags(f"{world.stack.values[who]}/load-shared")
        assert len(tags) == CLIENTS // 2

    def all_told() -> bool:
        found = [event for event in world.hub.events() if event.seq > before and event.action == "push"]
        named = {
            (event.repository, event.tag) for event in found if "/load-" in event.repository and event.tag
        }
        return len(named) == 3 * CLIENTS

    until(all_told, "a notification of every push", seconds=60)


def test_secrets_are_in_no_label_environment_argument_or_log(world: World) -> None:
    shown = inspected(world.engine, world.stack)
    for service in world.stack.services.values():
        shown += world.engine.client.api.logs(service.container).decode("utf-8", "replace")

    hidden = [
        world.stack.values["ADA_PASSWORD"],
        world.stack.values["EVE_PASSWORD"],
        *world.stack.keys.values(),
    ]

    assert [secret for secret in hidden if secret in shown] == []


def test_operator_api_opens_to_nobody_else(world: World) -> None:
    for headers in ({}, world.session(), {"Authorization": "Bearer "}, {"Authorization": "Bearer x"}):
        for path in ("auth-log", "events", "deliveries", "runs"):
            assert (
                requests.get(f"http://{world.api}/_lab/{path}", headers=headers, timeout=10).status_code
                == 401
            )


def test_another_hub_in_the_real_ones_place_is_read_as_the_learners_account(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = f"{world.ada}/public"
    digest = world.pusher().push(repository, "1")
    for name, value in {
        dockerhub.USERNAME: world.ada,
        dockerhub.TOKEN: world.stack.values["ADA_PASSWORD"],
        dockerhub.REGISTRY: world.registry,
        dockerhub.API: f"http://{world.api}",
    }.items():
        monkeypatch.setenv(name, value)

    real = hub_view.KIND.real(world.engine)

    assert isinstance(real, RealHub)
    assert real.registry.digest(repository, "1") == digest
    about = real.repository(world.ada, "public")
    assert about is not None
    assert about["name"] == "public"
    assert real.repository(world.ada, "nothing") is None
    with pytest.raises(NotShown, match="shows nobody"):
        real.log()
