"""Scopes: what a client asks a token for (Distribution, "Token Scope Documentation").

    resourcescope := resourcetype ":" resourcename ":" action ["," action]*

A scope that is not of this form, or of a type that is not known here, is not an error: it grants nothing.
"""

import re

import msgspec

COMPONENT = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{COMPONENT}(?:/{COMPONENT})*")
"""What Distribution takes for the name of a repository; the whole text has to match."""
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")
ACTIONS = ("pull", "push", "delete")
"""What can be done with a repository, in the order it is written in."""
MOST = 64
"""Scopes looked at in one request: a token is a header, and headers have an end."""


class Access(msgspec.Struct, frozen=True):
    """One entry of a token's `access` claim. An empty `actions` is never put into a token."""

    type: str
    name: str
    actions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.type}:{self.name}:{','.join(self.actions)}"


def is_repository(name: str) -> bool:
    """Tell whether Distribution would take this as the name of a repository (at most 255 characters)."""
    return len(name) <= 255 and REPOSITORY.fullmatch(name) is not None


def parse(texts: list[str]) -> list[Access]:
    """Read the values of all `scope` parameters; each may hold several, parted by blanks.

    What is not a scope of a known type with a proper name is left out. `*` as an action of a repository
    stands for all of `ACTIONS`, so that it never reaches a token: Distribution would take it for every
    action there is.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for scope in " ".join(texts).split()[:MOST]:
        kind, _, rest = scope.partition(":")
        name, colon, actions = rest.rpartition(":")
        if not colon:
            continue
        asked = {action for action in actions.split(",") if action}
        if kind == "repository" and is_repository(name):
            known = set(ACTIONS) if "*" in asked else asked & set(ACTIONS)
        elif kind == "registry" and name == "catalog":
            known = asked & {"*"}
        else:
            continue
        found.setdefault((kind, name), set()).update(known)
    return [
        Access(kind, name, tuple(action for action in (*ACTIONS, "*") if action in actions))
        for (kind, name), actions in found.items()
    ]


def cut(asked: Access, allowed: frozenset[str]) -> Access:
    """Leave of what was asked for only what is allowed."""
    return Access(asked.type, asked.name, tuple(action for action in asked.actions if action in allowed))
