"""The journal of a grading: each result is written to a file as it comes, so that an interrupted grading can go
on.

One line of JSON for each report, with what it is the report of. A line that was cut off is as good as none.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from checker.base.errors import EnvironmentFault
from checker.base.model import Lab
from checker.base.results import LabReport, Outcome


class Graded(Protocol):
    """What is graded: a submission, and its place among all."""

    @property
    def number(self) -> int: ...
    @property
    def lab(self) -> Lab: ...
    @property
    def path(self) -> Path: ...


class JournalLine(msgspec.Struct, frozen=True):
    """key: of the lab and the submission as they were."""

    key: str
    report: LabReport


def read(file: Path, tasks: Sequence[Graded]) -> dict[int, LabReport]:
    """Return the reports of tasks that are done, by number: of what is unchanged and was no error.

    Raises EnvironmentFault.
    """
    try:
        lines = file.read_bytes().splitlines() if file.exists() else []
    except OSError as error:
        raise EnvironmentFault(f"Cannot read {file}: {error.strerror}.", "Name another file.") from error
    known: dict[str, LabReport] = {}
    for text in lines:
        try:
            line = msgspec.json.decode(text, type=JournalLine)
        except msgspec.DecodeError:
            continue
        if line.report.outcome is not Outcome.ERROR:
            known[line.key] = line.report
    keys = {task.number: _key(task) for task in tasks} if known else {}
    return {number: known[key] for number, key in keys.items() if key in known}


def add(file: Path, task: Graded, report: LabReport) -> None:
    """Keep one more, whole before anything else happens. Raises EnvironmentFault."""
    data = msgspec.json.encode(JournalLine(_key(task), report)) + b"\n"
    try:
        with file.open("ab+") as kept:
            if kept.tell() and (kept.seek(-1, os.SEEK_END), kept.read(1))[1] != b"\n":
                data = b"\n" + data
            kept.write(data)
            kept.flush()
            os.fsync(kept.fileno())
    except OSError as error:
        raise EnvironmentFault(
            f"Cannot write {file}: {error.strerror}.", "Make room, or name another file."
        ) from error


def _key(task: Graded) -> str:
    """Changes whenever the lab's checks or anything in the submission does."""
    found = hashlib.sha256(f"{task.lab.name}\n{task.lab.version}\n{task.path}\n".encode())
    for path in (task.lab.folder / "lab.toml", task.lab.folder / "checks.py"):
        found.update(path.read_bytes() if path.is_file() else b"")
    on_disk = next(path for path in (task.path, *task.path.parents) if path.exists())
    for folder, names, files in (
        os.walk(on_disk) if on_disk.is_dir() else ((str(on_disk.parent), [], [on_disk.name]),)
    ):
        names.sort()
        for name in sorted(files):
            about = Path(folder, name).lstat()
            found.update(
                f"{folder}/{name}\n{about.st_size} {about.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
            )
    return found.hexdigest()[:32]
