"""Where base images come from. One module per origin; `checker.engine.images` chooses between them."""

import hashlib
from pathlib import Path

import msgspec

from checker.engine.connection import LABEL

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


class Installed(Recipe, frozen=True, kw_only=True):
    """A recipe whose image says, as every Debian does, which packages are in it. Scanners read that."""


class Addition(msgspec.Struct, frozen=True, kw_only=True):
    """What this project puts on top of an image, whichever origin that came from.

    place: the folder in the image that Python packages go to. wheels: a lock file beside this module,
    which names those from the package index. sources: files of `checker` itself, as glob patterns below
    its folder. folders: path -> mode. changes: Dockerfile instructions, carried out without a network.
    """

    place: str
    wheels: str
    sources: tuple[str, ...]
    folders: dict[str, int] = {}
    changes: tuple[str, ...] = ()

    @property
    def lock(self) -> Path:
        """The lock file, in the form that pip calls requirements, with hashes."""
        return Path(__file__).parent / self.wheels

    @property
    def own(self) -> dict[str, Path]:
        """The files of this project: their path in the image -> where they are here."""
        package = Path(__file__).parents[2]
        found = sorted({path for pattern in self.sources for path in package.glob(pattern)})
        return {f"{self.place}/{path.relative_to(package.parent).as_posix()}": path for path in found}

    @property
    def fingerprint(self) -> str:
        """Changes whenever anything does that goes into the image."""
        hashed = hashlib.sha256(repr(self).encode())
        for name, path in {"lock": self.lock, **self.own}.items():
            hashed.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\0".encode())
        return hashed.hexdigest()[:16]


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """A package of npm's, known by its hash. integrity: as npm has it. files: those of it that are put in
    place; the whole archive, as it is, if none are named."""

    package: str
    integrity: str
    files: tuple[str, ...] = ()


class Stock(Addition, frozen=True, kw_only=True):
    """An addition with more packages in it.

    shelf: folder in the image -> lock files; their wheels are put there as they are. archives: path in the
    image, a folder or a file's -> what is put there.
    """

    shelf: dict[str, tuple[str, ...]] = {}
    archives: dict[str, Archive] = {}

    @property
    def fingerprint(self) -> str:
        """Changes whenever anything does that goes into the image."""
        hashed = hashlib.sha256(super().fingerprint.encode())
        for names in self.shelf.values():
            for name in names:
                hashed.update((Path(__file__).parent / name).read_bytes())
        return hashed.hexdigest()[:16]


class BaseImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that labs use, under the name they use it by.

    tag: its name in the engine, ours alone. upstream: the public image it stands for, in full.
    lent: path -> the public image, in full, that a pulled one gets the file from, and its path there.
    addition: what goes on top.
    """

    name: str
    tag: str
    upstream: str
    recipe: Recipe
    lent: dict[str, tuple[str, str]] = {}
    addition: Addition | None = None

    @property
    def fingerprint(self) -> str:
        """Changes whenever the recipe or the addition does."""
        if self.addition is None:
            return self.recipe.fingerprint
        both = f"{self.recipe.fingerprint} {self.lent} {self.addition.fingerprint}"
        return hashlib.sha256(both.encode()).hexdigest()[:16]

    @property
    def unlabelled(self) -> str:
        """The fingerprint of an image that has none written on it.

        What was pulled as it is, or brought by hand, cannot be out of date; what has an addition can.
        """
        return "" if self.addition else self.fingerprint

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
