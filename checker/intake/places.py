"""Where the workspaces lie in what was handed in: a workspace, a repository, an archive, or a folder of those."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from checker.intake import archive
from checker.intake.archive import is_archive, stem
from checker.intake.entries import Refused
from checker.model import Lab

DEPTH = 3
"""Folders between what is named and a workspace: a class, a person in it, a repository or archive of theirs."""
HOLDS = "workspace"
"""The folder that `lab start` makes for the workspaces of all labs."""


class Place(msgspec.Struct, frozen=True):
    """One thing handed in.

    path: as reports name it; may lead into an archive. trail: the folder names that may say whose it is,
    outermost first. lab: None where it could not be told, or the archive cannot be read. top: the repository,
    folder or archive it is all of. problem: why nothing of it can be graded.
    """

    path: Path
    trail: tuple[str, ...]
    top: Path
    lab: Lab | None = None
    problem: str = ""


def places(named: Path, labs: list[Lab], only: Lab | None = None) -> list[Place]:
    """Everything handed in at a path, in order; empty if there is no workspace anywhere in it.

    only: the lab it is all of, whatever the folders are called.
    """
    found = list(_expand(named, named, labs, only, DEPTH))
    if not found and only and named.is_dir():
        found = [(named, named, only, "")]
    return [
        Place(path=path, trail=_trail(named, path, labs), top=top, lab=lab, problem=problem)
        for path, top, lab, problem in found
    ]


Found = tuple[Path, Path, Lab | None, str]


def _expand(shown: Path, top: Path, labs: list[Lab], only: Lab | None, depth: int) -> Iterator[Found]:
    """Workspaces at a path of the disk that is shown as it is."""
    if shown.is_file():
        yield from _in_archive(shown, labs, only)
        return
    if here := list(inside(shown, labs, only)):
        yield from ((shown / relative, top, lab, "") for relative, lab in here)
        return
    if depth == 0:
        return
    for child in _children(shown):
        # Each child of a class is somebody's, and may be a link of the instructor's; below that, all is of that
        # somebody, and a link may lead to what is somebody else's.
        if depth < DEPTH and child.is_symlink():
            continue
        if child.is_dir() or is_archive(child):
            yield from _expand(child, child if depth == DEPTH else top, labs, only, depth - 1)


def _in_archive(path: Path, labs: list[Lab], only: Lab | None) -> Iterator[Found]:
    """Workspaces in an archive: unpacked to look, and thrown away again."""
    with tempfile.TemporaryDirectory(prefix="lab-intake-") as aside:
        content = Path(aside) / stem(path.name)
        try:
            archive.unpack(path, content)
        except Refused as refused:
            yield path, path, only or named_like(path.name, labs), refused.observed
            return
        found = list(_below(content, labs, only or named_like(path.name, labs), only, DEPTH))
    if not found:
        why = "It holds no folder called like a lab, and no answers."
        yield path, path, only, why
    yield from ((path / relative, path, lab, "") for relative, lab in found)


def _below(
    folder: Path, labs: list[Lab], guess: Lab | None, only: Lab | None, depth: int
) -> Iterator[tuple[str, Lab]]:
    """Workspaces anywhere in an unpacked archive. guess: the lab the archive is called after."""
    here = list(inside(folder, labs, only or guess))
    yield from here
    if here or depth == 0:
        return
    for child in _children(folder):
        if child.is_dir():
            for relative, lab in _below(child, labs, guess, only, depth - 1):
                yield os.path.normpath(f"{child.name}/{relative}"), lab


def inside(folder: Path, labs: list[Lab], only: Lab | None = None) -> Iterator[tuple[str, Lab]]:
    """The workspaces of one folder that is one submission: itself, its folders called like labs, or those
    in `workspace/`. As paths from the folder on. Without names to go by, its answers say which lab it is."""
    labs = [only] if only else labs
    by_name = {lab.name: lab for lab in labs}
    if (own := folder.resolve().name) in by_name:
        yield ".", by_name[own]
        return
    named = [
        (f"{prefix}{name}", lab)
        for name, lab in by_name.items()
        for prefix in ("", f"{HOLDS}/")
        if (folder / prefix / name).is_dir() and _own(folder, folder / prefix / name)
    ]
    if named:
        yield from named
    elif (lab := by_answers(folder, labs)) is not None:
        yield ".", lab


def by_answers(folder: Path, labs: list[Lab]) -> Lab | None:
    """The one lab that most answers in a folder are of; None if there are none, or two labs come out equal."""
    counts = [sum((folder / step.answer_path).is_file() for step in lab.steps) for lab in labs]
    best = max(counts, default=0)
    if best == 0 or counts.count(best) > 1:
        return None
    return labs[counts.index(best)]


def named_like(name: str, labs: list[Lab]) -> Lab | None:
    """The lab that stands in the name of an archive or a repository; None unless it is one."""
    found = [lab for lab in labs if lab.name in name] or [lab for lab in labs if lab.topic in name]
    return found[0] if len(found) == 1 else None


def _own(folder: Path, path: Path) -> bool:
    """Whether a path is in a folder and no link leads it out of there."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))
    except OSError:
        return []


def _trail(named: Path, path: Path, labs: list[Lab]) -> tuple[str, ...]:
    plain = {HOLDS, *(lab.name for lab in labs)}
    below = [part for part in path.relative_to(named).parts if stem(part) not in plain]
    if below:
        return tuple(below)
    real = Path(os.path.abspath(named))  # noqa: PTH100 - a link's own name is what people see
    outer = [part for part in (real, *real.parents) if part.name and stem(part.name) not in plain]
    return (outer[0].name,) if outer else ()
