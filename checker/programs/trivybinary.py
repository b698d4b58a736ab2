"""Tell the version of a Trivy binary without running it.

In March 2026 attackers published releases of Trivy (CVE-2026-33634). Asking such a program for its version
would be too late, so the version is read from what Go's linker writes into every program (runtime/debug,
BuildInfo).
"""

import mmap
import re
import shutil
from functools import lru_cache
from pathlib import Path

import msgspec

MALICIOUS = ("0.69.4", "0.69.5", "0.69.6")
"""Releases that attackers made."""

OLDEST = (0, 67)
"""The oldest that is known to read this project's database and settings."""

BELOW = (1, 0)

BUILD_INFO = re.compile(rb"\tgithub\.com/aquasecurity/trivy\tv(\d+\.\d+\.\d+)[\t\n+-]")


class Own(msgspec.Struct, frozen=True):
    """The Trivy on the PATH. version: empty if it cannot be told. refused: why it is not used, or empty."""

    path: Path
    version: str
    refused: str


def own() -> Own | None:
    """Return the machine's own Trivy; None if there is none on the PATH. Runs nothing."""
    found = shutil.which("trivy")
    if found is None:
        return None
    path = Path(found)
    version = version_of(path)
    return Own(path, version, _against(path, version))


def usable() -> Path | None:
    """Return the machine's own Trivy, if it is one to use."""
    found = own()
    return found.path if found and not found.refused else None


def version_of(path: Path) -> str:
    """Return the version in a program's build information, like `0.76.0`; empty if it has none."""
    try:
        about = path.stat()
        return _version(path, about.st_size, about.st_mtime_ns)
    except (OSError, ValueError):
        return ""


@lru_cache(maxsize=8)
def _version(path: Path, _size: int, _changed: int) -> str:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        found = BUILD_INFO.search(data)
        return found[1].decode() if found else ""


def _against(path: Path, version: str) -> str:
    if version in MALICIOUS:
        return (
            f"{path} is Trivy {version}, which attackers published (CVE-2026-33634). It is not run. "
            "Remove it, and change every password and token that it could read."
        )
    if not version:
        return f"{path} does not tell which Trivy it is, so the lab uses one of its own."
    numbers = tuple(map(int, version.split(".")))
    if not OLDEST <= numbers < BELOW:
        least = ".".join(map(str, OLDEST))
        return f"{path} is Trivy {version}; the lab knows {least} and newer, so it uses one of its own."
    return ""
