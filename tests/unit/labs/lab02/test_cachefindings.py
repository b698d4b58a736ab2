"""What a cache's log says of pulls while the hub behind it was gone."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from cachefindings import require_served
from checker.check import CheckFailed
from checker.inspect.engineview import EngineView
from checker.inspect.registryimage import RegistryImage
from checker.stack.kinds.cache import Asked, Cache

ENGINE = cast("EngineView", SimpleNamespace(names=lambda _: [], image=lambda _: None))
IMAGE = cast(
    "RegistryImage", SimpleNamespace(layers=(SimpleNamespace(digest="sha256:a"),), diff_ids=("sha256:b",))
)


def at(second: int) -> datetime:
    return datetime(2031, 1, 1, 0, 0, second, tzinfo=UTC)


def judged(*asked: Asked) -> str:
    """The code of the finding for a hub that was gone from second 10 to second 20."""
    cache = cast("Cache", SimpleNamespace(requests=lambda: list(asked)))
    try:
        require_served(cache, "ann/app", [(at(10), at(20))], lambda _: IMAGE, ENGINE)
    except CheckFailed as failed:
        return failed.finding.code
    return ""


@pytest.mark.parametrize(
    ("path", "status"),
    [("blobs/sha256:a", 200), ("blobs/sha256:a", 206), ("blobs/sha256:a?ns=docker.io", 200)],
    ids="whole pieces mirror".split(),
)
def test_a_layer_counts_however_a_client_fetches_it(path: str, status: int) -> None:
    layer = Asked(at(5), "GET", f"/v2/ann/app/{path}", status)
    assert judged(layer, Asked(at(15), "GET", "/v2/ann/app/manifests/1?ns=docker.io", 200)) == ""


@pytest.mark.parametrize(
    ("second", "status", "code"),
    [(25, 200, "no-pull-while-stopped"), (15, 404, "cache-had-nothing"), (15, 200, "layers-not-cached")],
)
def test_what_the_cache_did_not_serve_meanwhile_is_told(second: int, status: int, code: str) -> None:
    assert judged(Asked(at(second), "GET", "/v2/ann/app/manifests/1", status)) == code
