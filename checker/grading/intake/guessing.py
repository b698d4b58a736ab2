"""Whose a submission is where there is no roster: what its folders' names say."""

from collections.abc import Sequence

from checker.archives.names import stem
from checker.archives.platforms import named
from checker.archives.words import says_nothing, without_copy
from checker.base.results import Person


def guess(trail: Sequence[str], siblings: Sequence[str] = ()) -> Person | None:
    """Return whose a submission is where there is no roster: what the outermost name says that is about a
    person.

    siblings: the names beside it where they are repositories of one assignment, `<assignment>-<login>`.
    """
    if not trail:
        return None
    for part in trail:
        if found := named(stem(part)):
            login = found.logins[-1] if found.logins else ""
            if found.kind == "gradescope":
                return Person(identifier=stem(part))
            return Person(identifier=login or found.number, name=found.name, login=login)
    telling = next((part for part in trail if not says_nothing(stem(part))), trail[0])
    name = stem(telling)
    prefix = assignment(siblings)
    if prefix and name.startswith(prefix):
        login = name[len(prefix) :]
        return Person(identifier=login, login=login)
    return Person(identifier=without_copy(name)) if name else None


def assignment(names: Sequence[str]) -> str:
    """Return what the names of an assignment's repositories begin with, the last hyphen included; empty if
    nothing."""
    if len(names) < 2:
        return ""
    low, high = min(names), max(names)
    common = next((at for at, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[: low.rfind("-", 0, common) + 1]
