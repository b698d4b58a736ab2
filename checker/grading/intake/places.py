"""Where the workspaces lie in what was handed in: a workspace, a repository, an archive, or a folder of those."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from checker.archives.names import stem
from checker.base.model import Lab
from checker.grading.intake import gradescope
from checker.grading.intake.looking import FoundWorkspace, NotGraded, WorkspaceSearch
from checker.grading.intake.recognising import HOLDS


class HandedInPlace(msgspec.Struct, frozen=True):
    """One thing handed in.

    path: as reports name it; may lead into an archive. trail: the folder names that may say whose it is,
    outermost first. lab: None where it could not be told, or the archive cannot be read. top: the repository,
    folder or archive it is all of. problem: why nothing of it can be graded. named: the path on the command line.
    submitters: who handed it in, if the platform's own list says so.
    """

    path: Path
    trail: tuple[str, ...]
    top: Path
    lab: Lab | None = None
    problem: str = ""
    named: Path = Path()
    submitters: tuple[gradescope.Submitter, ...] = ()


class Looked(msgspec.Struct, frozen=True):
    """What lies at a path: what was handed in, and what is none of that, with why."""

    places: tuple[HandedInPlace, ...]
    left: tuple[NotGraded, ...]


def places(named: Path, labs: list[Lab], only: Lab | None = None) -> list[HandedInPlace]:
    """Return everything handed in at a path, in order; empty if there is no workspace anywhere in it.

    only: the lab it is all of, whatever the folders are called.
    """
    return list(look(named, labs, only).places)


def look(named: Path, labs: list[Lab], only: Lab | None = None) -> Looked:
    """Look through a path: what was handed in, in order, and what nothing can be graded of."""
    looking = WorkspaceSearch(labs, only)
    looking.at(named)
    found = looking.found
    if not found and only and named.is_dir():
        found = [FoundWorkspace(named, named, only)]
    return Looked(
        tuple(
            HandedInPlace(
                path=one.path,
                trail=trail(named, one.path, labs),
                top=one.top,
                lab=one.lab,
                problem=one.problem,
                named=named,
                submitters=one.submitters,
            )
            for one in found
        ),
        tuple(looking.left),
    )


def trail(named: Path, path: Path, labs: list[Lab]) -> tuple[str, ...]:
    """Return the names on the way to a path that are no lab's; an archive's own name is one, a class's
    folder's is not.

    Where nothing on the way is left, it is the name of the nearest folder around.
    """
    plain = {HOLDS, *(lab.name for lab in labs)}
    below = [part for part in path.relative_to(named).parts if stem(part) not in plain]
    if named.is_file() and stem(named.name) not in plain:
        return (named.name, *below)
    if below:
        return tuple(below)
    return tuple(_around(named, plain))[:1]


def _around(named: Path, plain: set[str]) -> Iterator[str]:
    real = Path(os.path.abspath(named))  # noqa: PTH100 - a link's own name is what people see
    yield from (part.name for part in (real, *real.parents) if part.name and stem(part.name) not in plain)
