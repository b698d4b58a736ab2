"""Layers on disk and what is seen when they are on top of each other, by the kernel's overlay file system."""

import hashlib
import os
import shutil
import stat
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from checker.sandbox import linux
from checker.sandbox.layers import changeset
from checker.sandbox.layers.changeset import Sink

SHORT = "l"
"""A folder of short names for layers: those below one have to fit into a page (mount(2))."""
ADDED, CHANGED, REMOVED = 1, 0, 2
"""Kinds of changes, as engines number them."""


class Layers:
    """A folder for each layer: its changes in `diff`, and `lower`, which names those below it, the nearest first.

    home: becomes the working folder of this process. Methods raise OSError, and LookupError for no such layer.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._used: Counter[str] = Counter()
        self._lock = threading.Lock()
        (home / SHORT).mkdir(parents=True, exist_ok=True)
        os.chdir(home)

    def exists(self, layer: str) -> bool:
        return bool(layer) and (self._home / layer / "diff").is_dir()

    def place(self, layer: str) -> Path:
        """Return the layer's own folder."""
        if not self.exists(layer):
            raise LookupError(f"there is no layer {layer}")
        return self._home / layer

    def create(self, layer: str, parent: str) -> None:
        below = [_short(parent), *self._lower(parent)] if parent else []
        place = self._home / layer
        for name in ("", "diff", "work", "merged"):
            (place / name).mkdir(mode=0o755 if name == "diff" else 0o711)
        Path(_short(layer)).symlink_to(f"../{layer}/diff")
        (place / "parent").write_text(parent)
        (place / "lower").write_text(":".join(below))

    def remove(self, layer: str) -> None:
        """Whatever is there of it: it may have been made half, or be removed already."""
        with self._lock:
            if self._used.pop(layer, 0):
                self._unmount(layer)
        Path(_short(layer)).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(self._home / layer)

    def mounted(self, layer: str) -> Path:
        """Return a folder with the layer and all below it, until `release` was called as often."""
        place = self.place(layer)
        lower = self._lower(layer)
        if not lower:
            return place / "diff"
        with self._lock:
            if not self._used[layer]:
                folders = f"lowerdir={':'.join(lower)},upperdir={place}/diff,workdir={place}/work"
                linux.mount("overlay", place / "merged", "overlay", 0, f"{folders},userxattr")
            self._used[layer] += 1
        return place / "merged"

    def release(self, layer: str) -> None:
        with self._lock:
            if self._used[layer]:
                self._used[layer] -= 1
                if not self._used[layer]:
                    self._unmount(layer)

    def release_all(self) -> None:
        with self._lock:
            for layer in list(+self._used):
                self._unmount(layer)
            self._used.clear()

    def pack(self, layer: str, parent: str, sink: Sink) -> None:
        """What the layer changes in the one below it, as an archive; without `parent` all that is seen of it."""
        if parent == self._read(layer, "parent"):
            changeset.pack(self.place(layer) / "diff", sink)
        elif parent:
            raise LookupError(f"{parent} is not right below {layer}")
        else:
            with self._seen(layer) as place:
                changeset.pack(place, sink)

    def unpack(self, layer: str, stream: IO[bytes]) -> int:
        """Put an archive of changes into a new layer; the size of its files in bytes. Raises tarfile.TarError too."""
        place = self.place(layer) / "diff"

        def inside() -> int:
            linux.unshare(linux.FS)  # the root of this thread alone, which ends here
            os.chroot(place)
            os.chdir("/")
            return changeset.unpack(stream, Path("/"))

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(inside).result()

    def changes(self, layer: str, parent: str) -> list[tuple[str, int]]:
        """Paths that differ from the layer below, and how."""
        upper = self.place(layer) / "diff"
        if not parent:
            return _changes(upper, None)
        with self._seen(parent) as below:
            return _changes(upper, below)

    def size(self, layer: str) -> int:
        """Bytes in the files and links that the layer changes."""
        found = (about for _, about in changeset.entries(self.place(layer) / "diff"))
        return sum(
            {about.st_ino: about.st_size for about in found if not stat.S_ISDIR(about.st_mode)}.values()
        )

    def folders(self, layer: str) -> dict[str, str]:
        """Return where the layer is, under the names engines have for it."""
        place = self.place(layer)
        found = {"UpperDir": f"{place}/diff", "WorkDir": f"{place}/work", "MergedDir": f"{place}/merged"}
        if lower := self._lower(layer):
            found["LowerDir"] = ":".join(str(self._home / name) for name in lower)
        return found

    @contextmanager
    def _seen(self, layer: str) -> Iterator[Path]:
        place = self.mounted(layer)
        try:
            yield place
        finally:
            self.release(layer)

    def _read(self, layer: str, name: str) -> str:
        return (self.place(layer) / name).read_text()

    def _lower(self, layer: str) -> list[str]:
        return list(filter(None, self._read(layer, "lower").split(":")))

    def _unmount(self, layer: str) -> None:
        linux.unmount(self._home / layer / "merged")


def _short(layer: str) -> str:
    return f"{SHORT}/{hashlib.sha256(layer.encode()).hexdigest()[:12]}"


def _changes(upper: Path, below: Path | None) -> list[tuple[str, int]]:
    found = []
    for name, about in changeset.entries(upper):
        here = below and below / name
        if changeset.removed(about):
            found.append((f"/{name}", REMOVED))
            continue
        found.append((f"/{name}", CHANGED if here and os.path.lexists(here) else ADDED))
        if here and stat.S_ISDIR(about.st_mode) and here.is_dir() and changeset.opaque(upper / name):
            hidden = changeset.names(here) - changeset.names(upper / name)
            found += [(f"/{name}/{each}", REMOVED) for each in sorted(hidden)]
    return found
