"""nginx in front of a registry that nothing else leads to."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from checker.base.model import Service
from checker.base.ports import HOST
from checker.engine import images
from checker.engine.connection import Engine
from checker.inspect.asking import AskedServer, Pushed
from checker.inspect.engineview import EngineView
from checker.stack.kinds.edge import Edge
from checker.stack.running import Running
from checker.stack.trials import Trial, Trials
from registryanswers import LARGE
from tests.helpers import until

pytestmark = pytest.mark.engine

BEHIND = Service(name="behind", kind="registry", options={"internal": True})
EDGE = Service(name="edge", kind="edge", options={"of": "behind"})


@pytest.fixture
def trial(counts: None, engine: Engine, tmp_path: Path) -> Iterator[Trial]:
    images.ensure(engine, ["nginx", "registry"], print)
    with Trials(engine, tmp_path) as trials:
        yield trials.start(BEHIND, EDGE)


def edge_of(trial: Trial) -> Edge:
    found = trial.view("edge")
    assert isinstance(found, Edge)
    return found


def test_images_go_through_it_in_both_directions(trial: Trial) -> None:
    edge = edge_of(trial)
    data = secrets.token_bytes(3 * 1024 * 1024)

    pushed = AskedServer(edge.service.port).push("team/app", "1", data)

    assert isinstance(pushed, Pushed)
    image = edge.registry.image("team/app", "1")
    assert image is not None
    assert image.digest == pushed.digest
    assert edge.registry.blob("team/app", pushed.blobs[1], 1 << 30) == data


def test_uploads_are_sent_on_to_the_address_the_client_knows_and_may_be_large(trial: Trial) -> None:
    server = AskedServer(edge_of(trial).service.port)

    opened = server.reserve("team/app")
    place = opened.headers["location"]
    sent = server.ask("PATCH", place.partition(str(server.port))[2], body=bytes(LARGE))

    assert place.startswith(f"http://{HOST}:{server.port}/v2/team/app/blobs/uploads/")
    assert sent.status == 202
    assert server.cancel(sent.headers["location"]).status == 204


def test_nothing_else_leads_to_the_registry(trial: Trial, engine: Engine) -> None:
    behind = trial.view("behind")
    assert isinstance(behind, Running)
    view = EngineView(engine)
    container = view.container(behind.container)
    proxy = view.container(trial.stack.services["edge"].container)

    assert container is not None
    assert proxy is not None
    assert behind.ports == {}
    assert container.published == ()
    networks = [view.network(name) for name in container.networks]
    assert [network.internal for network in networks if network] == [True]
    assert container.id in {neighbour.id for neighbour in view.neighbours(proxy)}
    # What nginx is not asked to pass on, it does not.
    assert AskedServer(edge_of(trial).service.port).ask("GET", "/metrics").status == 404


def test_its_log_says_who_asked_for_what(trial: Trial) -> None:
    edge = edge_of(trial)
    AskedServer(edge.service.port, account=("zoe", "secret")).ask(
        "GET", '/v2/team/"app"/tags/list', headers={"User-Agent": 'a "quoted" name'}
    )

    # The engine hears of a line some time after the client has its answer.
    until(lambda: any(entry.account == "zoe" for entry in edge.requests()), "the line in the log", seconds=5)
    asked = [entry for entry in edge.requests() if entry.account == "zoe"]

    assert [(entry.method, entry.uri, entry.user_agent) for entry in asked] == [
        ("GET", '/v2/team/"app"/tags/list', 'a "quoted" name')
    ]
    assert asked[0].status in (400, 404)
    assert asked[0].seconds >= 0
    assert asked[0].at.startswith("20")
    assert "secret" not in repr(edge.requests())
