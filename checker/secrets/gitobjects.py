"""Read all objects of a git repository: files of all commits, messages, and what no branch reaches any more.

The repository may be a stranger's. So git gets a folder of ours with copies of its objects alone: no configuration,
hook, alternate or link of the repository has a say. As root, git is run as nobody.
"""

import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

LARGEST = 4 * 1024 * 1024
"""Bytes of one object that are looked at."""
MOST = 64 * 1024 * 1024
"""Bytes of a repository that are copied, and bytes of all objects that are read."""
FILES = 20_000
SECONDS = 30
MEMORY = 2 * 1024**3
NOBODY = 65534
PUBLIC = "/tmp"  # noqa: S108 - a folder of a name that nobody else knows is made there
"""Where nobody can get to, as the user of that name; the folder that TMPDIR names may be closed to others."""
LOOSE = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38,62}")
PACK = re.compile(r"pack/[\w.-]+\.(?:pack|idx)")
SHA256 = re.compile(rb"objectformat\s*=\s*sha256", re.IGNORECASE)
TEXTS = ("config", "packed-refs")
"""Files of a repository that are texts, besides its objects."""


class Object(msgspec.Struct, frozen=True):
    """One object or file. name: for a sentence, as "the file login.sh of a commit"."""

    name: str
    data: bytes


def objects(repository: Path) -> list[Object]:
    """Return all objects of the repository whose `.git` folder that is, as far as they can be read; none
    without git."""
    if repository.is_symlink() or not repository.is_dir():
        return []
    found = [Object(f"the file .git/{name}", data) for name in TEXTS if (data := _read(repository / name))]
    where = PUBLIC if os.geteuid() == 0 and Path(PUBLIC).is_dir() else None
    with tempfile.TemporaryDirectory(prefix="registry-lab-git-", dir=where) as folder, suppress(OSError):
        place = Path(folder)
        place.chmod(0o755)
        _copy(repository, place)
        found += _read_all(place)
    return found


def _copy(repository: Path, place: Path) -> None:
    """Make a repository with the same objects and nothing else. Raises OSError."""
    form = "\trepositoryformatversion = 0\n"
    if SHA256.search(_read(repository / "config")):
        form = "\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n"
    (place / "config").write_text(f"[core]\n\tbare = true\n{form}", encoding="utf-8")
    (place / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
    (place / "refs").mkdir()
    (place / "objects").mkdir()
    left, count = MOST, 0
    for path in _files(repository / "objects"):
        relative = path.relative_to(repository / "objects").as_posix()
        if not (LOOSE.fullmatch(relative) or PACK.fullmatch(relative)):
            continue
        left, count = left - path.lstat().st_size, count + 1
        if left < 0 or count > FILES:
            return
        target = place / "objects" / relative
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target, follow_symlinks=False)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the plain files in a folder's folders, links left out."""
    for inner in sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else ():
        if inner.is_dir() and not inner.is_symlink():
            yield from (path for path in sorted(inner.iterdir()) if path.is_file() and not path.is_symlink())


def _read(path: Path) -> bytes:
    try:
        if path.is_symlink() or not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError:
        return b""


def _read_all(place: Path) -> list[Object]:
    command = ["git", f"--git-dir={place}", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
    command += ["cat-file", "--batch-all-objects", "--batch", "--buffer"]
    as_root = os.geteuid() == 0
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_TERMINAL_PROMPT": "0",
        },
        preexec_fn=_limit,
        user=NOBODY if as_root else None,
        group=NOBODY if as_root else None,
        extra_groups=[] if as_root else None,
    ) as process:
        assert process.stdout is not None
        try:
            return list(_named(_batch(process.stdout)))
        finally:
            process.kill()


def _limit() -> None:
    """In the process to be: what a repository that was made to be trouble may take."""
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _batch(stream: IO[bytes]) -> Iterator[tuple[str, str, bytes]]:
    """ID, type and content of each object that `git cat-file --batch` writes."""
    left = MOST
    while header := stream.readline(200):
        words = header.decode("ascii", "replace").split()
        if len(words) != 3 or not words[2].isdigit():
            continue
        size = int(words[2])
        left -= size
        if left < 0:
            return
        data = stream.read(size)
        stream.read(1)
        yield words[0], words[1], data[:LARGEST]


def _named(found: Iterator[tuple[str, str, bytes]]) -> Iterator[Object]:
    """Yield the objects under names: those of files as some commit has them."""
    names: dict[str, str] = {}
    kept: list[tuple[str, str, bytes]] = []
    for identity, kind, data in found:
        if kind == "tree":
            names.update(_entries(data, len(identity) // 2))
        else:
            kept.append((identity, kind, data))
    for identity, kind, data in kept:
        name = (
            f"the message of a {kind}"
            if kind in ("commit", "tag")
            else f"the file {names.get(identity, identity[:12])}"
        )
        yield Object(f"{name} in its git history", data)


def _entries(tree: bytes, length: int) -> Iterator[tuple[str, str]]:
    """ID and name of each entry of a folder (git's documentation, "gitformat-pack" and "Git Objects")."""
    at = 0
    while (end := tree.find(b"\0", at)) > 0:
        name = tree[at:end].partition(b" ")[2].decode("utf-8", "replace")
        identity = tree[end + 1 : end + 1 + length]
        at = end + 1 + length
        yield identity.hex(), name
