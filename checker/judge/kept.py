"""Results that checks keep from one look to the next while one workspace is judged."""

import tempfile
from collections.abc import Callable, Hashable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """Facts that go by content, such as what a scan of an image ID says; never what a name or a tag means.

    own: where the folder is made; the usual place if None. Example, in a check that starts something expensive:

        kept.once(("scan", image.id), lambda: scan(image.id))
    """

    def __init__(self, closing: ExitStack, own: Path | None = None) -> None:
        self._closing = closing
        self._own = own
        self._facts: dict[Hashable, Any] = {}

    @cached_property
    def folder(self) -> Path:
        """A folder of the checker's own, removed when everything is judged."""
        made = tempfile.TemporaryDirectory(prefix="registry-lab-", dir=self._own, ignore_cleanup_errors=True)
        return Path(self._closing.enter_context(made)).resolve()

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returned for an equal key the first time. What it raises is not kept."""
        if key not in self._facts:
            self._facts[key] = make()
        found: T = self._facts[key]
        return found
