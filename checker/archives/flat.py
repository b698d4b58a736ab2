"""Answers that were handed in as single files: beside each other in a folder, or in a download without folders.

A path may name what one person handed in so by the beginning of its files' names, as the platform made it:
`class/Ada Lovelace_4711_assignsubmission_file_` where only `..._file_build.sh` and `..._file_pin.sh` exist.
"""

import re
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePath

from checker.archives.names import BEGINNINGS
from checker.archives.platforms import named
from checker.base.model import Lab


def by_person(files: Iterable[Path]) -> dict[str, list[Path]]:
    """Files that a platform named, by what the names of one person's begin with. Others are left out."""
    found: dict[str, list[Path]] = {}
    for path in files:
        beginning = _beginning(path.name)
        if beginning:
            found.setdefault(beginning, []).append(path)
    return found


def files_of(path: Path) -> dict[str, Path]:
    """Return the files that a path names by their beginning: what the learner called each -> the file."""
    if not path.name.endswith(BEGINNINGS) or not path.parent.is_dir() or path.exists():
        return {}
    found: dict[str, Path] = {}
    for file in sorted(path.parent.iterdir()):
        if _beginning(file.name) == path.name and stat.S_ISREG(file.lstat().st_mode):
            found[own_name(file.name)] = file
    return found


def gather(path: Path, folder: Path) -> bool:
    """Copy the files that a path names by their beginning to a new folder; whether there are any."""
    files = files_of(path)
    if files:
        folder.mkdir(parents=True)
        for name, file in files.items():
            shutil.copy2(file, folder / name, follow_symlinks=False)
    return bool(files)


def own_name(name: str) -> str:
    """Return what the learner called a file that a platform named."""
    found = named(name)
    return PurePath(found.file if found and found.file else name).name


def lab_of(names: Iterable[str], labs: list[Lab], guess: Lab | None = None) -> Lab | None:
    """Return the one lab that most files are called like answers of; None if there are none, or two labs
    come out equal."""
    have = set(names)
    counts = [len(have & places(lab).keys()) for lab in labs]
    if guess in labs and counts[labs.index(guess)]:
        return guess
    best = max(counts, default=0)
    return labs[counts.index(best)] if best and counts.count(best) == 1 else None


def places(lab: Lab) -> Mapping[str, str]:
    """Return what a lone file is called -> the answer that it is. Two answers of one file name are in no
    such place."""
    paths = dict.fromkeys(step.answer_path for step in lab.steps)
    names = [PurePath(path).name for path in paths]
    return {name: path for name, path in zip(names, paths, strict=True) if names.count(name) == 1}


def _beginning(name: str) -> str:
    found = named(name)
    if found is None or not found.file:
        return ""
    beginning = name[: len(name) - len(found.file)]
    if found.kind == "canvas":  # there is a number for each file, too
        beginning = re.sub(r"\d+_$", "", beginning)
    return beginning if beginning.endswith(BEGINNINGS) else ""
