"""The learner's folder for a lab. It is the submission: a few readable files, nothing else counts.

Everything the lab itself keeps there lies in `.lab/`, which git ignores and graders never read.
"""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from checker.base.errors import ContentFault, EnvironmentFault
from checker.base.files import replace_file
from checker.base.model import Lab, Step
from checker.lab.catalog import shipped_files
from checker.lab.values import fill
from checker.lab.workspacegit import PRIVATE as PRIVATE
from checker.lab.workspacegit import GitTookTooLong, git

LOCK_WAIT = 10.0
"""Seconds to wait for another command that is changing the same workspace."""
READ_LIMIT = 1024 * 1024


class Workspace(msgspec.Struct, frozen=True):
    """The folder `path`, absolute and without symlinks on its way."""

    path: Path

    @property
    def private(self) -> Path:
        return self.path / PRIVATE

    @property
    def owner(self) -> str:
        """The name under which this workspace's stack is labelled in the engine."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]

    def answer(self, step: Step) -> Path:
        return self.path / step.answer_path

    def read(self, relative: str) -> str | None:
        """Return a file's text, at most 1 MiB of it; None if it is missing, no plain file or leads
        outside."""
        path = self.path / relative
        try:
            real = path.resolve(strict=True)
            if not real.is_relative_to(self.path.resolve()) or not real.is_file():
                return None
            with real.open("rb") as file:
                return file.read(READ_LIMIT).decode("utf-8", "replace")
        except (OSError, RuntimeError):  # RuntimeError: a link that leads to itself
            return None

    def head(self) -> str | None:
        """Return the full commit id of the workspace's own HEAD; None if it has no commit."""
        return next(iter(self.history(1)), None)

    def head_at(self, moment: datetime) -> str | None:
        """Return the full commit id that HEAD named at a moment, as far as the commits' own times tell."""
        return next(iter(self.history(1, before=moment)), None)

    def history(self, limit: int = 1000, *, before: datetime | None = None) -> list[str]:
        """Full commit ids reachable from HEAD, newest first. before: leave out what was committed later."""
        if not (self.path / ".git").exists():
            return []
        until = [f"--before={int(before.timestamp())}"] if before else []
        try:
            done = git(self.path, "rev-list", f"--max-count={limit}", *until, "HEAD", check=False)
        except GitTookTooLong as error:  # a named pipe for HEAD, say: the learner's to mend
            raise ContentFault(f"The workspace's git repository cannot be read. {error.message}") from error
        return done.stdout.split() if done.returncode == 0 else []


def locate(lab: Lab, named: Path | None = None) -> Workspace:
    """Return a lab's workspace: `named`, else in `$REGISTRY_LAB_WORKSPACE`, else the one that we stand in or
    above.

    The last is looked for from the current folder upwards: the workspace itself, or `workspace/<lab>`.
    Where there is none yet, it is to be `workspace/<lab>` in the current folder.
    """
    if base := os.environ.get("REGISTRY_LAB_WORKSPACE"):
        named = named or Path(base) / lab.name
    return Workspace(Path(os.path.realpath(named or _nearest(lab, Path.cwd()))))


def _nearest(lab: Lab, here: Path) -> Path:
    for folder in (here, *here.parents):
        if folder.name == lab.name and (folder / PRIVATE).is_dir():
            return folder
        if (folder / "workspace" / lab.name / PRIVATE).is_dir():
            return folder / "workspace" / lab.name
    return here / "workspace" / lab.name


def create(lab: Lab, workspace: Workspace) -> list[str]:
    """Lay out what is missing of a workspace; whatever is there stays. Returns the new files' paths."""
    made = []
    with disk(workspace.path):
        for folder in ("home", "docker", "tmp"):
            (workspace.private / folder).mkdir(parents=True, exist_ok=True)
        for relative in starter_files(lab):
            target = workspace.path / relative
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_file(target, (lab.folder / "starter" / relative).read_bytes())
                made.append(relative)
            if (lab.folder / "starter" / relative).stat().st_mode & stat.S_IXUSR and not target.is_symlink():
                make_executable(target)  # also what came in an archive that keeps no modes
        for step in lab.steps:
            target = workspace.answer(step)
            if step.is_script and not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_file(target, f"# {step.title}\n".encode())
                made.append(step.answer_path)
    return made


def make_executable(path: Path) -> None:
    """Let everybody run a file who may read it. Raises OSError."""
    mode = path.stat().st_mode
    path.chmod(mode | (mode & 0o444) >> 2)


def write_given_files(lab: Lab, workspace: Workspace, values: Mapping[str, str]) -> None:
    """Write the lab's own files with this run's values in them."""
    with disk(workspace.path):
        for relative, text in lab.files.items():
            target = workspace.path / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            replace_file(target, fill(text, values).encode())


def start_history(workspace: Workspace, about: str) -> None:
    """Give the workspace a git history of two commits, unless it has one.

    about: goes into the messages, so that two workspaces never have the same commit ids.
    """
    if (workspace.path / ".git").exists():
        return
    # Made aside and moved into place when complete: half a history would never be mended later.
    aside = workspace.private / "history"
    made = aside / ".git"
    commit = ("commit", "--quiet", "--allow-empty", "--message")
    try:
        with disk(workspace.path):
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            git(aside, "init", "--quiet", "--template=", "--initial-branch=main")
            (made / "info").mkdir(exist_ok=True)
            (made / "info/exclude").write_text(f"/{PRIVATE}/\n", encoding="utf-8")
            git(workspace.path, *commit, f"Open the workshop {about}", place=made)
            git(workspace.path, "add", "--all", place=made)
            git(workspace.path, *commit, f"Add what the lab gives {about}", place=made)
            made.rename(workspace.path / ".git")
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def starter_files(lab: Lab) -> list[str]:
    """Return the relative paths of all files a workspace starts with."""
    base = lab.folder / "starter"
    return sorted(str(path.relative_to(base)) for path in shipped_files(base))


def write_answer(workspace: Workspace, step: Step, text: str) -> Path:
    """Write an answer all at once or not at all; the one before is kept in `.lab/backup/`."""
    path = workspace.answer(step)
    keep(workspace, step.answer_path, unless=text)
    with disk(workspace.path):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    return path


def keep(workspace: Workspace, relative: str, *, unless: str | None = None) -> Path | None:
    """Copy a file to `.lab/backup/<time>/` before it is changed; None if there is nothing to keep."""
    path = workspace.path / relative
    if not path.is_file() or (unless is not None and workspace.read(relative) == unless):
        return None
    # To the microsecond: cells run one after the other must not keep over each other.
    at = datetime.now(UTC).astimezone().strftime("%Y%m%d-%H%M%S.%f")
    target = workspace.private / "backup" / at / relative
    with disk(workspace.path):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, path.read_bytes())
    return target


def reset(lab: Lab, workspace: Workspace, steps: tuple[Step, ...]) -> list[Path]:
    """Put the answers of `steps` back to the starter's; returns where the old ones are kept."""
    kept = []
    for step in steps:
        relative = step.answer_path
        source = lab.folder / "starter" / relative
        text = source.read_text(encoding="utf-8") if source.is_file() else f"# {step.title}\n"
        if backup := keep(workspace, relative, unless=text):
            kept.append(backup)
        target = workspace.path / relative
        if source.is_file() or step.is_script:
            with disk(workspace.path):
                target.parent.mkdir(parents=True, exist_ok=True)
                replace_file(target, text.encode())
        else:
            target.unlink(missing_ok=True)
    return kept


@contextmanager
def exclusive(workspace: Workspace, doing: str) -> Iterator[None]:
    """Let one command at a time change a workspace.

    Waits up to `LOCK_WAIT` seconds for the other one, then raises EnvironmentFault saying which it is.
    """
    import filelock

    lock = filelock.FileLock(workspace.private / "lock")
    with disk(workspace.path):
        workspace.private.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=LOCK_WAIT)
        except filelock.Timeout:
            who = (workspace.read(f"{PRIVATE}/holder") or "").strip()
            raise EnvironmentFault(
                f"Another command is changing this workspace: {who or 'it does not say which'}.",
                "Wait until it is done, or end it, and try again.",
            ) from None
    try:
        with suppress(OSError):  # only for people; a full disk must not keep anybody from stopping
            replace_file(workspace.private / "holder", f"`{doing}` (process {os.getpid()})".encode())
        yield
    finally:
        lock.release()


def is_held(workspace: Workspace) -> bool:
    """Return whether another command is changing the workspace right now, as one that runs an answer does."""
    import filelock

    lock = filelock.FileLock(workspace.private / "lock")
    try:
        lock.acquire(timeout=0)
    except (filelock.Timeout, OSError):
        return True
    lock.release()
    return False


@contextmanager
def disk(path: Path) -> Iterator[None]:
    """Tell a full or read-only disk as what it is."""
    try:
        yield
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot write to {error.filename or path}: {error.strerror}.",
            "Make room or choose another place (`REGISTRY_LAB_WORKSPACE`), and try again. Nothing was lost.",
        ) from error
