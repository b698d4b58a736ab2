"""Mistakes and alternatives as their folders describe them, laid over a lab's solution.

A folder has what differs: whole files, laid over the solution's; and changes of a few lines in its .toml, for files
that stay as they are but for those.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from checker.base.errors import BrokenLab
from checker.base.model import Alternative, Change, Lab, Mistake
from checker.judge.replay import Fill
from checker.judge.submission import Intake
from checker.lab.catalog import shipped_files

ABOUT = frozenset({"mistake.toml", "alternative.toml"})
"""Files that say what a mistake or an alternative is, and are no part of an answer."""


def laid_out(lab: Lab, *overlays: Mistake | Alternative) -> Fill:
    """Return what fills a workspace with the solution, and with the overlays over it, each over the ones before.

    Filling raises BrokenLab for a change of lines that are not there.
    """

    def fill(target: Path) -> Intake:
        intake = _copied(target, lab.folder / "starter", lab.folder / "solution")
        for overlay in overlays:
            _copied(target, overlay.folder)
            for change in overlay.changes:
                path = target / change.file
                try:
                    path.write_bytes(_changed(_text(path), change).encode())
                except ValueError as error:
                    raise BrokenLab(
                        f"{overlay.folder}: {error}", "This is for the lab's author to mend."
                    ) from error
        return intake

    return fill


def untouched(lab: Lab) -> Fill:
    """Return what fills a workspace with what a learner begins with."""
    return lambda target: _copied(target, lab.folder / "starter")


def files(overlay: Mistake | Alternative) -> set[Path]:
    """Return the paths in a workspace that an overlay writes or changes."""
    return {*_whole(overlay), *(Path(change.file) for change in overlay.changes)}


def independent(lab: Lab, one: Mistake | Alternative, other: Mistake | Alternative) -> bool:
    """Return whether two overlays can be laid over each other: in files of their own, or in lines of their own."""
    for path in files(one) & files(other):
        if path in _whole(one) | _whole(other):
            return False
        places = (lab.folder / "solution" / path, lab.folder / "starter" / path)
        text = next((_text(place) for place in places if place.is_file()), "")
        try:
            first = _all_changed(_all_changed(text, one, path), other, path)
            second = _all_changed(_all_changed(text, other, path), one, path)
        except ValueError:
            return False
        if first != second:
            return False
    return True


def problems(lab: Lab, overlay: Mistake | Alternative, name: str) -> Iterator[str]:
    """Say what is wrong with an overlay, before anything is replayed."""
    if lab.step(overlay.step) is None:
        yield f"{name} is of {overlay.step!r}, which is no step"
    solution = lab.folder / "solution"
    changed = any(change.old != change.new for change in overlay.changes)
    if not changed and not any(_differs(overlay.folder / path, solution / path) for path in _whole(overlay)):
        yield f"{name} changes nothing in the solution"
    texts: dict[str, str] = {}  # as the changes before have left them
    for change in overlay.changes:
        if change.file not in texts:
            places = (place / change.file for place in (overlay.folder, solution, lab.folder / "starter"))
            texts[change.file] = next((_text(place) for place in places if place.is_file()), "")
        try:
            texts[change.file] = _changed(texts[change.file], change)
        except ValueError as error:
            yield f"{name}: {error}"


def _copied(target: Path, *layers: Path) -> Intake:
    target.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        if layer.is_dir():
            ignored = shutil.ignore_patterns(*ABOUT, "__pycache__")
            shutil.copytree(layer, target, dirs_exist_ok=True, ignore=ignored)
    return Intake(())


def _whole(overlay: Mistake | Alternative) -> set[Path]:
    """Return the paths of the files that replace the solution's."""
    found = (path for path in shipped_files(overlay.folder) if path.name not in ABOUT)
    return {path.relative_to(overlay.folder) for path in found}


def _text(path: Path) -> str:
    """Return what a file says, line ends as they are; empty if there is none."""
    return path.read_bytes().decode() if path.is_file() else ""


def _changed(text: str, change: Change) -> str:
    """Return the text with one change made. Raises ValueError, with a sentence, for lines that are not there
    once."""
    if not change.old or text.count(change.old) != 1:
        found = f"{text.count(change.old)} times" if change.old else "empty"
        raise ValueError(
            f"the `old` of a change has to be in {change.file} once, and is {found}: give it more lines, or those "
            "that the solution has now"
        )
    return text.replace(change.old, change.new, 1)


def _all_changed(text: str, overlay: Mistake | Alternative, path: Path) -> str:
    """Return the text with all changes that an overlay makes to it. Raises ValueError as `_changed` does."""
    for change in overlay.changes:
        if Path(change.file) == path:
            text = _changed(text, change)
    return text


def _differs(path: Path, other: Path) -> bool:
    return not other.is_file() or path.read_bytes() != other.read_bytes()
