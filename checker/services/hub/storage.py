"""What the hub reads and removes in Distribution's own storage, where the registry's protocol has no way to
do it.

Distribution 2.8 cannot remove a tag by name, nor a repository. What it would do is what is done here: the
tag is a folder, and so are a repository's links; the blobs stay until garbage is collected.
"""

import shutil
from pathlib import Path


class Storage:
    """The folder that Distribution keeps repositories in."""

    def __init__(self, root: str) -> None:
        self._repositories = Path(root) / "docker/registry/v2/repositories"

    def digest(self, repository: str, tag: str) -> str | None:
        """Return what a tag points to, None if there is no such tag."""
        try:
            return (self._tag(repository, tag) / "current/link").read_text().strip()
        except (OSError, UnicodeDecodeError):
            return None

    def remove_tag(self, repository: str, tag: str) -> None:
        """Remove a tag, if it is there."""
        shutil.rmtree(self._tag(repository, tag), ignore_errors=True)

    def remove_repository(self, repository: str) -> None:
        """Remove all links of a repository, but nothing of repositories whose names go on from its name."""
        for part in ("_manifests", "_layers", "_uploads"):
            shutil.rmtree(self._repositories / repository / part, ignore_errors=True)

    def _tag(self, repository: str, tag: str) -> Path:
        return self._repositories / repository / "_manifests/tags" / tag
