"""When a submission was handed in, as far as it says so itself. Everything here can be forged by its author."""

import os
import re
import stat
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from checker.archives import flat, nested
from checker.archives.entries import ArchiveRefused, moment
from checker.archives.unpacked import Unpacked
from checker.base.errors import UsageError
from checker.base.plain import plain_line
from checker.lab.workspace import PRIVATE

Source = Literal["", "archive", "commit", "files"]
GIT_WAIT = 10.0
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
ISO = re.compile(
    r"[0-9]{4}-?(?:[0-9]{2}-?[0-9]{2}|W[0-9]{2}-?[1-7])"
    r"(?P<time>[T ](?:[0-9]{2}|[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?|[0-9]{4}(?:[0-9]{2}(?:[.,][0-9]+)?)?)"
    r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?",
    re.IGNORECASE,
)
"""What Python reads and means what it says: a fraction, as in T23.59, only behind seconds."""
SMALL = 1024 * 1024
FILES_LIMIT = 5000


class HandInTime(msgspec.Struct, frozen=True):
    """When, and what says so.

    earliest, latest: between which moments it was, where what says so is a clock in a zone that nothing says.
    """

    at: datetime | None = None
    by: Source = ""
    earliest: datetime | None = None
    latest: datetime | None = None


def handed_in(path: Path, top: Path) -> HandInTime:
    """When the workspace at `path`, part of the submission `top`, was handed in.

    Of a workspace in an archive the newest time of a file of it. Of a repository the time of the last commit that
    touched the workspace. Of a plain folder its newest file.
    """
    if found := nested.archive_of(path):
        return _in_archive(*found)
    if not (path / PRIVATE).exists():  # there, the history is the one that the lab itself made
        for folder in (path, *path.parents):
            if (folder / ".git").is_dir() and not (folder / ".git").is_symlink():
                at = commit_time(folder / ".git", os.path.relpath(path, folder))
                return HandInTime(at, "commit") if at else HandInTime(_newest(path), "files")
            if folder == top:
                break
    at = max((at for file in flat.files_of(path).values() if (at := _mtime(file))), default=_newest(path))
    return HandInTime(at, "files" if at else "")


def is_late(handed: HandInTime, due: datetime | None) -> bool | None:
    """Return whether it came after `due`; None if that is not known.

    Without a zone it is only known if it is so in every zone of the world. The time of a plain file only ever speaks
    for the learner: copying and downloading make it newer, too.
    """
    if due is None or handed.at is None:
        return None
    if (handed.latest or handed.at) <= due:
        return False
    return None if handed.by == "files" or (handed.earliest or handed.at) <= due else True


def parse(text: str) -> datetime:
    """Return a due time: ISO 8601, without a zone in that of this machine, a date alone to its last second.

    Raises UsageError.
    """
    found = ISO.fullmatch(text.strip())
    wrong = UsageError(
        f"{plain_line(text)!r} is no time in the form of ISO 8601.",
        "Write it like 2026-01-31T23:59:00+01:00, with colons between hours, minutes and seconds.",
    )
    if found is None:
        raise wrong
    try:
        at = datetime.fromisoformat(text.strip().upper())
        if found["time"] is None:
            at = at.replace(hour=23, minute=59, second=59)
        return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise wrong from None


def written(at: datetime | None) -> str:
    """As reports write it; empty for None."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def commit_time(git: Path, inside: str) -> datetime | None:
    """When HEAD's last commit that touched `inside` was made, in the repository whose `.git` is `git`.

    The repository is a stranger's: its configuration can name programs that git then starts. So git runs in an
    empty repository of ours that only borrows the objects.
    """
    head = _head(git)
    if head is None:
        return None
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C.UTF-8",
    }
    with tempfile.TemporaryDirectory(prefix="lab-intake-") as ours:
        kind = "sha256" if len(head) == 64 else "sha1"
        make = ["git", "init", "--quiet", "--bare", "--template=", f"--object-format={kind}", ours]
        where = Path(ours) / "objects" / "info"
        last = ["git", f"--git-dir={ours}", "log", "-1", "--format=%ct", head, "--", inside]
        try:
            subprocess.run(make, env=environment, check=True, capture_output=True, timeout=GIT_WAIT)
            where.mkdir(exist_ok=True)
            (where / "alternates").write_text(f"{(git / 'objects').resolve()}\n", encoding="utf-8")
            if shallow := _read(git / "shallow"):
                (Path(ours) / "shallow").write_text(shallow, encoding="utf-8")
            done = subprocess.run(
                last, env=environment, cwd=ours, check=True, capture_output=True, timeout=GIT_WAIT
            )
            return datetime.fromtimestamp(int(done.stdout), UTC)
        except (OSError, ValueError, OverflowError, subprocess.SubprocessError):
            return None


def _head(git: Path) -> str | None:
    """Return the commit that HEAD names, read without git."""
    head = (_read(git / "HEAD") or "").strip()
    if COMMIT.fullmatch(head):
        return head
    name = head.removeprefix("ref: ")
    if not re.fullmatch(r"refs/heads/[^\0-\x20\x7f]{1,200}", name) or ".." in name:
        return None
    loose = (_read(git / name) or "").strip()
    if COMMIT.fullmatch(loose):
        return loose
    for line in (_read(git / "packed-refs") or "").splitlines():
        commit, _, ref = line.partition(" ")
        if ref == name and COMMIT.fullmatch(commit):
            return commit
    return None


def _read(path: Path) -> str | None:
    """Return the text of a small plain file; None for anything else."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > SMALL:
            return None
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _in_archive(path: Path, way: str) -> HandInTime:
    with tempfile.TemporaryDirectory(prefix="lab-intake-") as aside:
        try:
            found = nested.opened(path, way, Path(aside)).unpacked
        except ArchiveRefused:
            found = Unpacked()
    if found.newest is None:
        return HandInTime(_mtime(path), "files")
    return HandInTime(found.newest, "archive", found.earliest, found.latest)


def _newest(folder: Path) -> datetime | None:
    """Return the newest time of a plain file in a folder that is neither the lab's own nor of git."""
    times: list[float] = []
    for here, names, leaves in os.walk(folder):
        names[:] = [name for name in names if name not in (PRIVATE, ".git")]
        for name in leaves:
            try:
                found = (Path(here) / name).lstat()
            except OSError:
                continue
            if stat.S_ISREG(found.st_mode):
                times.append(found.st_mtime)
        if len(times) > FILES_LIMIT:
            break
    return moment(max(times)) if times else None


def _mtime(path: Path) -> datetime | None:
    try:
        return moment(path.stat().st_mtime)
    except OSError:
        return None
