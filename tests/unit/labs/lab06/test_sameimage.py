"""One build has many numbers: of its configuration, of its manifest, of an index, by whichever engine."""

from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from checker.inspect.engineview import LocalImage
from checker.inspect.registryimage import RegistryImage
from sameimage import same_image

CONFIG, MANIFEST, INDEX = ("sha256:" + digit * 64 for digit in "abc")
LABELS = {"version": "1"}
SETTINGS = {"Cmd": ["/server"], "Labels": LABELS, "Env": None}
STORED = cast(
    RegistryImage,
    SimpleNamespace(
        config_digest=CONFIG, digest=MANIFEST, diff_ids=("sha256:1", "sha256:2"), created="2026-01-01T00:00:00.1Z",
        labels=LABELS, config={"Cmd": ["/server"], "Labels": LABELS},
    ),
)  # fmt: skip
LOCAL = LocalImage(
    id="sha256:0", tags=[], size=1, labels=LABELS, layers=("sha256:1", "sha256:2"), created="2026-01-01T00:00:00.1Z",
    config=SETTINGS,
)  # fmt: skip


@pytest.mark.parametrize("number", [CONFIG, MANIFEST, INDEX])
def test_every_number_of_the_image_will_do(number: str) -> None:
    assert same_image(msgspec.structs.replace(LOCAL, id=number, created="", layers=()), STORED, INDEX)


def test_without_a_common_number_what_is_inside_decides() -> None:
    assert same_image(LOCAL, STORED)


@pytest.mark.parametrize(
    "change",
    [
        {"created": "2026-01-01T00:00:00.2Z"},
        {"layers": ("sha256:1",)},
        {"labels": {}},
        {"config": {"Cmd": ["sh"]}},
    ],
)
def test_another_build_is_another_image(change: dict[str, Any]) -> None:
    assert not same_image(msgspec.structs.replace(LOCAL, **change), STORED, None)


def test_what_the_engine_has_not_is_no_image() -> None:
    assert not same_image(None, STORED, INDEX)
