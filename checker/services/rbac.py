"""`registry-rbac.conf`: which role may do what with which repositories.

    # A comment goes on to the end of its line.
    role developer {
      repositories "team/*" "tools/app"   # names of repositories, or patterns
      actions pull push                   # of: pull push delete

      repositories "archive/**"           # as many such pairs as needed
      actions pull

      registry catalog audit              # of: catalog (list all repositories), audit (read who did what)
    }

In a pattern `*` stands for any characters within one component of a name, `**` for any characters at all, `/`
included. What no rule allows is denied. Nothing implies anything else: whoever pushes images needs pull as
well. Blanks and line ends only part words.

This module reads no files and knows no service, so that a checker can use it as it is.
"""

import codecs
import re
from functools import cache
from typing import Any

import msgspec

from checker import lookalikes

LARGEST = 64 * 1024
"""Bytes of a file."""
ACTIONS = ("pull", "push", "delete")
RIGHTS = ("catalog", "audit")

_GRAMMAR = r"""
start: role*
role: "role" NAME "{" _rule* "}"
_rule: pair | rights
pair: "repositories" PATTERN+ "actions" ACTION+
rights: "registry" RIGHT+

NAME: /[A-Za-z][A-Za-z0-9_-]*(?![^\s{}"#])/
PATTERN: /"[^"\n]*"/
ACTION: /(pull|push|delete)(?![^\s{}"#])/
RIGHT: /(catalog|audit)(?![^\s{}"#])/
COMMENT: /#[^\n]*/
%ignore COMMENT
%ignore /[ \t\r\n]+/
"""
_SPOKEN = {
    "ROLE": "the word role",
    "NAME": "the name of a role",
    "LBRACE": "{",
    "REPOSITORIES": "the word repositories",
    "PATTERN": 'a repository in double quotes, like "team/*"',
    "ACTIONS": "the word actions",
    "ACTION": "one of pull, push, delete",
    "REGISTRY": "the word registry",
    "RIGHT": "one of catalog, audit",
    "RBRACE": "}",
    "$END": "the end of the file",
}
_SEEN = re.compile(r'"[^"\n]*"?|[^\s{}"#]+|\S')
_COMPONENT = r"[a-z0-9*](?:[a-z0-9._*-]*[a-z0-9*])?"
_PATTERN = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


class RbacError(Exception):
    """A file that is refused. line, column: from 1, where it goes wrong."""

    def __init__(self, line: int, column: int, expected: str, seen: str) -> None:
        super().__init__(f"line {line}, column {column}: expected {expected}, but there is {seen}")
        self.line, self.column, self.expected, self.seen = line, column, expected, seen


class Rule(msgspec.Struct, frozen=True):
    """Actions on repositories whose names match one of the patterns."""

    repositories: tuple[str, ...]
    actions: tuple[str, ...]


class Role(msgspec.Struct, frozen=True):
    """What one role may do. registry: rights that concern no single repository."""

    rules: tuple[Rule, ...] = ()
    registry: tuple[str, ...] = ()

    def actions(self, repository: str) -> frozenset[str]:
        """Return what this role may do with a repository."""
        return frozenset(
            action
            for rule in self.rules
            if any(matches(pattern, repository) for pattern in rule.repositories)
            for action in rule.actions
        )


class Rbac(msgspec.Struct, frozen=True):
    """A whole file."""

    roles: dict[str, Role]

    def role(self, name: str) -> Role:
        """Return a role; one that is not in the file may do nothing."""
        return self.roles.get(name, Role())


def matches(pattern: str, repository: str) -> bool:
    """Tell whether a repository's name fits a pattern; the time needed grows with the product of their
    lengths.
    """
    parts = re.findall(r"\*\*|\*|[^*]", pattern)

    def skip(places: set[int]) -> set[int]:
        # A star may stand for nothing.
        for place in sorted(places):
            while place < len(parts) and parts[place] in ("*", "**"):
                place += 1
                places.add(place)
        return places

    places = skip({0})
    for character in repository:
        following: set[int] = set()
        for place in places:
            part = parts[place] if place < len(parts) else ""
            if part == "**" or (part == "*" and character != "/"):
                following.add(place)
            elif part == character:
                following.add(place + 1)
        places = skip(following)
        if not places:
            return False
    return len(parts) in places


def parse(content: bytes) -> Rbac:
    """Read a file. Raises RbacError at the first thing that is wrong with it."""
    if len(content) > LARGEST:
        raise RbacError(1, 1, f"at most {LARGEST} bytes", f"a file of {len(content)} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise RbacError(1, 1, "text in UTF-8", "the mark of UTF-16") from None
        line, column = _place(content[: error.start].decode("utf-8-sig", errors="replace"))
        raise RbacError(line, column, "text in UTF-8", f"the byte {content[error.start]:#04x}") from None
    tree = _tree(text)
    for token in tree.scan_values(lambda value: value.type == "PATTERN"):
        _refuse_look_alike(text, token.start_pos)
    return _rbac(tree)


def _tree(text: str) -> Any:
    import lark

    try:
        return _parser().parse(text)
    except lark.UnexpectedCharacters as error:
        _refuse_look_alike(text, error.pos_in_stream or 0)
        seen = _seen(text, error.pos_in_stream or 0)
        raise RbacError(error.line, error.column, _expected(error.allowed or ()), seen) from None
    except lark.UnexpectedToken as error:
        if error.token.type == "$END":
            line, column = _place(text)
            raise RbacError(line, column, _expected(error.expected), "the end of the file") from None
        _refuse_look_alike(text, error.token.start_pos or 0)
        seen = _seen(text, error.token.start_pos or 0)
        raise RbacError(error.line, error.column, _expected(error.expected), seen) from None


@cache
def _parser() -> Any:
    import lark

    return lark.Lark(_GRAMMAR, parser="lalr", lexer="contextual")


def _rbac(tree: Any) -> Rbac:
    roles: dict[str, Role] = {}
    for role in tree.children:
        name, *parts = role.children
        if str(name) in roles:
            raise RbacError(name.line, name.column, "the name of a role that is not there yet", str(name))
        rules, rights = [], []
        for part in parts:
            if part.data == "rights":
                rights += [str(token) for token in part.children]
            else:
                patterns = [_pattern(token) for token in part.children if token.type == "PATTERN"]
                actions = [str(token) for token in part.children if token.type == "ACTION"]
                rules.append(Rule(_unique(patterns), _unique(actions)))
        roles[str(name)] = Role(tuple(rules), _unique(rights))
    return Rbac(roles)


def _pattern(token: Any) -> str:
    pattern = str(token)[1:-1]
    if len(pattern) > 255 or "***" in pattern or not _PATTERN.fullmatch(pattern):
        expected = "the name of a repository in lower case, without a registry or a tag, with * or ** in it"
        raise RbacError(token.line, token.column, expected, str(token)[:80])
    return pattern


def _unique(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))


def _expected(terminals: Any) -> str:
    spoken = [words for name, words in _SPOKEN.items() if name in terminals]
    return " or ".join(spoken) or "something else"


def _seen(text: str, place: int) -> str:
    found = _SEEN.match(text, place)
    return found[0][:80] if found else "the end of the file"


def _refuse_look_alike(text: str, place: int) -> None:
    """Raise RbacError for the first character of the word at `place` that only looks like one of the file's own.

    A page or a word processor gives them: blanks that do not part words, marks without a width, bent quotes.
    """
    word = re.compile(r'"[^"\n]*"?|[^ \t\r\n{}"#]+').match(text, place)
    for number, character in enumerate(word[0] if word else ""):
        if meant := lookalikes.meant(character):
            line, column = _place(text[: place + number])
            raise RbacError(line, column, meant, lookalikes.named(character))


def _place(before: str) -> tuple[int, int]:
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
