"""YAML as a tree of nodes, or the line and column where it is broken."""

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from checker import lookalikes

DEEPEST = 30
NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")


class BadYaml(Exception):
    """The text is no YAML. line, column: where, counted from 1; problem: what is wrong there."""

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line, self.column, self.problem = line, column, problem


def compose(text: str, most_aliases: int) -> yaml.Node | None:
    """Return the root of a text, None if it is empty.

    most_aliases: more of them are an attempt to make its reader run out of memory. Raises BadYaml, with the place
    of what is wrong wherever the reader tells it.
    """
    try:
        events, reader = yaml.SafeLoader(text), yaml.SafeLoader(text)
    except yaml.reader.ReaderError as error:
        raise _unacceptable(text, error) from None
    at = events
    try:
        _count(events, most_aliases)
        at = reader
        root: yaml.Node | None = reader.get_single_node()
    except yaml.MarkedYAMLError as error:
        _refuse(text, error)
    except (yaml.YAMLError, ArithmeticError, RecursionError, ValueError) as error:
        # The number of a character that there is not, say: `at` stands where it gave up.
        what = "it is nested too deeply" if isinstance(error, RecursionError) else f"it is no YAML ({error})"
        raise BadYaml(at.line + 1, at.column + 1, " ".join(what.split())[:160]) from None
    else:
        return root
    finally:
        for each in (events, reader):
            each.dispose()


def load(text: str, most_aliases: int = 100) -> Any:
    """Return a text as plain data. Raises BadYaml as `compose` does, and for a value that is not what its tag says."""
    root = compose(text, most_aliases)
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        _refuse(text, error)
    except Exception as error:  # PyYAML lets KeyError, AttributeError and more out for a wrong `!!tag`
        mark = next((node.start_mark for node in _scalars(root, set()) if not _sound(node)), None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise BadYaml(line, column, f"the value is not what it is said to be ({error})") from None


def plain(node: yaml.Node, depth: int = 0) -> Any:
    """Return a tree as plain data by the core schema of YAML 1.2, in which `on` is a text, and so is every key.

    Merge keys (`<<`) are carried out, tags are not: what GitLab's `!reference` marks is a list. What is nested deeper
    than DEEPEST is None.
    """
    if depth > DEEPEST:
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, depth)
    if isinstance(node, yaml.SequenceNode):
        return [plain(entry, depth + 1) for entry in node.value]
    text = str(node.value)
    if getattr(node, "style", None) is not None:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if NUMBER.fullmatch(text):
        return float(text) if set(text) & set(".eE") else int(text)
    return text


def _mapping(node: yaml.MappingNode, depth: int) -> dict[str, Any]:
    own: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    for key, value in node.value:
        if key.tag == "tag:yaml.org,2002:merge":
            given = plain(value, depth + 1)
            for each in given if isinstance(given, list) else [given]:
                merged = {**each, **merged} if isinstance(each, dict) else merged
        else:
            own[str(key.value)] = plain(value, depth + 1)
    return {**merged, **own}


def _scalars(node: yaml.Node | None, seen: set[int]) -> Iterator[yaml.Node]:
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield node
    else:
        for each in node.value:
            for below in each if isinstance(each, tuple) else (each,):
                yield from _scalars(below, seen)


def _sound(node: yaml.Node) -> bool:
    try:
        yaml.SafeLoader("").construct_object(node)
    except Exception:
        return False
    return True


def _count(events: yaml.SafeLoader, most: int) -> None:
    aliases = 0
    while events.check_event():
        aliases += isinstance(events.get_event(), yaml.AliasEvent)  # type: ignore[no-untyped-call]
        if aliases > most:
            raise BadYaml(events.line + 1, events.column + 1, f"it has more than {most} aliases")


def _unacceptable(text: str, error: yaml.reader.ReaderError) -> BadYaml:
    place = error.position if isinstance(error.position, int) else 0
    before = text[:place]
    character = text[place : place + 1] or "\0"
    return BadYaml(
        len(before.splitlines()) + (not before or before[-1] in "\r\n"),
        place - max(before.rfind("\n"), before.rfind("\r")),
        f"special characters are not allowed, and there is {lookalikes.named(character)}",
    )


def _refuse(text: str, error: yaml.MarkedYAMLError) -> NoReturn:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or "it is no YAML"
    if mark is None:
        raise BadYaml(1, 1, problem) from None
    begun = error.context_mark
    if error.context and begun and begun.line != mark.line:
        problem += f" {error.context} that begins in line {begun.line + 1}"
    raise BadYaml(mark.line + 1, mark.column + 1, problem + _look_alike(text, mark.line)) from None


def _look_alike(text: str, number: int) -> str:
    """Return what to say of a character in the line, from 0, that only looks like one of YAML's own."""
    lines = text.splitlines()
    for at in (number, number - 1):  # a blank that is none is noticed in the next line only, at times
        line = lines[at].partition(" #")[0] if 0 <= at < len(lines) else ""
        if (place := lookalikes.first(line)) >= 0:
            where = f"in column {place + 1} of {'that line' if at == number else f'line {at + 1}'}"
            return f"; {where} is {lookalikes.named(line[place])}"
    return ""
