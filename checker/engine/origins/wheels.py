"""Getting Python packages as wheels through pip, and unpacking them.

pip runs here and not in the engine: it knows this machine's index, proxy and certificates, and the image
needs no pip. Which versions and which files is up to the lock file.
"""

import re
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from checker.engine.origins import OriginFailed
from checker.programs.fetching import quietly
from checker.programs.wheels import DOWNLOAD

DOWNLOAD_WITHIN = 300.0
"""Seconds pip may take."""

PYTHON = "3.11"
"""The Python in the images."""

GLIBC = 36
"""Minor version of the images' C library, Debian 12's 2.36. Wheels for an older one run too (PEP 600)."""

MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}

LIBRARIES = ("purelib", "platlib")
"""The folders of `NAME.data` that belong among the packages. The others hold scripts and the like."""


def locked(lock: Path) -> int:
    """Return how many packages a lock file names."""
    return len(re.findall(r"^[A-Za-z0-9][^\s=]*==", lock.read_text(encoding="utf-8"), re.MULTILINE))


def files(lock: Path, architecture: str, say: Callable[[str], None]) -> dict[str, bytes]:
    """Return what the locked packages are made of: path as in site-packages -> content. Raises
    OriginFailed."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-wheels-") as name:
        wheels = _delivered(lock, architecture, Path(name), say)
        return {path: data for wheel in wheels for path, data in unpacked(wheel)}


def whole(lock: Path, architecture: str, say: Callable[[str], None]) -> dict[str, bytes]:
    """Return the locked packages as they came: a wheel's file name -> content. Raises OriginFailed."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-wheels-") as name:
        return {wheel.name: wheel.read_bytes() for wheel in _delivered(lock, architecture, Path(name), say)}


def _delivered(lock: Path, architecture: str, folder: Path, say: Callable[[str], None]) -> list[Path]:
    say(f"Fetching {locked(lock)} Python packages with pip.")
    _download(lock, MACHINES[architecture], folder)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != locked(lock):
        raise OriginFailed(f"pip delivered {len(wheels)} of {locked(lock)} Python packages")
    return wheels


def unpacked(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a wheel that belong among the packages (wheel format, "Installing a wheel")."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = entry.filename
            first, _, rest = path.partition("/")
            if first.endswith(".data"):
                kind, _, path = rest.partition("/")
                if kind not in LIBRARIES:
                    continue
            if entry.is_dir() or path.startswith("/") or ".." in path.split("/"):
                continue
            yield path, archive.read(entry)


def _download(lock: Path, machine: str, folder: Path) -> None:
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(GLIBC, 4, -1)]
    command = [
        *DOWNLOAD,
        *("--implementation", "cp", "--python-version", PYTHON, "--abi", f"cp{PYTHON.replace('.', '')}"),
        *(word for platform in (*platforms, f"manylinux2014_{machine}") for word in ("--platform", platform)),
        *("--dest", str(folder), "--requirement", str(lock)),
    ]
    try:
        done = quietly(command, DOWNLOAD_WITHIN)
    except subprocess.TimeoutExpired as error:
        raise OriginFailed(f"pip took longer than {DOWNLOAD_WITHIN:.0f} s", everywhere=True) from error
    if done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = complaints[-1].removeprefix("ERROR: ") if complaints else done.stderr.strip()[-200:]
        raise OriginFailed(f"pip could not fetch the Python packages: {reason}")
