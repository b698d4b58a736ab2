"""The cache folder: files that belong to the user and to no workspace."""

import os
from pathlib import Path


def cache_dir() -> Path:
    """Return the documented cache: `$REGISTRY_LAB_CACHE`, else `$XDG_CACHE_HOME/registry-lab`, else `~/.cache`."""
    if named := os.environ.get("REGISTRY_LAB_CACHE"):
        return Path(named).absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else home() / ".cache") / "registry-lab"


def home() -> Path:
    """Return the user's home; the root folder where HOME is not set and the system knows no such user."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/")
