"""Running Trivy with the lab's own advisories, or with Trivy's, and the environment in which it does so.

Offline is the rule: with a database that is there and new enough, and these settings, Trivy asks nobody. The
names are those that Trivy derives from its flags.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault
from checker.base.lock import alone
from checker.base.pace import scaled, too_slow
from checker.programs import tools
from checker.scanning import database

CHOICE = "REGISTRY_LAB_ADVISORIES"
"""Setting: `lab`, the rule, or `online`."""

QUIET = {
    "TRIVY_DISABLE_TELEMETRY": "true",
    "TRIVY_NO_PROGRESS": "true",
    "TRIVY_SKIP_VERSION_CHECK": "true",
}
OFFLINE = {
    "TRIVY_OFFLINE_SCAN": "true",
    "TRIVY_SKIP_CHECK_UPDATE": "true",
    "TRIVY_SKIP_JAVA_DB_UPDATE": "true",
    "TRIVY_SKIP_VEX_REPO_UPDATE": "true",
}

DOWNLOAD_WITHIN = 600.0
SCAN_WITHIN = 120.0
"""Seconds."""


class TrivyRun(msgspec.Struct, frozen=True):
    """What one run of Trivy gave. said: its standard error."""

    exit_code: int
    output: bytes
    said: str


def environment(cache: Path, *, online: bool = False) -> dict[str, str]:
    """Return what makes a plain `trivy image X` work: settings, and the database in the folder that they
    name.

    cache: a folder of its own for whoever runs Trivy, which locks it. online: use Trivy's database; also with
    the setting REGISTRY_LAB_ADVISORIES=online. A scan with another, empty cache still asks for its database
    where it is told to, so that `--db-repository` works as always. Raises EnvironmentFault.
    """
    online = online or wants_online()
    try:
        if online:
            _link(_online(), cache / "db")
        elif not _current(cache / "db"):
            database.own().write(cache / "db")
    except OSError as error:
        raise EnvironmentFault(
            f"The advisory database cannot be put into {cache} ({error.strerror}).", "Make room there."
        ) from error
    return {"TRIVY_CACHE_DIR": str(cache), **QUIET, **({} if online else OFFLINE)}


def wants_online() -> bool:
    """Return whether the user asked for Trivy's own database. Raises EnvironmentFault for any other value."""
    choice = os.environ.get(CHOICE, "").strip() or "lab"
    if choice not in ("lab", "online"):
        raise EnvironmentFault(
            f"{CHOICE} is {choice!r}, which names no advisories.", "Set it to lab or online, or leave it out."
        )
    return choice == "online"


def run(
    arguments: Sequence[str], environment: Mapping[str, str], *, seconds: float = SCAN_WITHIN
) -> TrivyRun:
    """Run Trivy with nothing but this environment. Raises EnvironmentFault if it cannot be run or hangs."""
    command = [str(tools.program("trivy")), *arguments]
    try:
        done = subprocess.run(
            command,
            env=dict(environment),
            cwd="/",  # else a trivy.yaml or .trivyignore that happens to lie here would have a say
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=scaled(seconds),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise too_slow(f"Trivy did not end within {error.timeout:.0f} s") from error
    except OSError as error:
        raise EnvironmentFault(
            f"Trivy cannot be run ({error.strerror}).", "Run `lab doctor --fix`."
        ) from error
    return TrivyRun(done.returncode, done.stdout, done.stderr.decode("utf-8", "replace"))


def reason(said: str) -> str:
    """Return the cause that Trivy gave for failing, in one line."""
    fatal = [line for line in said.splitlines() if "FATAL" in line or "Error:" in line] or said.splitlines()
    last = fatal[-1].split("\t", 2)[-1] if fatal else "no reason given"
    return " ".join(last.split())[-300:]


def _current(folder: Path) -> bool:
    """Return whether the lab's own database, and no other, is in a folder."""
    own = database.own()
    try:
        found = (folder / database.METADATA).read_bytes(), (folder / database.DATABASE).read_bytes()
    except OSError:
        return False
    return found == (own.metadata, own.data)


def download_command(cache: Path) -> list[str]:
    """Return the arguments by which Trivy gets its own database into a cache."""
    return ["image", "--download-db-only", "--cache-dir", str(cache)]


def _online() -> Path:
    """Return the folder with Trivy's own database, brought up to date with Trivy itself."""
    cache = cache_dir() / "trivy-online"
    with alone("advisories", "fetching advisories", lambda _: None):
        if not _fresh(cache / "db" / database.METADATA):
            user = {name: value for name, value in os.environ.items() if not name.startswith("TRIVY_")}
            done = run(download_command(cache), {**user, **QUIET}, seconds=DOWNLOAD_WITHIN)
            if done.exit_code:
                raise EnvironmentFault(
                    f"Trivy could not fetch its database ({reason(done.said)}).",
                    "Get online, or leave --online and REGISTRY_LAB_ADVISORIES out to use the lab's own.",
                )
    return cache / "db"


def _fresh(metadata: Path) -> bool:
    with suppress(OSError, ValueError, KeyError, TypeError):
        due = msgspec.json.decode(metadata.read_bytes())["NextUpdate"]
        return datetime.now(UTC) < datetime.fromisoformat(due)
    return False


def _link(source: Path, target: Path) -> None:
    """Give a folder the same database without copying it, where the file system can."""
    target.mkdir(parents=True, exist_ok=True)
    for name in (database.DATABASE, database.METADATA):
        made = target / f".{name}"
        made.unlink(missing_ok=True)
        try:
            os.link(source / name, made)
        except OSError:
            shutil.copyfile(source / name, made)
        made.replace(target / name)
