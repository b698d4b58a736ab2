"""Characters that look like ASCII and are not, as web pages and word processors insert them."""

import unicodedata

QUOTES = "\u201a\u201e\u2033\uff02"
"""Quotation marks that Unicode does not count as opening or closing ones."""


def meant(character: str) -> str:
    """Return what has to stand in place of a character; empty for one that is what it looks like.

    Example: for U+00A0 it returns `a plain blank (U+0020) or a line end`.
    """
    if character.isascii() and character.isprintable():
        return ""
    category = unicodedata.category(character)
    if category in ("Zs", "Zl", "Zp") or character in "\v\f\x85":
        return "a plain blank (U+0020) or a line end"
    if category in ("Cc", "Cf"):
        return "no character that cannot be seen"
    if category in ("Pi", "Pf") or character in QUOTES:
        return 'a plain double quote, " (U+0022)'
    plain = unicodedata.normalize("NFKC", character)
    return f"a plain {plain}" if plain in ("{", "}", "#", "*", "/", ":", "-") else ""


def named(character: str) -> str:
    """Return a character's number and name, `U+00A0 (NO-BREAK SPACE)`."""
    return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"


def first(text: str) -> int:
    """Return the place of the first such character in a text, line ends and tabs apart; -1 without one."""
    found = (number for number, each in enumerate(text) if each not in "\r\n\t" and meant(each))
    return next(found, -1)


def shown(text: str) -> str:
    """Return a text with the numbers of such characters in their place: `<U+00A0>steps` for a blank that is none."""
    return "".join(f"<U+{ord(each):04X}>" if meant(each) else each for each in text)
