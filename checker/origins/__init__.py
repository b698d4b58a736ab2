"""Where base images come from. One module per origin; `checker.images` chooses between them."""

import hashlib

import msgspec

from checker.engine import LABEL

RECIPE = f"{LABEL}.recipe"
"""Label that tells an image built by an earlier recipe from one built by this."""

ORIGIN = f"{LABEL}.origin"
"""Label that says where an image came from."""


class File(msgspec.Struct, frozen=True):
    """A file this project adds to an image. `@GNU@` and `@MUSL@` in the text become library triplets."""

    text: str
    mode: int = 0o644


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How an image is put together from Debian packages.

    packages: their names; the first one's version is the image's. more: architecture -> packages that are
    needed there as well. files: path -> file of our own.
    links: path -> target. folders: path -> mode. changes: Dockerfile instructions for the import.
    """

    packages: tuple[str, ...]
    more: dict[str, tuple[str, ...]] = {}
    files: dict[str, File] = {}
    links: dict[str, str] = {}
    folders: dict[str, int] = {}
    changes: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        """Changes whenever the recipe does."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that labs use, under the name they use it by.

    tag: its name in the engine, ours alone. upstream: the public image it stands for, in full.
    """

    name: str
    tag: str
    upstream: str
    recipe: Recipe

    @property
    def version(self) -> str:
        """The upstream tag, of which the version is a part."""
        return self.upstream.rpartition(":")[2]


class OriginFailed(Exception):
    """This origin cannot give the image; the text is the reason, one line.

    everywhere: the reason holds for any other image from this origin too.
    """

    def __init__(self, reason: str, *, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.everywhere = everywhere
