"""A `.gitlab-ci.yml` as a tree of nodes, so that whatever is said about it can name the learner's own line."""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec
import yaml

from checker.inspect import yamltree

MOST_ALIASES = 100
"""More of them are no pipeline but an attempt to make its reader run out of memory."""
LARGEST = 20_000
"""Nodes, with what aliases stand for; a pipeline of the largest projects has a few thousands."""
CONDITION = "$REGISTRY_LAB_CONDITION_"
TOP = frozenset(
    "default include stages variables workflow spec image services cache before_script after_script".split()
)
"""Keys at the top that are no job (GitLab Docs, "CI/CD YAML syntax reference")."""


class BadPipeline(Exception):
    """The text is no pipeline. line, column: where, counted from 1; problem: what is wrong there."""

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line, self.column, self.problem = line, column, problem


class Text(msgspec.Struct, frozen=True):
    """One text of the file. path: the keys and numbers that lead there."""

    path: tuple[str, ...]
    line: int
    value: str

    @property
    def job(self) -> str:
        """The job it stands in; empty for what is of the whole file."""
        first = self.path[0] if self.path else ""
        return "" if first in TOP else first


class PipelineFile:
    """The file as it was written, before GitLab puts defaults and templates into it."""

    def __init__(self, text: str) -> None:
        """Raises BadPipeline for what no reader of YAML understands, or what is no mapping."""
        self.text = text
        self._root = _composed(text)
        found: set[str] = set()
        for key, _ in self._root.value:
            name = str(key.value)
            if name in found:
                raise BadPipeline(
                    _line(key), 1, f"the key {name} is there twice, of which GitLab takes the last"
                )
            found.add(name)

    @property
    def jobs(self) -> tuple[str, ...]:
        """The names of the jobs, in their order; templates, which begin with a full stop, are none."""
        names = (str(key.value) for key, _ in self._root.value)
        return tuple(name for name in names if name not in TOP and not name.startswith("."))

    def line(self, *path: str) -> int:
        """Return the line of the key or entry that a path leads to; of the last one on the way that there
        is."""
        node: yaml.Node = self._root
        at = 1
        for part in path:
            found = _child(node, part)
            if found is None:
                break
            at, node = found
        return at

    def plain(self) -> Any:
        """Return the whole file as plain data, with what merge keys and aliases stand for."""
        return yamltree.plain(self._root)

    def texts(self) -> Iterator[Text]:
        """Every text that stands in a value."""
        yield from _texts(self._root, (), 0)

    @cached_property
    def masked(self) -> str:
        """The text with a name in place of every condition below `rules`, which `conditions` gives back.

        gitlab-ci-local, which expands the file, evaluates conditions as well, and breaks off at some that GitLab reads.
        """
        text = self.text
        for name, node in sorted(self._conditions.items(), key=lambda entry: -entry[1].start_mark.index):
            begin, end = node.start_mark.index, node.end_mark.index
            there = text[begin:end]
            kept = re.match(r"(?:[&!]\S*\s+)*", there)
            after = there[len(there.rstrip()) :]
            text = f"{text[:begin]}{kept[0] if kept else ''}{name}{after}{text[end:]}"
        return text

    @cached_property
    def conditions(self) -> dict[str, str]:
        """The conditions below `rules`, by the names that they have in `masked`."""
        return {name: str(node.value) for name, node in self._conditions.items()}

    @cached_property
    def _conditions(self) -> dict[str, yaml.ScalarNode]:
        found = {
            id(node): node for key, node in self._root.value if key.value != "include" for node in _ifs(node)
        }
        return {f"{CONDITION}{number}": node for number, node in enumerate(found.values())}

    def value(self, name: str) -> Any:
        """Return a key's value at the top as plain data; None if it is not there. Tags of GitLab's own
        become text."""
        for key, node in self._root.value:
            if key.value == name:
                return _plain(node, 0)
        return None


def _composed(text: str) -> yaml.MappingNode:
    try:
        root = yamltree.compose(text, MOST_ALIASES)
        size = _size(root, {}) if root else 0
    except yamltree.BadYaml as error:
        raise BadPipeline(error.line, error.column, error.problem) from None
    except RecursionError:
        raise BadPipeline(1, 1, "it is nested too deeply") from None
    if root is None:
        raise BadPipeline(1, 1, "the file is empty")
    if not isinstance(root, yaml.MappingNode):
        raise BadPipeline(_line(root), 1, "the file should be keys with values, and is not")
    if size > LARGEST:
        raise BadPipeline(1, 1, f"with its aliases written out it has {size} values")
    return root


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many nodes there are at and below one, once for each way that leads there. Raises
    BadPipeline."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 0
        below = (entry for each in node.value for entry in (each if isinstance(each, tuple) else (each,)))
        known[id(node)] = 1 + sum(_size(entry, known) for entry in below)
    elif not known[id(node)]:
        raise BadPipeline(_line(node), 1, "an alias in it stands for what it is in itself")
    return known[id(node)]


def _child(node: yaml.Node, part: str) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if part == str(key.value):
                return _line(key), value
    elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
        entry = node.value[int(part)]
        return _line(entry), entry
    return None


def _texts(node: yaml.Node, path: tuple[str, ...], depth: int) -> Iterator[Text]:
    if depth > yamltree.DEEPEST:
        return
    if isinstance(node, yaml.ScalarNode):
        # What a block scalar says begins in the line after its sign.
        first = _line(node) + (node.style in ("|", ">"))
        begun, before = 0, ""
        for number, line in enumerate(str(node.value).splitlines()):
            begun = begun if before else number
            if line.endswith("\\"):  # for a shell the next line is the same one
                before += f"{line[:-1]} "
                continue
            yield Text(path, first + (begun if node.style == "|" else 0), before + line)
            before = ""
        if before:
            yield Text(path, first + (begun if node.style == "|" else 0), before)
    elif isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield from _texts(entry, (*path, str(number)), depth + 1)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _texts(value, (*path, str(key.value)), depth + 1)


def _ifs(node: yaml.Node, within: bool = False, depth: int = 0) -> Iterator[yaml.ScalarNode]:
    """Yield the values of `if` in lists of rules. within: whether the node is such a list, or in one."""
    if depth > yamltree.DEEPEST:
        return
    if isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _ifs(entry, within, depth + 1)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if within and key.value == "if" and isinstance(value, yaml.ScalarNode):
                yield value
            else:
                yield from _ifs(value, key.value == "rules", depth + 1)


def _plain(node: yaml.Node, depth: int) -> Any:
    if depth > yamltree.DEEPEST:
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(entry, depth + 1) for entry in node.value]
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value, depth + 1) for key, value in node.value}
    return str(node.value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
