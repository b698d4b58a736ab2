"""Taking a stranger's workspace in: what is copied for a replay, and what is worth reporting about it."""

import errno
import os
import shutil
import stat
from pathlib import Path, PurePath

import msgspec

from checker.errors import EnvironmentFault
from checker.model import Lab
from checker.workspace import PRIVATE, make_executable, starter_files

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
    """What became of copying a submission. too_large: why nothing of it is graded; empty if it is."""

    warnings: tuple[str, ...]
    too_large: str = ""


def find(path: Path, labs: list[Lab]) -> list[tuple[Lab, Path]]:
    """The workspaces at a path: itself if it is called like a lab, else its folders that are."""
    by_name = {lab.name: lab for lab in labs}
    resolved = path.resolve()
    if resolved.name in by_name:
        return [(by_name[resolved.name], path)]
    return [(lab, path / name) for name, lab in by_name.items() if (path / name).is_dir()]


def take_in(lab: Lab, source: Path, target: Path) -> Intake:
    """Copy a submission of `lab` to the new folder `target`.

    Its git history, its `.lab` folder, links that lead outside, everything that is no plain file and what
    stands where the lab's own files go stay behind. Links inside are copied as links.
    """
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
                limit = f"{FILES_LIMIT} files and {BYTES_LIMIT // 2**20} MiB"
                return Intake(tuple(warnings), f"It holds more than {limit}.")
            if not _copied(path, target / relative):
                warnings.append(f"{relative} cannot be read; it was left out.")
    warnings += [f"{os.path.relpath(path, root)} cannot be read; it was left out." for path in unread]
    return Intake(tuple(warnings))


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
    """The folders that the lab's own files need in a workspace."""
    files = [*starter_files(lab), *lab.files, *(step.answer_path for step in lab.steps)]
    return {str(folder) for file in files for folder in PurePath(file).parents} - {"."}
