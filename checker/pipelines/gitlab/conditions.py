"""Expressions of `rules: if` and of `only: variables`, read and evaluated as GitLab does.

GitLab Docs, "CI/CD variable expressions": `==`, `!=`, `=~`, `!~`, `&&`, `||` and parentheses over variables, quoted
texts, regular expressions and `null`. Three rules surprise people, and hold here as well: a text in quotes is that
text, also where it has a `$` in it; variables within a variable's value are not expanded; `$A && $B` is true for
an empty `$A`.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import msgspec

from checker.pipelines.gitlab import refpolicy

Variables = Mapping[str, str]
Value = str | bool | None
Evaluate = Callable[[Variables], Value]

MOST_TOKENS = 100
"""GitLab refuses longer expressions."""
TOKEN = re.compile(
    r"""\s*(?:
    (?P<open>\()|(?P<close>\))
    |\$(?P<variable>\w+)
    |"(?P<double>[^"\n]*)"|'(?P<single>[^'\n]*)'
    |(?P<pattern>/(?:[^/]|\\/)+[^\\]/[ismU]*)
    |(?P<word>null|true|false)\b
    |(?P<operator>==|=~|!=|!~|&&|\|\|)
    )""",
    re.VERBOSE,
)
BINDS = {"==": 3, "!=": 3, "=~": 3, "!~": 3, "&&": 2, "||": 1}
WORDS: Mapping[str, Value] = {"null": None, "true": True, "false": False}


class BadExpression(Exception):
    """The text is no expression: GitLab refuses the whole file. The message says what is wrong in it."""


class ConditionToken(msgspec.Struct, frozen=True):
    """kind: open, close, variable, text, pattern, word or operator."""

    kind: str
    text: str


def holds(expression: str, variables: Variables) -> bool:
    """Return whether the condition is fulfilled. Raises BadExpression.

    >>> holds('$CI_COMMIT_BRANCH == "main"', {"CI_COMMIT_BRANCH": "main"})
    True
    """
    value = read(expression)(variables)
    return value is True or (isinstance(value, str) and bool(value.strip()))


@cache
def read(expression: str) -> Evaluate:
    """Turn the text into a function of the variables. Raises BadExpression."""
    tokens = list(_tokens(expression))
    if not tokens:
        raise BadExpression("it is empty")
    reader = _ConditionReader(tokens)
    found = reader.above(0)
    reader.end()
    return found


def variables_in_texts(expression: str) -> tuple[str, ...]:
    """Texts in quotes that name a variable: they are compared as they stand. Raises BadExpression."""
    return tuple(
        token.text
        for token in _tokens(expression)
        if token.kind == "text" and re.search(r"\$\w", token.text) and not token.text.startswith("/")
    )


def variables_of(expression: str) -> tuple[str, ...]:
    """Return the names of the variables in an expression. Raises BadExpression."""
    return tuple(token.text for token in _tokens(expression) if token.kind == "variable")


def _tokens(expression: str) -> Iterator[ConditionToken]:
    at, count = 0, 0
    end = len(expression.rstrip())
    while at < end:
        found = TOKEN.match(expression, at)
        if found is None:
            said = expression[at:].strip()[:40]
            raise BadExpression(f"{said} is no variable, no text in quotes and no operator")
        kind = str(found.lastgroup)
        yield ConditionToken("text" if kind in ("double", "single") else kind, str(found[kind]))
        at, count = found.end(), count + 1
        if count > MOST_TOKENS:
            raise BadExpression(f"it has more than {MOST_TOKENS} parts")


class _ConditionReader:
    """Reads by precedence, the operators of one level from left to right."""

    def __init__(self, tokens: list[ConditionToken]) -> None:
        self._tokens = tokens
        self._at = 0

    def above(self, level: int) -> Evaluate:
        left = self._operand()
        while (token := self._next()) and BINDS.get(token.text, 0) > level and token.kind == "operator":
            self._at += 1
            left = _joined(token.text, left, self.above(BINDS[token.text]))
        return left

    def end(self) -> None:
        if token := self._next():
            raise BadExpression(f"an operator is missing before {token.text!r}")

    def _next(self) -> ConditionToken | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _operand(self) -> Evaluate:
        token = self._next()
        if token is None:
            raise BadExpression("something is missing at its end")
        self._at += 1
        if token.kind == "open":
            found = self.above(0)
            closing = self._next()
            if closing is None or closing.kind != "close":
                raise BadExpression("a parenthesis is not closed")
            self._at += 1
            return found
        if token.kind == "variable":
            return lambda variables: variables.get(token.text)
        if token.kind == "text":
            return lambda _: token.text
        if token.kind == "pattern":
            if _pattern(token.text) is None:
                raise BadExpression(f"GitLab (RE2) cannot read the regular expression {token.text}")
            return lambda _: token.text
        if token.kind == "word":
            return lambda _: WORDS[token.text]
        raise BadExpression(f"something is missing before {token.text!r}")


def _joined(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    if operator == "&&":  # as in Ruby, where an empty text counts as true
        return lambda known: right(known) if left(known) not in (None, False) else left(known)
    if operator == "||":
        return lambda known: left(known) if left(known) not in (None, False) else right(known)
    if operator == "==":
        return lambda known: _same(left(known), right(known))
    if operator == "!=":
        return lambda known: not _same(left(known), right(known))
    wanted = operator == "=~"
    return lambda known: _matches(left(known), right(known)) is wanted


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


def _matches(text: Value, pattern: Value) -> bool:
    if not isinstance(pattern, str):
        return False
    text = text if isinstance(text, str) else ""
    expression = _pattern(pattern)
    if expression is None:
        return text in pattern  # GitLab turns the two round where the right one is no regular expression
    return expression.search(text) is not None


def _pattern(text: str) -> "re.Pattern[str] | None":
    """Return the regular expression between slashes, also that of a variable's value."""
    found = re.fullmatch(r"/((?:[^/]|\\/)+[^\\])/([ismU]*)", text, re.DOTALL)
    return refpolicy.compiled(found[1].replace(r"\/", "/"), found[2]) if found else None
