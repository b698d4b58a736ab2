"""Findings about tags that are spelt almost like the ones that were asked for."""

import re
from collections.abc import Iterable


def beside(wanted: str | Iterable[str], tags: Iterable[str]) -> str:
    """Return a sentence about tags that differ from those wanted by a word before them or by capitals; else nothing.

    Begins with a blank, to stand behind another sentence. Example: where `1.4.2` is wanted and `v1.4.2` is there, it
    says that the latter is another tag.
    """
    asked = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    near = {tag: name for tag in tags for name in asked if _near(tag, name) and tag not in asked}
    if not near:
        return ""
    shown = ", ".join(f"{tag} for {name}" for tag, name in near.items())
    return f" There is {shown}: to a registry that is another tag, as every letter counts."


def _near(tag: str, name: str) -> bool:
    before = r"(?:v|ver|version|r|rel|release)?[._-]?"
    return re.fullmatch(rf"{before}{re.escape(name)}", tag, re.IGNORECASE) is not None
