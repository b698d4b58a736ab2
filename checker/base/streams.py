"""Output for terminals and pipes that cannot show every character."""

import codecs
import sys
from io import TextIOWrapper

HANDLER = "registry-lab-plain"
ASCII = "registry-lab-ascii"

PLAIN = {
    "│": "|", "┃": "|", "─": "-", "━": "-", "┼": "+", "╇": "+", "╭": "+", "╮": "+", "╰": "+", "╯": "+",
    "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": ".", "•": "*", "·": ".",
    "✓": "+", "✗": "x", "→": ">", "≥": ">", "≤": "<", "×": "x", "\u00a0": " ",
}  # fmt: skip
"""What the lab's own texts and tables use, each as one character, so that columns stay columns."""


def make_lenient() -> None:
    """Let what a stream cannot show be replaced, instead of ending the command with an error.

    Drawn lines and marks become their plain look-alikes, anything else a question mark. Example: with
    `PYTHONIOENCODING=ascii`, `✗ zoë` is written as `x zo?`.
    """
    codecs.register_error(HANDLER, _replace)
    codecs.register(_own_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # click takes plain ASCII for a mistake of the system's and writes UTF-8; it is what was asked for.
            ascii_ = codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=ASCII if ascii_ else None, errors=HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(each, "?") for each in error.object[error.start : error.end]), error.end


def _own_ascii(name: str) -> codecs.CodecInfo | None:
    if name.replace("_", "-") != ASCII:
        return None
    found = codecs.lookup("ascii")
    return codecs.CodecInfo(
        name=ASCII,
        encode=found.encode,
        decode=found.decode,
        streamreader=found.streamreader,
        streamwriter=found.streamwriter,
        incrementalencoder=found.incrementalencoder,
        incrementaldecoder=found.incrementaldecoder,
    )
