"""Flaws that a scanner does not see any more and that are still there: code without a record of it.

A scanner reads package records, not code. Whoever removes the record has a quiet scanner and the same flaw.
"""

import re
from collections.abc import Mapping
from typing import NoReturn

from checker.check import fail
from checker.inspect.registryimage import RegistryImage
from reading import Report

VENDORED = frozenset(("_vendor", "vendor", "vendored", "_internal"))
"""Folders with copies that belong to another installed package, as pip has."""
INSTALLED = frozenset(("site-packages", "dist-packages"))
MODULES = {"pyyaml": "yaml", "pillow": "pil"}
"""Where the folder of a Python package is called otherwise than the package."""
LIBRARY = re.compile(r"(lib[a-z0-9+-]*[a-z+])-?(\d+(?:\.\d+)*)(?:t64)?$")
"""How Debian calls the package of a library, as libssl3: its name and the number of its interface."""
OTHERS = {"zlib1g": ("zlib", "libz.so.1"), "libc6": ("libc", "libc.so.6")}
OPAQUE = ".wh..opq"
"""What is left of the name of an entry that hides all there was in its folder (image-spec, layer.md)."""


def require_nothing_hidden(old: Report, new: Report, pushed: RegistryImage, name: str) -> None:
    """That packages which had flaws are gone or replaced, and not only the records of them.

    old: what was known about the first version. Only looks into the image's layers where a package has
    vanished from the list, or where the image still has the layers of the first base.
    """
    listed = {package.lower(): version for package, version in new.packages}
    suspects = {one.package: one.installed for one in old.found if listed.get(one.package.lower()) is None}
    same_base = len(_shared(old, new))
    raised = {
        one.package
        for one in old.found
        if same_base and one.package in old.python and listed.get(one.package.lower()) != one.installed
    }
    if not suspects and not raised:
        return
    present = _present(pushed)
    for package, version in sorted(suspects.items()):
        if any(package.lower() in other for other in listed):
            continue  # a distribution's package of it, as python3-requests
        code = _code_of(package, present)
        where = code[0] if code else _library(package, present, set(listed))
        if where:
            _hidden(
                name,
                f"{package} {version}",
                f"The scanner does not see {package} any more, as the record of it is gone. /{where} is "
                "still there.",
            )
    for package in sorted(raised - suspects.keys()):
        code = _code_of(package, present)
        if code and all(present[path] < same_base for path in code):
            _hidden(
                name,
                package,
                f"Its record says {package} {listed[package.lower()]} now, and the code in /{code[0]} is "
                f"what it was in the first base.",
            )


def _hidden(name: str, what: str, how: str) -> NoReturn:
    fail(
        "flaw-hidden",
        expected=f"What was wrong with {what} is mended in {name}, or it is gone.",
        observed=how,
        action="A scanner reads records, not code: bring a mended version with its record, or remove the "
        "code as well.",
    )


def _shared(old: Report, new: Report) -> tuple[str, ...]:
    """Return the layers of the first base, if this image has all of them."""
    return old.layers if new.layers[: len(old.layers)] == old.layers else ()


def _present(pushed: RegistryImage) -> dict[str, int]:
    """Return what a container of an image sees: path -> the layer that it is from (image-spec, layer.md)."""
    present: dict[str, int] = {}
    for file in pushed.files():
        if file.path.endswith(OPAQUE):
            folder = file.path.removesuffix(OPAQUE)
            for path in [path for path in present if path.startswith(folder)]:
                if present[path] < file.layer:
                    del present[path]
        elif file.whiteout:
            for path in [p for p in present if p == file.path or p.startswith(f"{file.path}/")]:
                del present[path]
        else:
            present[file.path] = file.layer
    return present


def _code_of(package: str, present: Mapping[str, int]) -> list[str]:
    """Return the files of the code of a package of Python's or npm's; none if it is not there."""
    folder = MODULES.get(package.lower(), package.lower().replace("-", "_"))
    found, module = [], False
    for path in sorted(present):
        parts = path.lower().split("/")
        if not VENDORED.isdisjoint(parts) and not INSTALLED.isdisjoint(parts):
            continue
        if parts[-3:-1] == ["node_modules", package.lower()] and parts[-1].endswith(".js"):
            found.append(path)
            module = True
        elif parts[-2:-1] == [folder] and parts[-1].endswith(".py"):
            found.append(path)
            module |= parts[-1] == "__init__.py"
    return found if module else []


def _library(package: str, present: Mapping[str, int], listed: set[str]) -> str | None:
    """Return a library of a distribution's package that no listed package is called after."""
    stem, library = OTHERS.get(package, ("", ""))
    if not library and (named := LIBRARY.fullmatch(package)):
        stem, library = named[1], f"{named[1]}.so.{named[2]}"
    if not library or any(stem in other for other in listed):
        return None
    return next((path for path in present if path.rpartition("/")[2] == library), None)
