"""Packing a workspace for the instructor: what grading reads, the same bytes each time, and no credentials."""

import base64
import gzip
import io
import json
import os
import re
import stat
import struct
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePath

import msgspec

from checker.base.errors import EnvironmentFault, UsageError
from checker.base.model import Lab
from checker.judge.submission import BYTES_LIMIT, FILES_LIMIT
from checker.lab.workspace import PRIVATE, Workspace

SUFFIXES = (".zip", ".tar.gz", ".tgz", ".tar")
GIT = ".git"
CACHES = frozenset(
    (
        "__pycache__",
        ".ipynb_checkpoints",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".cache",
        ".venv",
        "node_modules",
        ".DS_Store",
        "Thumbs.db",
    )
)
CACHED = re.compile(r".*(\.py[co]|\.sw[op]|~)")
CREDENTIALS = frozenset(
    (".netrc", "_netrc", ".git-credentials", ".dockercfg", "id_rsa", "id_ed25519", "id_ecdsa")
)
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
REMOTE_SECRET = re.compile(r"(?im)://[^/\s@]*:[^/\s@]*@|^\s*(extraheader|helper|password)\s*=")
SHORTEST = 6
"""Characters below which a secret value would be found in every text."""
FIRST_DAY = datetime(1980, 1, 1, tzinfo=UTC)
"""The first one that a zip can hold."""


class HandInFile(msgspec.Struct, frozen=True):
    """One file of the archive, by its path in the workspace. link: where it leads to, for a link."""

    name: str
    data: bytes = b""
    executable: bool = False
    link: str = ""
    at: float = 0.0


class Content(msgspec.Struct, frozen=True):
    """What goes into an archive, and what does not: path -> why."""

    items: tuple[HandInFile, ...]
    left_out: tuple[tuple[str, str], ...]


def gather(lab: Lab, workspace: Workspace, secrets: Mapping[str, str], *, history: bool = False) -> Content:
    """Look through a workspace. secrets: name -> a value that must not leave it. history: take `.git` as well.

    Raises UsageError where an answer holds such a value, as it cannot be left out, and where it is all too large.
    """
    needles = _needles(secrets)
    answers = {step.answer_path for step in lab.steps}
    items: list[HandInFile] = []
    left_out: list[tuple[str, str]] = []
    size = 0
    for name, path in _walk(workspace.path, lab, left_out, history=history):
        item, why = _read(workspace.path, name, path)
        if item and (held := sorted({known for known, needle in needles if needle in item.data})):
            if name in answers:
                raise UsageError(
                    f"The answer {name} holds the secret value of {', '.join(held)}, written out.",
                    f'Use "${held[0]}" instead: it is another value in every run, and nobody else\'s business.',
                )
            item, why = None, f"holds the secret value of {', '.join(held)}"
        if item is None:
            left_out.append((name, why))
            continue
        size += len(item.data)
        items.append(item)
        if len(items) > FILES_LIMIT or size > BYTES_LIMIT:
            raise UsageError(
                f"{workspace.path} holds more than {FILES_LIMIT} files and {BYTES_LIMIT // 2**20} MiB, which is "
                f"not graded; {name} was the last one looked at.",
                "Move what is no answer and not needed by one out of the workspace.",
            )
    return Content(tuple(items), tuple(sorted(left_out)))


def pack(lab: Lab, content: Content, to: Path) -> None:
    """Write the archive, in the form that `to` is called after. Equal contents give equal bytes.

    All files have the time of the newest. Raises UsageError for another form, EnvironmentFault if it cannot be
    written.
    """
    name = to.name.lower()
    at = newest(content)
    if name.endswith(".zip"):
        data = _zipped(lab, content, at)
    elif name.endswith((".tar.gz", ".tgz")):
        data = gzip.compress(_tarred(lab, content, at), mtime=0)
    elif name.endswith(".tar"):
        data = _tarred(lab, content, at)
    else:
        raise UsageError(
            f"{to} is called like no archive.", f"End its name with one of: {', '.join(SUFFIXES)}."
        )
    temporary = to.with_name(f".{to.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(to)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise EnvironmentFault(
            f"Cannot write {to}: {error.strerror}.", "Name another file with --to."
        ) from error


def newest(content: Content) -> datetime:
    """When the newest of the files was changed, or what SOURCE_DATE_EPOCH says, to the second."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(epoch) if epoch.isdigit() else int(max((item.at for item in content.items), default=0))
    try:
        return max(datetime.fromtimestamp(seconds, UTC), FIRST_DAY)
    except (OverflowError, ValueError, OSError):
        return FIRST_DAY


def _walk(
    root: Path, lab: Lab, left_out: list[tuple[str, str]], *, history: bool
) -> Iterator[tuple[str, Path]]:
    for folder, names, leaves in os.walk(root):
        here = Path(folder)
        for name in sorted([*names, *leaves]):
            path = here / name
            relative = path.relative_to(root).as_posix()
            if why := _unwanted(relative, lab, history=history):
                left_out.append((relative, why))
            elif name in leaves or path.is_symlink():
                yield relative, path
                continue
            else:
                continue
            if name in names:
                names.remove(name)
        names.sort()


def _unwanted(relative: str, lab: Lab, *, history: bool) -> str:
    """Return why a path stays out, whatever is in it; empty if it does not."""
    path = PurePath(relative)
    if path.parts[0] == PRIVATE:
        return "is what the lab keeps for itself, logins included"
    if path.parts[0] == GIT:
        if not history:
            return "is a history, which grading makes anew; --git takes it along"
        return "would be run by git" if path.parts[1:2] == ("hooks",) else ""
    if relative in lab.files:
        return "is made anew by the lab in every run"
    if path.name in CACHES or CACHED.fullmatch(path.name):
        return "is a cache"
    if path.name in CREDENTIALS:
        return "is a file for credentials"
    return ""


def _read(root: Path, name: str, path: Path) -> tuple[HandInFile | None, str]:
    """Return the file as it goes into the archive, or why it does not."""
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            to = os.readlink(path)  # noqa: PTH115 - as it is written
            if os.path.isabs(to) or not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):  # noqa: PTH117
                return None, "is a link that leads out of the workspace"
            return HandInFile(name=name, link=to, at=found.st_mtime), ""
        if not stat.S_ISREG(found.st_mode):
            return None, "is neither a file nor a folder"
        if found.st_size > BYTES_LIMIT:
            return None, f"is larger than {BYTES_LIMIT // 2**20} MiB"
        name.encode()
        data = path.read_bytes()
    except UnicodeEncodeError:
        return None, "has a name that is no UTF-8"
    except OSError as error:
        return None, f"cannot be read: {error.strerror}"
    if why := _credentials(name, data):
        return None, why
    return HandInFile(name, data, bool(found.st_mode & stat.S_IXUSR), "", found.st_mtime), ""


def _credentials(name: str, data: bytes) -> str:
    """Return why a file's contents are nobody else's business; empty if they are not."""
    if PRIVATE_KEY.search(data):
        return "holds a private key"
    if name == f"{GIT}/config" and REMOTE_SECRET.search(data.decode("utf-8", "replace")):
        return "holds a login for a remote repository"
    if b'"auth' in data or b'"credsStore"' in data or b'"credHelpers"' in data:
        try:
            form = json.loads(data)
        except (ValueError, RecursionError):
            return ""
        if isinstance(form, dict) and any(form.get(key) for key in ("auths", "credsStore", "credHelpers")):
            return "holds logins of a container engine"
    return ""


def _needles(secrets: Mapping[str, str]) -> list[tuple[str, bytes]]:
    """Each secret as it may stand in a file: as it is, and in base64 at any of the three offsets."""
    found = []
    for name, value in secrets.items():
        if len(value) < SHORTEST:
            continue
        found.append((name, value.encode()))
        for offset in range(3):
            whole = base64.b64encode(b"\0" * offset + value.encode()).rstrip(b"=")
            # The first characters depend on what stands before, the last on what follows.
            inner = whole[(0, 2, 3)[offset] : -1]
            if len(inner) >= SHORTEST:
                found.append((name, inner))
    return found


def _zipped(lab: Lab, content: Content, at: datetime) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for item in content.items:
            info = zipfile.ZipInfo(f"{lab.name}/{item.name}", at.timetuple()[:6])
            info.create_system = 3  # so that modes and links count
            info.external_attr = _mode(item) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            seconds = int(at.timestamp())
            if seconds < 2**31:
                info.extra = struct.pack("<HHBi", 0x5455, 5, 1, seconds)  # in UTC, which DOS does not know
            archive.writestr(info, item.link.encode() if item.link else item.data)
    return made.getvalue()


def _tarred(lab: Lab, content: Content, at: datetime) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for item in content.items:
            info = tarfile.TarInfo(f"{lab.name}/{item.name}")
            info.mode, info.mtime = stat.S_IMODE(_mode(item)), int(at.timestamp())
            if item.link:
                info.type, info.linkname = tarfile.SYMTYPE, item.link
            info.size = len(item.data)
            archive.addfile(info, io.BytesIO(item.data))
    return made.getvalue()


def _mode(item: HandInFile) -> int:
    if item.link:
        return stat.S_IFLNK | 0o777
    return stat.S_IFREG | (0o755 if item.executable else 0o644)
