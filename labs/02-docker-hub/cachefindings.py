"""What the logs of a cache and of the hub behind it say, as findings: whether the cache served while the hub
was gone."""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from checker.check import fail
from checker.findings.hub import moment
from checker.inspect.engineview import EngineView
from checker.inspect.registryimage import RegistryImage
from checker.stack.kinds.cache import Cache
from checker.stack.kinds.hub import HubView, RealHub

Gap = tuple[datetime, datetime]
"""From when to when the hub did not run."""

_PATH = re.compile(r"/v2/(?P<repository>.+)/(?P<what>manifests|blobs)/(?P<reference>[^/?]+)")


class _Ask(msgspec.Struct, frozen=True):
    """A request to the cache for a manifest or blob."""

    at: datetime
    what: str
    reference: str
    status: int

    @property
    def served(self) -> bool:
        return self.status in (200, 206)  # 206: a layer that is fetched in pieces


def stops(hub: HubView | RealHub, engine: EngineView) -> list[Gap]:
    """Return the times in which the hub did not run. Of one that was killed only the engine knows since
    when."""
    periods = hub.periods()
    assert isinstance(hub, HubView), "the real one shows nobody when it ran"
    container = engine.container(hub.service.container)
    found = []
    for before, after in pairwise(periods):
        begin, end = before.stopped and moment(before.stopped), moment(after.started)
        if after is periods[-1] and container:
            # The engine saw it begin to start, which is a little before it said so itself.
            begin, end = begin or container.ended, container.started or end
        if begin:
            found.append((begin, end))
    return found


def require_served(
    cache: Cache,
    repository: str,
    gaps: Sequence[Gap],
    image: Callable[[str], RegistryImage | None],
    engine: EngineView,
) -> None:
    """That while the hub was gone the cache served an image of the repository, and had got its layers.

    image: finds one by tag or digest.
    """
    asked = [
        _Ask(entry.at, found["what"], found["reference"], entry.status)
        for entry in cache.requests()
        if (found := _PATH.fullmatch(entry.path.partition("?")[0])) and found["repository"] == repository
    ]
    if not asked:
        fail(
            "cache-not-used",
            expected=f"Somebody pulled an image of {repository} through the cache.",
            observed="Nobody asked the cache for any.",
            action="Pull $CACHED, with a tag: the cache's address stands where the hub's would be.",
        )
    if not gaps:
        fail(
            "hub-never-stopped",
            expected="The hub was stopped for a while, and then started again.",
            observed="It has been running all the time.",
            action="`docker stop $HUB_CONTAINER`, pull through the cache, `docker start $HUB_CONTAINER`.",
        )
    while_gone = [(entry, end) for entry in asked for begin, end in gaps if begin <= entry.at <= end]
    served = [(entry, end) for entry, end in while_gone if entry.served and entry.what == "manifests"]
    if not served and while_gone:
        fail(
            "cache-had-nothing",
            expected="While the hub was gone, the cache served what was pulled through it before.",
            observed=f"Asked for {while_gone[0][0].reference} then, it answered {while_gone[0][0].status}.",
            action="Pull the same tag through the cache first, while the hub runs.",
        )
    if not served:
        begin, end = gaps[-1]
        fail(
            "no-pull-while-stopped",
            expected="While the hub was stopped, an image was pulled through the cache.",
            observed=f"The hub was gone from {begin:%H:%M:%S} to {end:%H:%M:%S} UTC, and nobody asked the "
            "cache for anything in that time.",
            action="Put the second pull between `docker stop` and `docker start`, and see that it works.",
        )
    if not any(_brought(image(entry.reference), end, asked, engine) for entry, end in served):
        fail(
            "layers-not-cached",
            expected="With the manifest, the cache got at least one layer of the app to keep.",
            observed="It was asked for the manifest only: the engine had the layers already.",
            action="Before the first pull, remove every local copy of the image, under whatever name, containers "
            "that use it, and what the builder kept of it: `docker builder prune --force`.",
        )


def _brought(image: RegistryImage | None, end: datetime, asked: Sequence[_Ask], engine: EngineView) -> bool:
    """Return whether the cache had sent a layer of the image by then, one that no base image has."""
    if image is None:
        return False
    bases = filter(None, map(engine.image, engine.names("registry-lab/*")))
    given = {layer for base in bases for layer in base.layers}
    pairs = zip(image.layers, image.diff_ids, strict=False)
    own = {layer.digest for layer, diff_id in pairs if diff_id not in given}
    sent = {entry.reference for entry in asked if entry.what == "blobs" and entry.served and entry.at <= end}
    return bool(own & sent)
