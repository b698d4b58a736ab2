"""Services as learners leave them: what a cache was asked is known, a paused one goes on, others are told."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests

from checker.base.model import Lab, Service
from checker.check import CheckFailed
from checker.engine.connection import Engine
from checker.findings.up import require_up
from checker.inspect.engineview import EngineView
from checker.stack import stack as stacks
from checker.stack import starting
from checker.stack.cleanup import remove_run
from checker.stack.kinds.cache import Cache
from checker.stack.stack import Stack
from checker.stack.views import views

pytestmark = pytest.mark.engine


@pytest.fixture
def stack(counts: None, engine: Engine, tmp_path: Path) -> Iterator[Stack]:
    """A registry and a cache of it."""
    nowhere = Path("nowhere")
    services = (
        Service(name="registry", kind="registry", options={"network": True}),
        Service(name="cache", kind="cache", options={"of": "registry"}),
    )
    lab = Lab(
        name="91-left", folder=nowhere, notebook=nowhere, title="", version="1", summary="", minutes=1,
        services=services, values={}, steps=(),
    )  # fmt: skip
    made = starting.start(engine, lab, f"test-{secrets.token_hex(6)}", throwaway=True, place=tmp_path)
    yield made
    remove_run(engine, made)


def up(engine: Engine, stack: Stack, name: str) -> object:
    """What a check gets that asks for a service."""
    request = SimpleNamespace(getfixturevalue=views(engine, stack).__getitem__)
    return require_up(cast("Any", request), EngineView(engine), name, "", "/v2/")


def test_the_log_of_a_cache_tells_what_it_was_asked_and_answered(engine: Engine, stack: Stack) -> None:
    before = datetime.now(UTC)
    url = f"http://{stack.services['cache'].address}/v2/team/app/manifests/1"
    assert requests.get(url, timeout=10).status_code == 404

    cache = up(engine, stack, "cache")

    assert isinstance(cache, Cache)
    (asked,) = [entry for entry in cache.requests() if entry.path == "/v2/team/app/manifests/1"]
    assert (asked.method, asked.status) == ("GET", 404)
    assert before <= asked.at <= datetime.now(UTC)


@pytest.mark.parametrize("how", ["pause", "stop", "kill"])
def test_a_service_that_was_taken_away_is_told_and_goes_on_when_revived(
    engine: Engine, stack: Stack, how: str
) -> None:
    getattr(engine.client.api, how)(stack.services["cache"].container)

    with pytest.raises(CheckFailed, match="cache-stopped"):
        up(engine, stack, "cache")
    left = stacks.find(engine, stack.owner)
    assert left is not None
    assert starting.revive(engine, left).up
    assert isinstance(up(engine, stack, "cache"), Cache)


def test_a_service_that_was_removed_is_told(engine: Engine, stack: Stack) -> None:
    engine.client.api.remove_container(stack.services["cache"].container, force=True, v=True)

    with pytest.raises(CheckFailed, match="cache-removed"):
        up(engine, stack, "cache")


def test_the_engine_knows_when_a_container_ended(engine: Engine, stack: Stack) -> None:
    container = stack.services["registry"].container
    assert (seen := EngineView(engine).container(container))
    assert seen.ended is None
    assert seen.started is not None
    engine.client.api.kill(container)

    assert (left := EngineView(engine).container(container))
    assert left.ended is not None
    assert seen.started < left.ended <= datetime.now(UTC)
