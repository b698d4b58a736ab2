"""What is wrong with a workflow before anything of it runs, told with the learner's own file and line.

Three judges: the JSON schema that check-jsonschema carries, which knows keys and values; `act --validate`,
which knows expressions; and the table of stand-ins, which knows the actions of the labs and their inputs.
"""

import contextlib
import difflib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from checker import lookalikes
from checker.base.errors import EnvironmentFault
from checker.base.pace import scaled, too_slow
from checker.inspect import yamltree
from checker.inspect.schema import validator
from checker.pipelines.github.standins import TABLE
from checker.pipelines.github.workflowfile import BadWorkflow, WorkflowStep, parse
from checker.pipelines.problem import FileProblem
from checker.pipelines.published import published
from checker.programs import tools

WITHIN = 30.0
LEAF = re.compile(r"Line: (\d+) Column:? (\d+): ")
MEANT, MISSING = re.compile(r"did you mean (.+)\?$"), re.compile(r"the key (.+) is missing\.$")
PREFERRED = ("additionalProperties", "required", "enum", "minItems", "pattern", "type")
"""Which of several complaints about one place says most, best first."""


def problems(path: str, text: str) -> list[FileProblem]:
    """Return everything that is wrong with a workflow, in the order of the lines. Raises EnvironmentFault."""
    try:
        workflow = parse(text)
    except BadWorkflow as error:
        with contextlib.suppress(yaml.YAMLError, ValueError, ArithmeticError, RecursionError):
            if found := sorted(set(_by_schema(path, text))):  # it knows what was meant
                return found
        what = f"{error.problem[:1].upper()}{error.problem[1:]}"
        return [FileProblem(path=path, line=error.line, code="workflow-unreadable", observed=f"{what}.")]
    found = list(_by_schema(path, text)) or list(_by_act(path, text))
    for job in workflow.jobs:
        for key in ("container", "services"):
            if key in job.keys:
                what = (
                    f"The job {job.name} asks for {key}, and jobs run without containers of their own here."
                )
                found.append(
                    FileProblem(path=path, line=job.keys[key], code="workflow-not-offered", observed=what)
                )
        if job.uses and not job.uses.startswith("./"):
            what = f"The job {job.name} is a workflow of another repository, and there is no internet here."
            found.append(FileProblem(path=path, line=job.line, code="workflow-not-offered", observed=what))
        for step in job.steps:
            found += _actions(path, step)
    return sorted(set(found))


def _actions(path: str, step: WorkflowStep) -> Iterator[FileProblem]:
    """Yield what is wrong with the use of an action, by what the table knows."""
    if not step.action or step.action.startswith("./"):
        return
    line = step.at("uses")
    if not step.version:
        what = f"{step.action} has no version: GitHub refuses to run it without one."
        yield FileProblem(path=path, line=line, code="workflow-action-without-version", observed=what)
        return
    stand_in = TABLE.get(step.action.lower())
    if stand_in is None:
        near = difflib.get_close_matches(step.action, TABLE, 1, 0.75)
        what = f"The lab has no action {step.action}" + (f"; did you mean {near[0]}?" if near else ".")
        yield FileProblem(path=path, line=line, code="workflow-action-unknown", observed=what)
        return
    for name in step.given:
        if not stand_in.takes(name):
            near = difflib.get_close_matches(name.lower(), stand_in.inputs, 1, 0.6)
            what = f"{step.action} has no input {name}" + (f"; did you mean {near[0]}?" if near else ".")
            yield FileProblem(
                path=path, line=step.at(f"with.{name}"), code="workflow-input-unknown", observed=what
            )
    for name in stand_in.required:
        if not step.given.get(name):
            what = f"{step.action} needs the input {name}."
            yield FileProblem(path=path, line=line, code="workflow-input-missing", observed=what)


def _by_schema(path: str, text: str) -> Iterator[FileProblem]:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return
    told = [_told(_worst(error), root) for error in _validator().iter_errors(yamltree.plain(root))]
    meant = {found[1] for _, sentence in told if (found := MEANT.search(sentence))}
    for line, sentence in told:
        missing = MISSING.search(sentence)
        if not (missing and missing[1] in meant):  # that it is misspelt says it all
            yield FileProblem(path=path, code="workflow-invalid", line=line, observed=sentence)


@cache
def _validator() -> Any:
    return validator(with_single_texts(published("github-workflows")))


def with_single_texts(schema: Any) -> Any:
    """Change the schema so that one text may stand where `on` has a list: `branches: main`, `types: opened`.

    GitHub's own schema (workflow-v1.0.json in actions/languageservices: event-branches, event-tags, event-paths,
    the activity types, workflow-run-workflows) takes both forms; the copy that is published for editors takes
    only the list.
    """
    globs = schema["definitions"]["globs"]
    schema["definitions"]["globs"] = {"anyOf": [globs["items"], globs]}
    for event in schema["properties"]["on"]["oneOf"][2]["properties"].values():
        for about in _objects(event):
            for name in ("types", "workflows"):
                filtered = about.get(name)
                if isinstance(filtered, dict) and filtered.get("type") == "array" and "items" in filtered:
                    about[name] = {"anyOf": [filtered["items"], filtered]}
    return schema


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield the properties of every object that a schema describes, in whichever of its alternatives."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema["properties"]
        for name in ("oneOf", "anyOf", "allOf"):
            for part in schema.get(name, ()):
                yield from _objects(part)


def _worst(error: Any) -> Any:
    """Of all alternatives that failed, the complaint about the innermost place."""
    while error.context:
        error = max(
            error.context,
            key=lambda entry: (_depth(entry), -_rank(entry)),
        )
    return error


def _depth(error: Any) -> int:
    return max([len(error.absolute_path), *(_depth(entry) for entry in error.context or ())])


def _rank(error: Any) -> int:
    kind = str(error.validator)
    return PREFERRED.index(kind) if kind in PREFERRED else len(PREFERRED)


def _told(error: Any, root: yaml.Node) -> tuple[int, str]:
    """Return the line and a sentence for a complaint of the schema."""
    where = [str(part) for part in error.absolute_path]
    shown = ".".join(where) or "the file"
    node = _node(root, where)
    schema: Any = error.schema
    value: Any = error.validator_value
    if error.validator == "additionalProperties" and isinstance(node, yaml.MappingNode):
        known = list(schema.get("properties", {}))
        for key, _ in node.value:
            if key.value not in known:
                near = difflib.get_close_matches(str(key.value), known, 1, 0.6)
                hint = f"; did you mean {near[0]}?" if near else "."
                what = f"In {shown} the key {lookalikes.shown(str(key.value))} has no meaning{hint}"
                return int(key.start_mark.line) + 1, what
    line = int(node.start_mark.line) + 1
    if error.validator == "required":
        missing = [name for name in value if name not in (error.instance or {})]
        return line, f"In {shown} the key {', '.join(missing)} is missing."
    if error.validator == "enum":
        return line, f"{shown} is {error.instance!r}; it can be {', '.join(map(str, value))}."
    if error.validator == "type":
        kinds = value if isinstance(value, list) else [value]
        names = {"object": "keys with values", "array": "a list", "string": "a text", "null": "nothing"}
        wanted = " or ".join(names.get(str(kind), str(kind)) for kind in kinds)
        return line, f"At {shown} should stand {wanted}, and there stands {error.instance!r}."[:300]
    return line, f"At {shown} stands what GitHub does not take: {error.message}."[:300]


def _node(root: yaml.Node, where: Iterable[str]) -> yaml.Node:
    node = root
    for part in where:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == part), node)
        elif isinstance(node, yaml.SequenceNode) and part.isdigit():
            node = node.value[int(part)]
    return node


def _by_act(path: str, text: str) -> Iterator[FileProblem]:
    """Yield what act finds, of which the first complaint about a line counts: the rest are other
    alternatives."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-") as folder:
        file = Path(folder) / "workflow.yml"
        file.write_text(text, encoding="utf-8")
        command = [str(tools.program("act")), "--validate", "--workflows", str(file), "--directory", folder]
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder}
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=scaled(WITHIN), check=False
            )
        except subprocess.TimeoutExpired as late:
            raise too_slow(f"act took longer than {late.timeout:.0f} s to read a workflow") from None
        except OSError as error:
            raise EnvironmentFault(f"act cannot look at a workflow: {error}.", "Run `lab doctor`.") from None
    if done.returncode == 0:
        return
    told: set[int] = set()
    for line in (done.stdout + done.stderr).splitlines():
        *_, last = [(0, 0, ""), *_leaves(line)]
        number, _, what = last
        artefact = what.startswith(("Unknown Property", "Failed to match"))
        if number and not artefact and number not in told:
            told.add(number)
            yield FileProblem(path=path, code="workflow-invalid", line=number, observed=f"{what}.")


def _leaves(line: str) -> Iterator[tuple[int, int, str]]:
    marks = list(LEAF.finditer(line))
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(line)
        yield int(mark[1]), int(mark[2]), line[mark.end() : end].strip().rstrip(".:")
