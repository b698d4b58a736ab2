"""The output of an answer: passed on as it comes, and kept up to a limit."""

import codecs
from collections.abc import Callable

OUTPUT_LIMIT = 256 * 1024
"""Bytes of output kept of one answer; the rest is read and thrown away."""
Output = Callable[[str], None]


class KeptOutput:
    """Passes output on as text and keeps the first `OUTPUT_LIMIT` bytes of it."""

    def __init__(self, on_output: Output) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._on_output = on_output
        self._parts: list[str] = []
        self._room = OUTPUT_LIMIT
        self.truncated = False

    def add(self, data: bytes) -> None:
        if len(data) > self._room:
            self.truncated = True
        data = data[: self._room]
        self._room -= len(data)
        self._emit(self._decoder.decode(data))

    def note(self, text: str) -> None:
        """Add a sentence of ours to what the script says."""
        if text:
            self.add(f"[lab] {text}\n".encode())

    def close(self) -> None:
        self._emit(self._decoder.decode(b"", final=True))

    def _emit(self, text: str) -> None:
        if text:
            self._parts.append(text)
            self._on_output(text)

    @property
    def text(self) -> str:
        return "".join(self._parts)
