"""GitHub Actions workflows, as far as checks look at them (GitHub Docs, "Workflow syntax").

Read as a tree of nodes and not as Python values, so that every part knows its line, `on` stays a text
(YAML 1.1 takes it for true), and `1.10` does not become 1.1.
"""

import difflib
import re
from collections.abc import Iterator, Mapping

import msgspec
import yaml

from checker import lookalikes
from checker.inspect import yamltree
from checker.pipelines.github.triggers import Trigger

DEEPEST = 3
"""Levels of lists and mappings that are read where a text is meant; an alias may lead into itself."""
MOST_ALIASES = 100
"""More of them are no workflow but an attempt to make its reader run out of memory."""
EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)


class BadWorkflow(Exception):
    """The text is no workflow. line, column: where, counted from 1; problem: what is wrong there."""

    def __init__(self, line: int, column: int, problem: str) -> None:
        super().__init__(f"line {line}, column {column}: {problem}")
        self.line, self.column, self.problem = line, column, problem


class WorkflowStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a job. action, version: the two parts of `uses`, empty without it. given: `with`."""

    line: int
    id: str = ""
    name: str = ""
    action: str = ""
    version: str = ""
    run: str = ""
    condition: str = ""
    given: Mapping[str, str] = {}
    env: Mapping[str, str] = {}
    lines: Mapping[str, int] = {}
    """Where its keys stand, `uses`, `run` and so on; an entry of `with` is there under `with.NAME`."""

    def at(self, key: str) -> int:
        """Return the line of one of its keys; its own without such a one."""
        return self.lines.get(key, self.line)


Permissions = Mapping[str, str]
"""Scope -> read, write or none; the scope `*` for read-all and write-all."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """One job, with its steps in their order. uses: of another workflow.

    keys: all keys it has. permissions: None if it says nothing about them.
    """

    name: str
    line: int
    runs_on: str = ""
    env: Mapping[str, str] = {}
    steps: tuple[WorkflowStep, ...] = ()
    uses: str = ""
    keys: Mapping[str, int] = {}
    permissions: Permissions | None = None


class Workflow(msgspec.Struct, frozen=True, kw_only=True):
    """A whole file. env, permissions: for all its jobs that say nothing else. text: the file as it was read."""

    name: str = ""
    triggers: Mapping[str, Trigger]
    jobs: tuple[Job, ...]
    env: Mapping[str, str] = {}
    permissions: Permissions | None = None
    text: str = ""


def parse(text: str) -> Workflow:
    """Read a workflow. Raises BadWorkflow for what GitHub would refuse too; it refuses more than this."""
    try:
        root = yamltree.compose(text, MOST_ALIASES)
    except yamltree.BadYaml as error:
        raise BadWorkflow(error.line, error.column, error.problem) from None
    if root is None:
        raise BadWorkflow(1, 1, "the file is empty")
    top = _mapping(root, "the file")
    for key in ("on", "jobs"):
        if key not in top:
            raise _lacking(root, key)
    jobs = tuple(_job(name, node) for name, node in _mapping(top["jobs"], "jobs").items())
    if not jobs:
        raise _bad(top["jobs"], "there is no job below jobs")
    return Workflow(
        name=_text(top["name"]) if "name" in top else "",
        triggers={trigger.event: trigger for trigger in _triggers(top["on"])},
        jobs=jobs,
        env=_texts(top["env"], "env") if "env" in top else {},
        permissions=_permissions(top),
        text=text,
    )


def _lacking(root: yaml.Node, wanted: str) -> BadWorkflow:
    """Return what to say of a key that is not at the top level: in the line of the one that may be meant, if
    there is one."""
    what = f"there is no key {wanted} at the top level"
    for key, _ in root.value:
        plain = "".join(each for each in str(key.value) if not lookalikes.meant(each)).lower()
        if plain == wanted or (plain.isalpha() and difflib.get_close_matches(plain, [wanted], 1, 0.75)):
            return _bad(key, f"{what}; the key {lookalikes.shown(str(key.value))} may be meant to be it")
    return BadWorkflow(_line(root), 1, what)


def expressions(text: str) -> list[str]:
    """Return what stands between `${{` and `}}`, without the blanks round it."""
    return [found.strip() for found in EXPRESSION.findall(text)]


def _triggers(node: yaml.Node) -> Iterator[Trigger]:
    """Yield the three forms of `on`: one event, a list of events, events with filters."""
    if isinstance(node, yaml.ScalarNode):
        yield Trigger(_text(node), _line(node))
    elif isinstance(node, yaml.SequenceNode):
        yield from (Trigger(_text(entry), _line(entry)) for entry in node.value)
    else:
        for event, about in _mapping(node, "on").items():
            filters = _mapping(about, event) if isinstance(about, yaml.MappingNode) else {}
            yield Trigger(
                event,
                _line(about),
                {
                    name: _list(value)
                    for name, value in filters.items()
                    if isinstance(value, yaml.ScalarNode)
                    or (
                        isinstance(value, yaml.SequenceNode)
                        and all(isinstance(entry, yaml.ScalarNode) for entry in value.value)
                    )
                },
            )


def _job(name: str, node: yaml.Node) -> Job:
    about = _mapping(node, f"the job {name}")
    steps: tuple[WorkflowStep, ...] = ()
    if "steps" in about:
        if not isinstance(about["steps"], yaml.SequenceNode):
            raise _bad(about["steps"], f"the steps of the job {name} are no list; each begins with a hyphen")
        steps = tuple(_step(entry) for entry in about["steps"].value)
    elif "uses" not in about:
        raise _bad(node, f"the job {name} has no steps")
    return Job(
        name=name,
        line=_line(node),
        runs_on=_plain(about["runs-on"]) if "runs-on" in about else "",
        env=_texts(about["env"], "env") if "env" in about else {},
        steps=steps,
        uses=_plain(about["uses"]) if "uses" in about else "",
        keys={key: _line(value) for key, value in about.items()},
        permissions=_permissions(about),
    )


def _permissions(about: Mapping[str, yaml.Node]) -> Permissions | None:
    if "permissions" not in about:
        return None
    node = about["permissions"]
    if isinstance(node, yaml.ScalarNode):
        return {"*": str(node.value).removesuffix("-all")} if node.value else {}
    return _texts(node, "permissions")


def _step(node: yaml.Node) -> WorkflowStep:
    about = _mapping(node, "a step")
    if ("uses" in about) == ("run" in about):
        raise _bad(node, "a step has either uses or run, and not both")
    action, _, version = (_text(about["uses"]) if "uses" in about else "").partition("@")
    return WorkflowStep(
        line=_line(node),
        id=_plain(about["id"]) if "id" in about else "",
        name=_plain(about["name"]) if "name" in about else "",
        action=action.strip(),
        version=version.strip(),
        run=_text(about["run"]) if "run" in about else "",
        condition=_plain(about["if"]) if "if" in about else "",
        given=_texts(about["with"], "with") if "with" in about else {},
        env=_texts(about["env"], "env") if "env" in about else {},
        lines=_key_lines(node, about),
    )


def _key_lines(node: yaml.Node, about: Mapping[str, yaml.Node]) -> dict[str, int]:
    found = {str(key.value): _line(key) for key, _ in node.value}
    inner = about.get("with")
    for key, _ in inner.value if isinstance(inner, yaml.MappingNode) else ():
        found[f"with.{key.value}"] = _line(key)
    return found


def _mapping(node: yaml.Node, what: str) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        raise _bad(node, f"{what} should be keys with values, and is not")
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = _text(key)
        if name in found:
            raise _bad(key, f"the key {name} is there twice")
        found[name] = value
    return found


def _texts(node: yaml.Node, what: str) -> dict[str, str]:
    return {name: _plain(value) for name, value in _mapping(node, what).items()}


def _list(node: yaml.Node) -> tuple[str, ...]:
    entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return tuple(_text(entry) for entry in entries)


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _bad(node, "a text should stand here")
    return str(node.value)


def _plain(node: yaml.Node, depth: int = 0) -> str:
    """Any node as text: a list's entries on lines of their own."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if depth > DEEPEST:
        raise _bad(node, "this is nested too deeply")
    entries = node.value if isinstance(node, yaml.SequenceNode) else [value for _, value in node.value]
    return "\n".join(_plain(entry, depth + 1) for entry in entries)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _bad(node: yaml.Node, problem: str) -> BadWorkflow:
    return BadWorkflow(_line(node), int(node.start_mark.column) + 1, problem)
