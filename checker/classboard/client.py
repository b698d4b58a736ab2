"""The learner's side of the class board: join, leave, and send progress without ever waiting for the board."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from checker.base.cache import cache_dir
from checker.base.errors import UsageError
from checker.base.files import replace_file
from checker.base.model import Lab
from checker.lab.workspace import Workspace, disk

URL = "REGISTRY_LAB_CLASS"
CODE = "REGISTRY_LAB_JOIN"
REST = 20.0
"""Seconds after a failure during which nothing is sent: off-line, or a board that is not there."""


class Membership(msgspec.Struct, frozen=True):
    """Where a learner's class is, and the join code that says who the learner is there."""

    url: str
    code: str


def membership() -> Membership | None:
    """Return the class that this learner takes part in; None without. The environment counts more than `lab
    class join`."""
    url, code = os.environ.get(URL, ""), os.environ.get(CODE, "")
    if url and code:
        return Membership(url.rstrip("/"), code)
    if url:
        stored = _stored()
        return Membership(url.rstrip("/"), stored.code) if stored else None
    return _stored()


def in_class() -> bool:
    """Return whether this learner takes part in a class; then model answers stay out of sight."""
    return bool(os.environ.get(URL)) or _stored() is not None


def join(url: str, code: str) -> None:
    """Take part in a class from now on. Raises UsageError, EnvironmentFault."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{url} is no address of a board.",
            "It begins with https:// or http://, as your instructor gave it.",
        )
    if not code.strip():
        raise UsageError("The join code is empty.", "Your instructor has one for you.")
    path = _file()
    with disk(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)
        path.chmod(0o600)
        replace_file(path, msgspec.json.encode(Membership(url.rstrip("/"), code.strip())))
        path.chmod(0o600)


def leave() -> bool:
    """Take part no more; False if there was nothing to leave."""
    there = _file().exists()
    with disk(_file().parent):
        _file().unlink(missing_ok=True)
    return there


def tell(lab: Lab, place: Workspace) -> None:
    """Have the newest record sent, by a process of its own that ends by itself. Never waits and never fails."""
    if membership() is None or _rests(place):
        return
    command = [sys.executable, "-m", "checker.classboard.sender", lab.name, str(place.path)]
    with suppress(OSError):
        subprocess.Popen(
            command,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def failed(place: Workspace) -> None:
    """Note that the board could not be reached, so that nothing is tried for a while."""
    with suppress(OSError):
        (place.private / "class.failed").write_text(str(time.time()), encoding="utf-8")


def worked(place: Workspace) -> None:
    with suppress(OSError):
        (place.private / "class.failed").unlink(missing_ok=True)


def _rests(place: Workspace) -> bool:
    try:
        return 0 <= time.time() - (place.private / "class.failed").stat().st_mtime < REST
    except OSError:
        return False


def _file() -> Path:
    return cache_dir() / "class.json"


def _stored() -> Membership | None:
    try:
        return msgspec.json.decode(_file().read_bytes(), type=Membership)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None  # a damaged file is no reason to keep anybody from working
