"""Copy a stranger's workspace for a replay, and note what is worth reporting about it.

The path of a workspace may lead into an archive: `ada.zip/01-names-and-tags`.
"""

import errno
import os
import shutil
import stat
from pathlib import Path, PurePath

import msgspec

from checker.archives import flat, nested
from checker.archives.entries import ArchiveRefused
from checker.archives.nested import archive_of
from checker.base.errors import EnvironmentFault
from checker.base.model import Lab
from checker.base.results import Finding
from checker.lab.values import secret_names
from checker.lab.workspace import PRIVATE, make_executable, starter_files

FILES_LIMIT = 2000
BYTES_LIMIT = 50 * 1024 * 1024
NO_EFFECT = frozenset(
    (
        "checks.py",
        "conftest.py",
        "sitecustomize.py",
        "usercustomize.py",
        "pytest.ini",
        "tox.ini",
        "setup.cfg",
        "pyproject.toml",
    )
)
"""Names with a meaning to Python or pytest. Here they have none, and people who try them are told on."""
LEFT_OUT = frozenset({".git", PRIVATE})


class Intake(msgspec.Struct, frozen=True):
    """What became of copying a submission. refused: why nothing of it is graded; None if it is. history: secrets in its
    git history, as sentences."""

    warnings: tuple[str, ...]
    refused: Finding | None = None
    history: tuple[str, ...] = ()


def take_in(lab: Lab, source: Path, target: Path) -> Intake:
    """Copy a submission of `lab`, a folder or inside an archive, to the new folder `target`.

    Its git history, its `.lab` folder, links that lead outside, everything that is no plain file and what
    stands where the lab's own files go stay behind. Links inside are copied as links.
    """
    aside = target.with_name(f"{target.name}.unpacked")
    found = archive_of(source)
    try:
        if found is None:
            together = flat.gather(source, aside)
            return _taken(lab, aside if together else source, target)
        aside.mkdir(parents=True)
        opened = nested.opened(*found, aside)
        intake = _taken(lab, opened.folder, target)
    except ArchiveRefused as refused:
        target.mkdir(parents=True, exist_ok=True)
        return Intake((), refusal(refused))
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return Intake((*opened.warnings, *intake.warnings), intake.refused, intake.history)


def _taken(lab: Lab, source: Path, target: Path) -> Intake:
    """Copy a workspace, and put answers that were handed in as single files where they belong."""
    intake = _copy(lab, source, target)
    paths = [step.answer_path for step in lab.steps]
    if intake.refused or any((target / path).is_file() for path in paths):
        return intake
    moved: list[str] = []
    for name, path in flat.places(lab).items():
        loose, place = target / name, target / path
        if loose.is_symlink() or not loose.is_file() or place.exists() or place.parent.is_symlink():
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        loose.rename(place)
        moved.append(path)
    if not moved:
        return intake
    told = f"Handed in without their folder, and graded as {', '.join(moved)}."
    return Intake((*intake.warnings, told), history=intake.history)


def refusal(refused: ArchiveRefused) -> Finding:
    """Return the finding for an archive of which nothing is taken."""
    large = refused.code == "archive-too-large"
    limit = f"of at most {FILES_LIMIT} files and {BYTES_LIMIT // 2**20} MiB, as " if large else ""
    return Finding(
        code=refused.code,
        expected=f"The submission is {limit}a zip or tar.gz file that can be unpacked.",
        observed=refused.observed,
        action="Make it with `lab submit`, or pack the workspace as zip or tar.gz, without a password; "
        "unpack it somewhere to see that it is whole, and hand it in again.",
    )


def _copy(lab: Lab, source: Path, target: Path) -> Intake:
    warnings: list[str] = []
    folders = _folders(lab)
    target.mkdir(parents=True)
    root = Path(os.path.realpath(source))
    files = size = 0
    unread: list[str] = []
    for folder, names, leaves in os.walk(root, onerror=lambda error: unread.append(str(error.filename))):
        here = Path(folder)
        for name in list(names):
            if name in LEFT_OUT and here == root:
                names.remove(name)
            elif (here / name).is_symlink():
                names.remove(name)
                leaves.append(name)
            elif str((here / name).relative_to(root)) in lab.files:
                names.remove(name)
                warnings.append(
                    f"{(here / name).relative_to(root)} is no file, where the lab has one; it was left out."
                )
            else:
                (target / (here / name).relative_to(root)).mkdir(exist_ok=True)
        for name in sorted(leaves):
            path = here / name
            relative = path.relative_to(root)
            if name in LEFT_OUT and here == root:
                continue
            if name in NO_EFFECT or path.suffix == ".pth":
                warnings.append(f"{relative} has no effect on checks or reports.")
            if str(relative) in folders:
                warnings.append(f"{relative} is no folder, where the lab has one; it was left out.")
                continue
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                if not Path(os.path.realpath(path)).is_relative_to(root) or path.readlink().is_absolute():
                    warnings.append(
                        f"{relative} is a link that leads out of the submission; it was left out."
                    )
                else:
                    (target / relative).symlink_to(path.readlink())
                continue
            if not stat.S_ISREG(mode):
                warnings.append(f"{relative} is neither a file nor a folder; it was left out.")
                continue
            files, size = files + 1, size + path.lstat().st_size
            if files > FILES_LIMIT or size > BYTES_LIMIT:
                return Intake(tuple(warnings), _too_large())
            if not _copied(path, target / relative):
                warnings.append(f"{relative} cannot be read; it was left out.")
    if str(root) in unread:
        raise EnvironmentFault(f"{source} cannot be read.", "Nothing of it was graded: see who may read it.")
    warnings += [f"{os.path.relpath(path, root)} cannot be read; it was left out." for path in unread]
    return Intake(tuple(warnings), history=_old_secrets(lab, root))


def _old_secrets(lab: Lab, root: Path) -> tuple[str, ...]:
    """Return what secrets the submission's own git history shows by their form; it stays behind, as a replay
    has a new one."""
    if not secret_names(lab) or not (root / ".git").is_dir():
        return ()
    from checker.secrets import oldsecrets

    return oldsecrets.told(root / ".git")


def _too_large() -> Finding:
    return Finding(
        code="submission-too-large",
        expected="A submission is a small folder of text files.",
        observed=f"It holds more than {FILES_LIMIT} files and {BYTES_LIMIT // 2**20} MiB.",
        action="Hand in the workspace's own files only: the answers and what they need.",
    )


def _copied(source: Path, target: Path) -> bool:
    """Copy a plain file, and whether it may be run; False if the source cannot be read. Raises EnvironmentFault
    if there is no room."""
    try:
        shutil.copyfile(source, target, follow_symlinks=False)
        if source.lstat().st_mode & stat.S_IXUSR:
            make_executable(target)
    except OSError as error:
        target.unlink(missing_ok=True)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise EnvironmentFault(
                f"There is no room for a copy of {source}: {error.strerror}.",
                "Make room, or set REGISTRY_LAB_CACHE to another place.",
            ) from error
        return False
    return True


def _folders(lab: Lab) -> set[str]:
    """Return the folders that the lab's own files need in a workspace."""
    files = [*starter_files(lab), *lab.files, *(step.answer_path for step in lab.steps)]
    return {str(folder) for file in files for folder in PurePath(file).parents} - {"."}
