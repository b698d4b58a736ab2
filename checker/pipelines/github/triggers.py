"""What starts a workflow: events and their filters (GitHub Docs, "Workflow syntax", `on`)."""

import re
from collections.abc import Mapping
from functools import cache

import msgspec


class Trigger(msgspec.Struct, frozen=True):
    """One event below `on`. filters: its lists by name, as `branches`, `tags-ignore`, `paths`, `types`."""

    event: str
    line: int
    filters: Mapping[str, tuple[str, ...]] = {}

    def fires_for_branch(self, name: str) -> bool:
        """Return whether a push of this branch starts the workflow, whatever files it changes."""
        return self._fires(name, "branches", "tags")

    def fires_for_tag(self, name: str) -> bool:
        """Return whether a push of this tag starts the workflow."""
        return self._fires(name, "tags", "branches")

    def _fires(self, name: str, kind: str, other: str) -> bool:
        only, but = self.filters.get(kind), self.filters.get(f"{kind}-ignore")
        if only is not None:
            return selected(only, name)
        if but is not None:
            return not selected(but, name)
        # With a filter for one kind of ref only, the other kind starts nothing.
        return not {other, f"{other}-ignore"} & self.filters.keys()


def selected(patterns: tuple[str, ...], name: str) -> bool:
    """Return whether a list of filter patterns takes a name: the last one that fits decides ("Patterns to
    match branches and tags")."""
    taken = False
    for pattern in patterns:
        if _compiled(pattern.removeprefix("!")).fullmatch(name):
            taken = not pattern.startswith("!")
    return taken


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Return a filter pattern as a regular expression: `*` and `**`, `?` and `+` for what stands before,
    `[]`."""
    parts: list[str] = []
    rest = pattern
    while rest:
        if rest.startswith("**/") and (not parts or parts[-1] == "/"):
            part, rest = "(?:.*/)?", rest[3:]  # any folders, or none: docs/**/*.md takes docs/hello.md
        elif rest.startswith("*"):
            stars = len(rest) - len(rest.lstrip("*"))
            part, rest = ".*" if stars > 1 else "[^/]*", rest[stars:].lstrip("?+")
        elif rest[0] == "[" and (end := rest.find("]", 1)) > 1:
            part, rest = f"[{re.escape(rest[1:end]).replace(chr(92) + '-', '-')}]", rest[end + 1 :]
        else:
            literal = rest[1] if rest[0] == "\\" and len(rest) > 1 else rest[0]
            part, rest = re.escape(literal), rest[2 if literal != rest[0] else 1 :]
        if rest[:1] in ("?", "+"):
            part, rest = part + rest[0], rest[1:]
        parts.append(part)
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error:  # a class such as [z-a] matches nothing
        return re.compile(r"(?!)")
