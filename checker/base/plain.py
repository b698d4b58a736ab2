"""Make text from elsewhere safe to show on a terminal.

Findings quote tag names, labels, log lines and output that learners and images decide on. Such text
could colour, hide, reorder or erase what a person sees. Every renderer passes it through here first
and then escapes what its own format needs.
"""

import re

_CONTROL_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI (ECMA-48 5.4): colours, cursor moves
    r"|(?:\x1b\]|\x9d)[^\x00-\x1f\x7f-\x9f]*(?:\x07|\x1b\\|\x9c)"  # OSC on one line: titles, hyperlinks
)

_UNSAFE = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\xad\u061c\u180e\u200b\u200e\u200f"  # invisible, or direction marks
    "\u2028-\u202e\u2060-\u206f"  # line separators, bidirectional overrides and isolates
    "\ud800-\udfff"  # lone surrogates: bytes that were no UTF-8
    "\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e0fff"  # tags: a second, invisible alphabet
    "]"
)


LINE_LIMIT = 500


def plain(text: str) -> str:
    r"""Return `text` with only printable characters, newlines and tabs left.

    Complete terminal sequences (colours, titles, links) carry no words and are dropped. Every other
    control, invisible or direction-changing character is shown as an escape such as `\x1b` or
    `\u202e`, so that it is seen instead of obeyed. Carriage returns become newlines: what they would
    have overwritten stays visible.
    """
    text = _CONTROL_SEQUENCE.sub("", text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSAFE.sub(lambda match: visible(match[0]), text)


def plain_line(text: str) -> str:
    """Return `plain(text)` on one line: every run of white space becomes one space."""
    return " ".join(plain(text).split())


def visible(character: str) -> str:
    r"""Return one character written as an escape, like `\x1b`, `\u202e` or `\U000e0041`."""
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def unsafe_as_json(text: str) -> str:
    r"""Return finished JSON text with every unsafe character inside its strings as `\uXXXX`.

    The value a reader gets is unchanged; showing the file in a terminal or a browser is safe.
    """
    return _UNSAFE.sub(lambda match: _json_escape(match[0]), text)


def without_surrogates(text: str) -> str:
    """Return `text` with lone surrogates, which no UTF-8 document can hold, replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def tail(text: str, lines: int) -> str:
    """Return the last `lines` lines of `plain(text)`, saying so where something was left out.

    A line of more than 500 characters (a progress bar, a file printed by accident) is cut as well.
    """
    every = [_cut(line) for line in plain(text).rstrip("\n").split("\n")]
    if len(every) <= lines:
        return "\n".join(every)
    left_out = len(every) - lines
    noun = "line" if left_out == 1 else "lines"
    return "\n".join([f"... {left_out} earlier {noun} left out", *every[-lines:]])


def _cut(line: str) -> str:
    return line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]} ..."


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
