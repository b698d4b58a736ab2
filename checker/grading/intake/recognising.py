"""How a folder is known to be a workspace, and of which lab."""

import os
from collections.abc import Iterator
from pathlib import Path

from checker.base.model import Lab
from checker.lab.workspace import PRIVATE

HOLDS = "workspace"
"""The folder that `lab start` makes for the workspaces of all labs."""


def inside(folder: Path, labs: list[Lab]) -> Iterator[tuple[str, Lab]]:
    """Yield the workspaces in a folder that are called like a lab, as paths from the folder on; those in
    `workspace/` too."""
    for lab in labs:
        for way in (lab.name, f"{HOLDS}/{lab.name}"):
            if is_inside(folder, way) and is_workspace(folder / way, lab):
                yield way, lab


def is_workspace(folder: Path, lab: Lab) -> bool:
    """Return whether a folder that is called like a lab is a workspace of it: it has answers, or a folder
    for them.

    Else it may be a class's, with everybody's work on that lab, or have the workspace inside once more.
    """
    folders = {path.partition("/")[0] for step in lab.steps if "/" in (path := step.answer_path)}
    return bool(answers(folder, lab)) or any((folder / name).is_dir() for name in (*folders, PRIVATE))


def is_inside(folder: Path, way: str) -> bool:
    """Return whether there is a folder at a way in a folder, and no link leads it out of there."""
    path = folder / way
    return path.is_dir() and Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def called(folder: Path, labs: list[Lab]) -> Lab | None:
    """Return the lab that a folder is called like."""
    name = folder.resolve().name
    return next((lab for lab in labs if lab.name == name), None)


def by_answers(folder: Path, labs: list[Lab], guess: Lab | None = None, *, ties: bool = False) -> Lab | None:
    """Return the one lab that most answers in a folder are of; None if there are none, or two labs come out
    equal.

    guess: the lab it is if it has any answers of that. ties: take the first of several that come out equal.
    """
    counts = [answers(folder, lab) for lab in labs]
    if guess in labs and counts[labs.index(guess)]:
        return guess
    best = max(counts, default=0)
    if best == 0 or (counts.count(best) > 1 and not ties):
        return None
    return labs[counts.index(best)]


def answers(folder: Path, lab: Lab) -> int:
    """Return how many answers of a lab are in their places in a folder."""
    return sum((folder / path).is_file() for path in {step.answer_path for step in lab.steps})


def named_like(name: str, labs: list[Lab]) -> Lab | None:
    """Return the lab that stands in the name of an archive or a repository; None unless it is one."""
    found = [lab for lab in labs if lab.name in name] or [lab for lab in labs if lab.topic in name]
    return found[0] if len(found) == 1 else None
