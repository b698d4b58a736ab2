"""Base images are made of Debian 12's packages, on whichever Debian they are made: names of packages and the Python in
them differ between releases, and so would what a scan finds.
"""

import subprocess
from pathlib import Path

from checker.base.cache import cache_dir

CODENAME, NUMBER = "bookworm", "12"
OS_RELEASE = Path("/etc/os-release")
KEYRINGS = tuple(Path(f"/usr/share/keyrings/debian-archive-keyring.{ending}") for ending in ("gpg", "pgp"))
MIRROR = "http://deb.debian.org/debian"


def options() -> list[str]:
    """Return the options by which apt-get downloads from Debian 12, with lists of its own in the cache.

    None where it does so by itself, and where Debian's keys are missing, as on Ubuntu: there it takes what it has.
    """
    keyring = next((path for path in KEYRINGS if path.exists()), None)
    if keyring is None or _number() == NUMBER:
        return []
    place = cache_dir() / f"debian-{NUMBER}"
    (place / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (place / "sources.list").write_text(
        f"deb [signed-by={keyring}] {mirror()} {CODENAME} main\n", encoding="utf-8"
    )
    settings = {
        "Dir::Etc::SourceList": place / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": place / "lists",
        "Dir::State::Status": "/dev/null",  # of what is installed here it would take no older version
        "Dir::Cache": place,
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _number() -> str:
    """Return the release of this machine, as in VERSION_ID (os-release(5)); empty if it is no Debian."""
    try:
        lines = OS_RELEASE.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    about = {name: value.strip("\"'") for name, _, value in (line.partition("=") for line in lines)}
    return about.get("VERSION_ID", "") if about.get("ID") == "debian" else ""


def mirror() -> str:
    """Return the address of Debian's packages that this machine uses already; the public one if that is not
    known."""
    try:
        asked = subprocess.run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)"],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return MIRROR
    known = (line.strip().rstrip("/") for line in asked.stdout.splitlines())
    return next((address for address in known if address.endswith("/debian")), MIRROR)
