"""The picture of a registry: pure drawing, so every statement here is about the SVG itself."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from checker.practice.picture import (
    COLOURS,
    GREY,
    NARROW,
    WIDE,
    DrawnRepository,
    Layout,
    PicturedImage,
    Tree,
    describe,
    hierarchy_svg,
    read_tree,
)

SVG = "{http://www.w3.org/2000/svg}"
OLD = PicturedImage("sha256:" + "1" * 64, layers=1, size=11_200)
NEW = PicturedImage("sha256:" + "2" * 64, layers=3, size=2_104_000)
RELEASES = DrawnRepository(
    "tern/kettle", (("1", NEW), ("1.4", NEW), ("1.4.2", OLD), ("1.4.10", NEW), ("latest", NEW))
)


def drawn(tree: Tree, layout: Layout = WIDE) -> ElementTree.Element:
    return ElementTree.fromstring(hierarchy_svg(tree, layout))


def boxes(svg: ElementTree.Element) -> dict[str, ElementTree.Element]:
    """The filled boxes, by the full name the pointer shows."""
    found = {}
    for group in svg.iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        if box is not None:
            found[group.findtext(f"{SVG}title") or ""] = box
    return found


def test_tags_of_one_digest_share_its_colour_and_its_only_box() -> None:
    svg = drawn(Tree("127.0.0.1:5000", (RELEASES,)))
    fills = {name: box.get("fill") for name, box in boxes(svg).items()}
    assert fills["1"] == fills["1.4"] == fills["1.4.10"] == fills["latest"] == fills[NEW.digest]
    assert fills["1.4.2"] == fills[OLD.digest] != fills[NEW.digest]
    edges = [path for path in svg.iter(f"{SVG}path") if path.get("stroke") == fills[NEW.digest]]
    assert len({path.get("d", "").rpartition(" ")[2] for path in edges}) == 1
    assert len(edges) == 4


def test_a_digest_has_one_colour_in_every_repository() -> None:
    mirror = DrawnRepository("tern/mirror", (("stable", OLD),))
    fills = {name: box.get("fill") for name, box in boxes(drawn(Tree("r:1", (RELEASES, mirror)))).items()}
    assert fills["stable"] == fills["1.4.2"]


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=["wide", "narrow"])
def test_forty_tags_neither_overlap_nor_leave_the_picture(layout: Layout) -> None:
    tags = tuple((f"1.0.{n}", PicturedImage(f"sha256:{n % 25:064x}", 2, 5_000_000)) for n in range(40))
    svg = drawn(Tree("127.0.0.1:5000", (DrawnRepository("a/b", tags),)), layout)
    height = float(svg.get("height", "0"))
    by_column: dict[float, list[float]] = {}
    for box in boxes(svg).values():
        x, y, width, tall = (float(box.get(name, "0")) for name in ("x", "y", "width", "height"))
        assert 0 <= x <= x + width <= layout.width
        assert 0 <= y <= y + tall <= height
        by_column.setdefault(x, []).append(y)
    assert sorted(len(rows) for rows in by_column.values()) == [25, 40]
    for rows in by_column.values():
        rows.sort()
        assert all(lower - upper >= 24 for upper, lower in pairwise(rows))


def test_hostile_and_overlong_names_are_shown_as_text() -> None:
    name = "<script>alert('x')</script>&"
    svg = drawn(Tree(name, (DrawnRepository("r" * 200, ((name, OLD), ("t" * 128, NEW))),)))
    assert name in boxes(svg)
    assert "<script" not in hierarchy_svg(Tree(name, (DrawnRepository(name, ((name, OLD),)),)))
    assert all(len(text.text or "") < 100 for text in svg.iter(f"{SVG}text"))


def test_nothing_pushed_yet_is_drawn_kindly() -> None:
    assert "Nothing has been pushed yet" in hierarchy_svg(Tree("127.0.0.1:5000"))
    assert "no tags" in hierarchy_svg(Tree("127.0.0.1:5000", (DrawnRepository("a/b"),)))


def test_it_says_in_words_what_it_draws() -> None:
    tree = Tree("127.0.0.1:5000", (RELEASES,))
    svg = drawn(tree)
    assert svg.get("role") == "img"
    assert svg.findtext(f"{SVG}title") == "What registry 127.0.0.1:5000 holds"
    assert svg.findtext(f"{SVG}desc") == describe(tree)
    assert describe(tree).splitlines() == [
        "registry 127.0.0.1:5000",
        "  repository tern/kettle",
        "    1, 1.4, 1.4.10, latest -> sha256:222222222222…  3 layers, 2.1 MB",
        "    1.4.2 -> sha256:111111111111…  1 layer, 11.2 kB",
    ]


@pytest.mark.parametrize("colour", [*COLOURS, "#5f5f5f"])
def test_white_text_is_readable_on_every_fill(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 4.5


@pytest.mark.parametrize("colour", [*COLOURS, GREY])
def test_every_colour_shows_on_a_light_and_on_a_dark_page(colour: str) -> None:
    assert contrast(colour, "#ffffff") >= 3
    assert contrast(colour, "#111111") >= 3


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2, relative luminance)."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    parts = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


class FakeRegistry:
    """Two tags of one image, a tag that vanishes while it is read, and an index."""

    address = "127.0.0.1:5000"

    def repositories(self) -> list[str]:
        return ["a/b", "c/d"]

    def tags(self, repository: str) -> list[str]:
        return {"a/b": ["1", "gone", "latest"], "c/d": ["multi"]}[repository]

    def digest(self, _repository: str, tag: str) -> str | None:
        return {"1": OLD.digest, "latest": OLD.digest, "multi": "sha256:index"}.get(tag)

    def image(self, _repository: str, _reference: str) -> object:
        class Found:
            digest = OLD.digest
            layers = (None,)
            size = OLD.size

        return Found()


def test_reading_a_registry() -> None:
    tree = read_tree(FakeRegistry())  # type: ignore[arg-type]
    assert tree.repositories == (
        DrawnRepository("a/b", (("1", OLD), ("latest", OLD))),
        DrawnRepository("c/d", (("multi", PicturedImage("sha256:index")),)),
    )
    assert [found.name for found in read_tree(FakeRegistry(), ["c/d"]).repositories] == ["c/d"]  # type: ignore[arg-type]
