"""Search files, images and containers for secrets.

A secret counts however it is written down: as it is, or as base64 makes of it wherever in a text it stands.
"""

import base64
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.inspect.engineview import Container
from checker.inspect.registryimage import RegistryImage
from checker.lab.workspace import PRIVATE, Workspace
from checker.secrets import gitobjects

LARGEST = 8 * 1024 * 1024
"""Bytes of one file that are looked at."""
MOST = 64 * 1024 * 1024
"""Bytes of a workspace that are looked at."""
NOT_HANDED_IN = frozenset((PRIVATE, ".git"))


class Needle(msgspec.Struct, frozen=True):
    """What is looked for. what: how findings call it, as "the account's password"."""

    what: str
    patterns: tuple[re.Pattern[bytes], ...]

    def within(self, data: bytes) -> bool:
        """Return whether it stands in there."""
        return any(pattern.search(data) for pattern in self.patterns)


class Hit(msgspec.Struct, frozen=True):
    """Where one was found. place: for a sentence, as "line 3 of steps/push.sh"."""

    what: str
    place: str


def exact(what: str, secret: str) -> Needle:
    """Return a secret that is known."""
    return Needle(what, tuple(re.compile(re.escape(text)) for text in spellings(secret)))


def beginning(what: str, prefix: str, rest: str) -> Needle:
    """Any secret that begins so. rest: what follows, a regular expression; in base64 the prefix is enough."""
    plain, *encoded = spellings(prefix)
    return Needle(
        what,
        (re.compile(re.escape(plain) + rest.encode()), *(re.compile(re.escape(text)) for text in encoded)),
    )


def spellings(secret: str) -> tuple[bytes, ...]:
    """Return a text as it is, and what base64 makes of it wherever in another text it stands."""
    data = secret.encode()
    # The first and the last digit of what is encoded may hold bits of the neighbours.
    encoded = (base64.b64encode(b"\0" * skip + data)[4 * skip // 3 + (skip > 0) :] for skip in range(3))
    return data, *(text.rstrip(b"=")[:-1] for text in encoded)


def in_workspace(workspace: Workspace, needles: Sequence[Needle]) -> Hit | None:
    """Return the first hit in what would be handed in."""
    looked_at = 0
    for path in _files(workspace.path):
        try:
            with path.open("rb") as file:
                data = file.read(LARGEST)
        except OSError:
            continue
        looked_at += len(data)
        if looked_at > MOST:
            return None
        for needle in needles:
            if needle.within(data):
                line = next(
                    (number for number, text in enumerate(data.splitlines(), 1) if needle.within(text)), 0
                )
                place = str(path.relative_to(workspace.path))
                return Hit(needle.what, f"line {line} of {place}" if line else place)
    return None


def in_history(workspace: Workspace, needles: Sequence[Needle]) -> Hit | None:
    """Return the first hit in the git history of a workspace: in files of any commit, in messages, in what
    was undone."""
    for each in gitobjects.objects(workspace.path / ".git"):
        for needle in needles:
            if needle.within(each.data):
                return Hit(needle.what, each.name)
    return None


def in_image(image: RegistryImage, needles: Sequence[Needle]) -> Hit | None:
    """Return the first hit in an image's configuration and all its layers. Raises ContentFault."""
    settings = json.dumps(image.document).encode()
    for needle in needles:
        if needle.within(settings):
            return Hit(needle.what, "its settings or its history, which `docker history` shows")
    for file in image.files():
        texts = [
            file.path.encode(errors="surrogateescape"),
            file.link.encode(errors="surrogateescape"),
            file.data,
        ]
        if file.data.startswith(b"\x1f\x8b"):
            with suppress(zlib.error):
                texts.append(zlib.decompressobj(wbits=31).decompress(file.data, LARGEST))
        for needle in needles:
            if any(needle.within(text) for text in texts):
                return Hit(needle.what, f"layer {file.layer + 1}, /{file.path}")
    return None


def in_container(container: Container, needles: Sequence[Needle]) -> Hit | None:
    """Return the first hit in what the engine tells everybody about a container."""
    places = [(f"the variable {name}", text) for name, text in container.environment.items()]
    places += [("the command, which lists of processes show", " ".join(container.command))]
    places += [(f"the label {name}", text) for name, text in container.labels.items()]
    return next(
        (
            Hit(needle.what, place)
            for place, text in places
            for needle in needles
            if needle.within(text.encode(errors="replace"))
        ),
        None,
    )


def _files(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a workspace, links left out, in the order of their names."""
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_symlink() or entry.name in NOT_HANDED_IN:
                continue
            folder_in_it, file = entry.is_dir(), entry.is_file()
        except PermissionError:  # in a folder that may be listed and not entered
            continue
        if folder_in_it:
            yield from _files(entry)
        elif file:
            yield entry
