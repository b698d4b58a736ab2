"""Looking through folders and archives, and archives inside those, for workspaces.

What holds answers is found; what does not is told with why, so that nothing handed in vanishes.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from checker.archives import flat, shelf
from checker.archives.entries import UNPACKED_LIMIT, ArchiveRefused
from checker.archives.names import is_archive
from checker.archives.nested import NESTED_LIMIT
from checker.base.model import Lab
from checker.base.plain import plain_line
from checker.grading.intake import gradescope
from checker.grading.intake.recognising import by_answers, called, inside, is_workspace, named_like

DEPTH = 24
"""Folders between what is named and a workspace: a whole path of somebody's machine may lie in between."""
FOLDERS_LIMIT = 50_000
SHOWN = 5
NOTHING = "It holds no folder called like a lab, and no answers"


class FoundWorkspace(msgspec.Struct, frozen=True):
    """A workspace, or an archive of which nothing can be graded, which problem says. top: the repository, folder or
    archive it is all of. submitters: of whom, by Gradescope's list."""

    path: Path
    top: Path
    lab: Lab | None
    problem: str = ""
    submitters: tuple[gradescope.Submitter, ...] = ()


class NotGraded(msgspec.Struct, frozen=True):
    """What nothing is graded of, and why, as a sentence. whole: whether it may be all that somebody handed in."""

    path: Path
    why: str
    whole: bool = True
    submitters: tuple[gradescope.Submitter, ...] = ()


class _Here(msgspec.Struct, frozen=True):
    """Where the search is.

    shown: the path as reports name it, which may lead into archives. guess: the lab that names on the way are called
    after. beside: names of labs of which a workspace stands beside it. level: folders above. nested: archives around.
    """

    shown: Path
    top: Path
    guess: Lab | None = None
    beside: frozenset[str] = frozenset()
    level: int = 0
    nested: int = 0
    submitters: tuple[gradescope.Submitter, ...] = ()


class WorkspaceSearch:
    """One search. only: the lab that everything is of."""

    def __init__(self, labs: list[Lab], only: Lab | None) -> None:
        self._labs = [only] if only else labs
        self._only = only
        self._folders = 0
        self._unpacked = 0
        self.found: list[FoundWorkspace] = []
        self.left: list[NotGraded] = []

    def at(self, named: Path) -> None:
        """Look through a path of the disk."""
        here = _Here(named, named)
        if named.is_file():
            self._archive(named, here)
        else:
            self._folder(named, here)

    def _folder(self, folder: Path, here: _Here) -> bool:
        """Look through a folder of the disk; whether anything handed in is in it."""
        self._folders += 1
        if here.level > DEPTH or self._folders > FOLDERS_LIMIT:
            if here.level > DEPTH or self._folders == FOLDERS_LIMIT + 1:
                self._leave(here, "It lies too deep in folders, or there are too many to look through.")
            return False
        own = called(folder, self._labs)
        lab = own if own and is_workspace(folder, own) else None
        named = {} if lab else dict(inside(folder, self._labs))
        if not lab and not here.beside:
            lab = by_answers(folder, [lab for lab in self._labs if lab not in named.values()], here.guess)
        if lab:
            self._add(here.shown, lab, here)
        for way, of in named.items():
            self._add(here.shown / way, of, here)
        before = len(self.left)
        if lab or named:
            self._beside(folder, here, lab, named)
            return True
        got, files = self._children(folder, here, {})
        got |= self._of_people(files, here)
        if got or (here.level == 0 and not here.nested and not files):
            self._tell_rest(files, here)
            return got
        return self._nothing(folder, files, here, own, before)

    def _beside(self, folder: Path, here: _Here, lab: Lab | None, named: dict[str, Lab]) -> None:
        """Look for more labs beside workspaces: archives, and folders called like labs. The rest is the person's."""
        before = len(self.left)
        found = {way: of.name for way, of in named.items()} | ({".": lab.name} if lab else {})
        self._children(folder, here, found)
        self.left[before:] = [left for left in self.left[before:] if is_archive(left.path) or not left.whole]

    def _nothing(
        self, folder: Path, files: Sequence[Path], here: _Here, own: Lab | None, before: int
    ) -> bool:
        """Return what becomes of a folder without workspaces: single answers, an empty workspace, or told."""
        names = [file.name for file in files]
        lab = own or (None if here.beside else flat.lab_of(names, self._labs, here.guess))
        if lab and lab.name not in here.beside:
            del self.left[before:]
            return self._add(here.shown, lab, here)
        if by_answers(folder, self._labs, ties=True):
            del self.left[before:]
            return self._leave(here, "Its answers fit several labs: name the lab with --lab.")
        told = [left.path.relative_to(here.shown).as_posix() for left in self.left[before:]]
        if files:
            del self.left[before:]
            return self._leave(here, f"{NOTHING}{_listed([*names, *told])}")
        return False if told else self._leave(here, "It is empty.")

    def _children(self, folder: Path, here: _Here, named: dict[str, str]) -> tuple[bool, list[Path]]:
        """Look through what lies in a folder, without what is found by its name there; whether anything handed in is
        in it, and the files that are no archives."""
        got = False
        files: list[Path] = []
        listed = gradescope.submitters(folder / gradescope.LIST)
        try:
            below_it = children(folder)
        except OSError as error:
            self._leave(here, f"It cannot be read: {error.strerror}.")
            return got, files
        for child in below_it:
            if child.name in {way.partition("/")[0] for way in named}:
                continue
            shown = here.shown / child.name
            # Each child of a class is somebody's, and may be a link of the instructor's; below that, all is of that
            # somebody, and a link may lead to what is somebody else's.
            if child.is_symlink() and here.level:
                self.left.append(
                    NotGraded(shown, "It is a link, which may lead to somebody else's work.", whole=False)
                )
                continue
            is_top = not here.nested and (here.level == 0 or (child / ".git").is_dir())
            below = _Here(
                shown=shown,
                top=shown if is_top else here.top,
                guess=self._only or named_like(child.name, self._labs) or here.guess,
                beside=here.beside | set(named.values()),
                level=here.level + 1,
                nested=here.nested,
                submitters=here.submitters or listed.get(child.name, ()),
            )
            if child.is_dir() and "." in named:
                continue
            if child.is_dir():
                got |= self._folder(child, below)
            elif is_archive(child) and "." in named:
                # It is a part of the workspace, too: only told if it holds another lab.
                before = len(self.left)
                self._archive(child, below)
                del self.left[before:]
            elif is_archive(child):
                got |= self._archive(child, below)
            elif child.name != gradescope.LIST:
                files.append(child)
        return got, files

    def _archive(self, path: Path, here: _Here) -> bool:
        """Look through an archive, unpacked for that."""
        if not here.nested or here.level == 1:
            # What an instructor names may hold a whole class, so that each archive in it has an allowance of its own.
            # One that lies in a class's folder is one person's, with all that is inside.
            self._unpacked = 0
        if here.nested >= NESTED_LIMIT or self._unpacked > UNPACKED_LIMIT:
            return self._refuse(here, "It lies in archives that hold more than is looked through.")
        with ExitStack() as held:
            try:
                kept = held.enter_context(shelf.unpacked(path))
            except ArchiveRefused as refused:
                return self._refuse(here, refused.observed)
            unpacked = kept.unpacked
            self._unpacked += unpacked.size
            before, found = len(self.left), len(self.found)
            inner = msgspec.structs.replace(
                here,
                guess=self._only or named_like(path.name, self._labs) or here.guess,
                level=max(here.level, 1) if here.nested or here.level else 0,
                nested=here.nested + 1,
            )
            if self._folder(kept.folder, inner):
                if len(self.found) > found + 1:  # else the one result has them all
                    self.left += [
                        NotGraded(here.shown, warning, whole=False) for warning in unpacked.warnings
                    ]
                return True
        why = " ".join([*self._reasons(here, self.left[before:]), *unpacked.warnings[:SHOWN]])
        del self.left[before:]
        return self._refuse(here, why)

    def _reasons(self, here: _Here, left: Sequence[NotGraded]) -> list[str]:
        """Return why nothing of an archive can be graded, as sentences."""
        said = [
            one.why
            if one.path == here.shown
            else f"{plain_line(one.path.relative_to(here.shown).as_posix())}: {one.why}"
            for one in left[:SHOWN]
        ]
        return [*said, *([f"So do {len(left) - SHOWN} more."] if len(left) > SHOWN else [])]

    def _of_people(self, files: Sequence[Path], here: _Here) -> bool:
        """Take answers that a platform put beside each other, everybody's in one folder; whether there are any."""
        got = False
        for beginning, theirs in flat.by_person(files).items():
            names = [flat.own_name(file.name) for file in theirs]
            if lab := flat.lab_of(names, self._labs, here.guess):
                shown = here.shown / beginning
                got |= self._add(
                    shown, lab, msgspec.structs.replace(here, top=here.top if here.nested else shown)
                )
            else:
                self._leave(
                    msgspec.structs.replace(here, shown=here.shown / beginning), f"{NOTHING}{_listed(names)}"
                )
        return got

    def _tell_rest(self, files: Sequence[Path], here: _Here) -> None:
        """Tell of files that are nobody's answers."""
        grouped = {file for theirs in flat.by_person(files).values() for file in theirs}
        for file in files:
            if file not in grouped:
                self.left.append(
                    NotGraded(here.shown / file.name, "It is no archive, and no answer of a lab.")
                )

    def _add(self, path: Path, lab: Lab, here: _Here) -> bool:
        if lab.name in here.beside:
            why = f"It is {lab.name} once more: the workspace that stands beside is graded."
            self.left.append(NotGraded(path, why, whole=False))
            return False
        self.found.append(FoundWorkspace(path, here.top, lab, submitters=here.submitters))
        return True

    def _refuse(self, here: _Here, why: str) -> bool:
        """Keep an archive of which nothing can be graded; beside a workspace it is only told."""
        if here.beside:
            return self._leave(here, why)
        self.found.append(FoundWorkspace(here.shown, here.top, here.guess, why, here.submitters))
        return True

    def _leave(self, here: _Here, why: str) -> bool:
        self.left.append(NotGraded(here.shown, why, submitters=here.submitters))
        return False


def children(folder: Path) -> list[Path]:
    """Return what lies in a folder, without what systems hide there. Raises OSError."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX")))


def _listed(names: Sequence[str]) -> str:
    """Return the end of a sentence that lists names."""
    shown = ", ".join(plain_line(name) for name in names[:SHOWN])
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f", only {shown}{more}." if names else "."
