"""The picture of a registry: registry > repositories > tags > digests, as SVG.

The drawing is a pure function over `Tree`; only `read_tree` asks a registry. Everything that has
to be read stands on a fill of its own or in a grey that shows on white and on black, because a
notebook's theme is not known here (JupyterLab may also show the picture as an isolated image).
"""

import re
from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from checker.inspect.registry import RegistryClient

COLOURS = ("#1a6fc4", "#b8501b", "#2f7f3e", "#8752b8", "#b83b74", "#0f7a84", "#86690f", "#5f6f86")
"""Fills for white text: at least 4.5:1 against white, 3:1 against both a white and a black page."""
GREY = "#777777"

FRAME = 14  # the registry's frame to the frames inside it
TAB = 26  # height of a frame's label
HEADING = 22
ROW = 32  # one tag
GAP = 8  # between the tags of one image and those of the next
BOX = 24  # height of a tag or a digest
CHARACTER = 7.3  # width of one character of the monospaced font
FONT = "font-family='ui-monospace, SFMono-Regular, Menlo, Consolas, monospace' font-size='12'"


class Layout(msgspec.Struct, frozen=True):
    """Where things stand from left to right. brief: an image is only called by the begin of its digest."""

    width: float
    tags_x: float
    tags_width: float
    images_x: float
    images_width: float
    brief: bool = False

    def caption(self, image: "PicturedImage") -> str:
        """Return what stands in an image's box."""
        return _caption(image) if not self.brief else image.digest.partition(":")[2][:12]


WIDE = Layout(760, 36, 216, 390, 334)
NARROW = Layout(348, 22, 136, 200, 126, brief=True)
"""Readable in a panel beside the notebook."""


class PicturedImage(msgspec.Struct, frozen=True):
    """What a digest stands for. size: compressed bytes; 0 layers where it is not one image."""

    digest: str
    layers: int = 0
    size: int = 0


class DrawnRepository(msgspec.Struct, frozen=True):
    """A repository and its tags: pairs of a tag's name and the image it names."""

    name: str
    tags: tuple[tuple[str, PicturedImage], ...] = ()


class Tree(msgspec.Struct, frozen=True):
    """What a registry holds at one moment. address: as it stands in a reference."""

    address: str
    repositories: tuple[DrawnRepository, ...] = ()


def read_tree(client: "RegistryClient", repositories: Iterable[str] | None = None) -> Tree:
    """Ask a registry for everything that gets drawn.

    repositories: the ones wanted, in this order; all of them if None. Raises ServiceFault.
    """
    names = client.repositories() if repositories is None else list(repositories)
    return Tree(client.address, tuple(DrawnRepository(name, tuple(_tags(client, name))) for name in names))


def _tags(client: "RegistryClient", repository: str) -> Iterable[tuple[str, PicturedImage]]:
    known: dict[str, PicturedImage] = {}
    for tag in client.tags(repository):
        digest = client.digest(repository, tag)
        if digest is None:  # the tag went away since it was listed
            continue
        if digest not in known:
            image = client.image(repository, digest)
            alone = image is not None and image.digest == digest  # an index is not one image
            known[digest] = (
                PicturedImage(digest, len(image.layers), image.size)
                if image and alone
                else PicturedImage(digest)
            )
        yield tag, known[digest]


def describe(tree: Tree) -> str:
    """Return the same picture in words, for terminals and screen readers."""
    lines = [f"registry {tree.address}"]
    for repository in tree.repositories:
        lines.append(f"  repository {repository.name}")
        for tags, image in _groups(repository):
            lines.append(f"    {', '.join(tags)} -> {_caption(image)}")
        if not repository.tags:
            lines.append("    no tags")
    if not tree.repositories:
        lines.append("  nothing has been pushed yet")
    return "\n".join(lines)


def hierarchy_svg(tree: Tree, layout: Layout = WIDE) -> str:
    """Draw the registry. Tags that name one digest share its colour and lead to its one box."""
    colours = _colours(tree)
    parts: list[str] = []
    top = float(TAB + FRAME)
    for repository in tree.repositories:
        height = _repository_height(repository)
        parts += _frame(FRAME, top, layout.width - 2 * FRAME, height, "repository", repository.name)
        parts += _repository(repository, top + TAB, colours, layout)
        top += height + FRAME
    if not tree.repositories:
        parts.append(_text(layout.width / 2, top + 24, "Nothing has been pushed yet.", GREY, anchor="middle"))
        then = "Push an image and draw the picture again." if layout is WIDE else "Push an image."
        parts.append(_text(layout.width / 2, top + 44, then, GREY, anchor="middle"))
        top += 60 + FRAME
    frame = _frame(1, 1, layout.width - 2, top - 2, "registry", tree.address)
    return "\n".join(
        (
            f"<svg xmlns='http://www.w3.org/2000/svg' role='img' viewBox='0 0 {layout.width:g} {top:g}' "
            f"width='{layout.width:g}' height='{top:g}' style='max-width:100%;height:auto' {FONT}>",
            f"<title>What registry {escape(tree.address)} holds</title>",
            f"<desc>{escape(describe(tree))}</desc>",
            *frame,
            *parts,
            "</svg>",
        )
    )


def _repository(
    repository: DrawnRepository, top: float, colours: dict[str, str], layout: Layout
) -> list[str]:
    if not repository.tags:
        said = "no tags: nothing here can be pulled by name"
        return [_text(layout.tags_x, top + 26, said, GREY)]
    parts = [
        _text(layout.tags_x, top + 18, "tags", GREY),
        _text(
            layout.images_x, top + 18, "digests" if layout.brief else "images, each named by its digest", GREY
        ),
    ]
    top += HEADING
    for tags, image in _groups(repository):
        colour = colours[image.digest]
        middle = top + len(tags) * ROW / 2
        for number, tag in enumerate(tags):
            y = top + (number + 0.5) * ROW
            parts.append(_edge(layout.tags_x + layout.tags_width, y, layout.images_x, middle, colour))
            parts += _box(layout.tags_x, y, layout.tags_width, tag, tag, colour, rounding=BOX / 2)
        parts += _box(
            layout.images_x,
            middle,
            layout.images_width,
            layout.caption(image),
            image.digest,
            colour,
            rounding=3,
        )
        top += len(tags) * ROW + GAP
    return parts


def _repository_height(repository: DrawnRepository) -> float:
    if not repository.tags:
        return TAB + 42
    return TAB + HEADING + len(repository.tags) * ROW + len(_groups(repository)) * GAP


def _groups(repository: DrawnRepository) -> list[tuple[list[str], PicturedImage]]:
    """Tags by image, so that edges never cross; names in the order a person expects (1.10 after 1.9)."""
    by_digest: dict[str, tuple[list[str], PicturedImage]] = {}
    for tag, image in sorted(repository.tags, key=lambda pair: _natural(pair[0])):
        by_digest.setdefault(image.digest, ([], image))[0].append(tag)
    return list(by_digest.values())


def _natural(name: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"[0-9]+|[^0-9]+", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _colours(tree: Tree) -> dict[str, str]:
    """One colour per digest, the same in every repository; used again when there are too many."""
    digests = dict.fromkeys(
        image.digest for repository in tree.repositories for _, image in _groups(repository)
    )
    return {digest: COLOURS[number % len(COLOURS)] for number, digest in enumerate(digests)}


def _caption(image: PicturedImage) -> str:
    algorithm, _, value = image.digest.partition(":")
    name = f"{algorithm}:{value[:12]}…"
    if not image.layers:
        return name
    return f"{name}  {image.layers} {'layer' if image.layers == 1 else 'layers'}, {_size(image.size)}"


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    unit = next((power for power in (1, 2) if count < 999.5 * 1000**power), 3)
    return f"{count / 1000**unit:.3g} {('B', 'kB', 'MB', 'GB')[unit]}"


def _frame(x: float, y: float, width: float, height: float, kind: str, name: str) -> list[str]:
    room = round(width - 20)
    label = _shortened(f"{kind} {name}", room)
    tab = len(label) * CHARACTER + 20
    return [
        f"<rect x='{x:g}' y='{y:g}' width='{width:g}' height='{height:g}' rx='6' fill='none' "
        f"stroke='{GREY}'/>",
        f"<g><title>{escape(f'{kind} {name}')}</title>"
        f"<path d='M{x:g},{y + TAB - 4:g} v-{TAB - 10} q0,-6 6,-6 h{tab - 6:g} v{TAB - 10} q0,6 -6,6 z' "
        f"fill='#5f5f5f'/>",
        f"{_text(x + 10, y + 15.5, label, '#ffffff')}</g>",
    ]


def _box(
    x: float, middle: float, width: float, label: str, whole: str, colour: str, *, rounding: float
) -> list[str]:
    """One filled box with its label; the pointer shows the name in full."""
    return [
        f"<g><title>{escape(whole)}</title><rect x='{x:g}' y='{middle - BOX / 2:g}' width='{width:g}' "
        f"height='{BOX}' rx='{rounding:g}' fill='{colour}'/>",
        f"{_text(x + 12, middle + 4, _shortened(label, width - 24), '#ffffff')}</g>",
    ]


def _edge(x: float, y: float, to_x: float, to_y: float, colour: str) -> str:
    bend = (to_x - x) / 2
    return (
        f"<path d='M{x:g},{y:g} C{x + bend:g},{y:g} {to_x - bend:g},{to_y:g} {to_x:g},{to_y:g}' "
        f"fill='none' stroke='{colour}' stroke-width='2'/>"
    )


def _text(x: float, y: float, text: str, colour: str, *, anchor: str = "start") -> str:
    return (
        f"<text x='{x:g}' y='{y:g}' fill='{colour}' text-anchor='{anchor}' xml:space='preserve'>"
        f"{escape(text)}</text>"
    )


def _shortened(text: str, room: float) -> str:
    """Return the text with its middle left out if it is wider than `room`; the ends tell names apart."""
    most = int(room / CHARACTER)
    if len(text) <= most:
        return text
    head = (most - 1) // 2
    return f"{text[:head]}…{text[-(most - 1 - head) :]}"
