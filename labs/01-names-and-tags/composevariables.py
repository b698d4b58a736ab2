"""Variables in a Compose file and in the `.env` beside it, filled in as `docker compose` does.

Compose specification, 12-interpolation.md: `$NAME` and `${NAME}`, with `:-`, `-`, `:?`, `?`, `:+`, `+` and a text
behind the name, which may have variables itself; `$$` is a `$`. A variable that is set nowhere is empty.
"""

import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")


class Unfilled(Exception):
    """Variables cannot be filled in. The text says why, as the end of a sentence."""


def fill(text: str, environment: Mapping[str, str], unset: Callable[[str], object]) -> str:
    """Return a text with its variables filled in. Raises Unfilled.

    unset: is told the name of each variable that is used without a default and has no value.

    >>> fill("${A:?no A}/${B:-b$A}:$$1", {"A": "a"}, print)
    'a/ba:$1'
    """
    filled, end = _until(text, 0, environment, unset, inside=False)
    assert end == len(text)
    return filled


def _until(
    text: str, at: int, environment: Mapping[str, str], unset: Callable[[str], object], *, inside: bool
) -> tuple[str, int]:
    """Fill in from a position to the end of the text, or with `inside` to the brace that closes; and where that is."""
    out: list[str] = []
    while at < len(text):
        sign = text[at]
        if inside and sign == "}":
            return "".join(out), at
        if sign != "$":
            out.append(sign)
            at += 1
        elif text.startswith("$$", at):
            out.append("$")
            at += 2
        elif text.startswith("${", at):
            value, at = _braced(text, at, environment, unset)
            out.append(value)
        elif name := _NAME.match(text, at + 1):
            out.append(_value(name[0], environment, unset))
            at = name.end()
        else:
            out.append(sign)
            at += 1
    if inside:
        raise Unfilled(f"a brace is not closed in `{text[:60]}`")
    return "".join(out), at


def _braced(
    text: str, at: int, environment: Mapping[str, str], unset: Callable[[str], object]
) -> tuple[str, int]:
    """Fill in the `${...}` at a position; and where what follows it begins."""
    name = _NAME.match(text, at + 2)
    if not name:
        raise Unfilled(f"`{text[at : at + 20]}` is no variable: after `${{` comes a name")
    if text.startswith("}", name.end()):
        return _value(name[0], environment, unset), name.end() + 1
    operator = _OPERATOR.match(text, name.end())
    if not operator:
        raise Unfilled(
            f"`{text[at : name.end() + 10]}` is no variable: after its name comes `}}` or one of :- - :? ? :+ +"
        )
    word, end = _until(text, operator.end(), environment, lambda _: None, inside=True)
    value = environment.get(name[0])
    there = bool(value) if operator[0].startswith(":") else value is not None
    match operator[0][-1]:
        case "-":
            chosen = value if there else word
        case "+":
            chosen = word if there else ""
        case _ if there:
            chosen = value
        case _:
            raise Unfilled(
                f"the variable {name[0]} has no value, and the file asks for one: {word or 'no reason given'}"
            )
    return chosen or "", end + 1


def _value(name: str, environment: Mapping[str, str], unset: Callable[[str], object]) -> str:
    if name not in environment:
        unset(name)
    return environment.get(name, "")


_ENTRY = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][\w.-]*)\s*(?:[=:][ \t]*(?P<value>.*))?", re.DOTALL)


def read_env(text: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of an `.env` file.

    Single quotes keep a value as it is; in double quotes and without quotes variables are filled in, from
    `environment` first and from the lines above. A `#` after a blank begins a remark.
    """
    found: dict[str, str] = {}
    for line in text.removeprefix("\ufeff").splitlines():
        entry = _ENTRY.fullmatch(line)
        if line.lstrip().startswith("#") or not entry:
            continue
        value, name = entry["value"], entry["name"]
        if value is None:
            if name in environment:
                found[name] = environment[name]
            continue
        if value.startswith("'") and "'" in value[1:]:
            found[name] = value[1 : value.index("'", 1)]
            continue
        if quoted := re.match(r'"((?:[^"\\]|\\.)*)"', value):
            value = re.sub(r"\\(.)", lambda m: {"n": "\n", "r": "\r", "t": "\t"}.get(m[1], m[1]), quoted[1])
        else:
            value = re.sub(r"(?:^|\s)#.*", "", value).strip()
        try:
            found[name] = fill(value, {**found, **environment}, lambda _: None)
        except Unfilled:
            found[name] = value
    return found
