"""Values: fresh for every run, of the shape their kind promises."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from checker.base.errors import BrokenLab
from checker.base.model import Lab, Value
from checker.lab import values
from checker.lab.catalog import Catalog
from tests.helpers import TinyLab

Made = Callable[..., str]
ADDRESS = {"registry": {"": "127.0.0.1:5001"}}


@pytest.fixture
def made(tiny: TinyLab) -> Made:
    """Makes one value of a kind, beside the tiny lab's own."""
    lab = Catalog(tiny.root).lab("90")

    def make(**about: object) -> str:
        value = msgspec.convert(about, Value)
        with_it: Lab = msgspec.structs.replace(lab, values={**lab.values, "X": value})
        return values.make(with_it, ADDRESS, {})["X"]

    return make


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ({"kind": "word"}, r"[a-z]+-[a-z]+-[1-9]\d{3}"),
        ({"kind": "token"}, r"[0-9a-f]{32}"),
        ({"kind": "semver"}, r"[1-9]\.[1-9]\.[1-9]"),
        ({"kind": "number", "min": 7, "max": 9}, r"[789]"),
        ({"kind": "text", "text": "{REGISTRY}/{WORD}:{x}"}, r"127\.0\.0\.1:5001/[a-z]+-[a-z]+-\d+:\{x\}"),
        ({"kind": "address", "service": "registry"}, r"127\.0\.0\.1:5001"),
    ],
)
def test_a_value_has_the_shape_of_its_kind(made: Made, kind: dict[str, object], shape: str) -> None:
    assert all(re.fullmatch(shape, made(**kind)) for _ in range(50))


@pytest.mark.parametrize("kind", ["word", "token", "semver", "date"])
def test_two_runs_have_different_values(made: Made, kind: str) -> None:
    assert len({made(kind=kind) for _ in range(50)}) > 10


def test_a_date_is_a_day_of_the_last_year(made: Made) -> None:
    now = datetime.now(UTC)

    day = datetime.strptime(made(kind="date"), "%Y%m%d").replace(tzinfo=UTC)

    assert now - timedelta(days=367) < day < now


def test_the_next_patch_is_one_higher(tiny: TinyLab) -> None:
    tiny.edit(
        "lab.toml", "[values]", '[values]\nV = { kind = "semver" }\nN = { kind = "next-patch", of = "V" }'
    )
    made = values.make(Catalog(tiny.root).lab("90"), ADDRESS, {})

    major, minor, patch = made["V"].split(".")
    assert made["N"] == f"{major}.{minor}.{int(patch) + 1}"


@pytest.mark.parametrize("kind", [{"kind": "next-patch", "of": "LATER"}, {"kind": "text", "text": "{LATER}"}])
def test_a_value_that_builds_on_one_there_is_not_is_the_labs_fault(
    made: Made, kind: dict[str, object]
) -> None:
    with pytest.raises(BrokenLab, match="LATER"):
        made(**kind)


def test_braces_that_are_no_value_stay() -> None:
    text = "awk '{print $1}' {{}} {lower} ${NAME}"

    assert values.fill(text, {"NAME": "x"}) == "awk '{print $1}' {{}} {lower} $x"
