"""The workflow file that act gets: every job has an environment of its own, as on a machine of its own.

On GitHub each job has a fresh machine, so a login or an image of one job is not there in another. act runs
all jobs on this one; what keeps them apart is an engine's socket and a docker configuration for each, set in
the `env` of the job. The rest of the file stays as the learner wrote it.
"""

from collections.abc import Iterator, Mapping

import yaml

from checker.pipelines.github.standins import TABLE, repository_of
from checker.pipelines.github.workflowfile import Workflow, parse

RUNNERS = (
    "ubuntu-latest",
    "ubuntu-24.04",
    "ubuntu-22.04",
    "ubuntu-20.04",
    "ubuntu-slim",
    "self-hosted",
    "linux",
)


def with_surroundings(text: str, surroundings: Mapping[str, Mapping[str, str]]) -> str:
    """Return the workflow with more variables in the `env` of its jobs. surroundings: job -> name ->
    value."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    for job, about in _items(_child(root, "jobs")):
        found = _child(about, "env")
        # A job that calls another workflow takes no env; the jobs of that one get it.
        if not isinstance(about, yaml.MappingNode) or job not in surroundings or _child(about, "uses"):
            continue
        if not isinstance(found, yaml.MappingNode):
            found = yaml.MappingNode("tag:yaml.org,2002:map", [], flow_style=False)
            about.value.append((_scalar("env"), found))
        else:
            # An alias may share the node with another job.
            copy = yaml.MappingNode(found.tag, list(found.value), flow_style=found.flow_style)
            about.value[:] = [(key, copy if value is found else value) for key, value in about.value]
            found = copy
        own = {key.value for key, _ in found.value}
        for name, value in surroundings[job].items():
            if name not in own:
                found.value.append((_scalar(name), _scalar(value, quoted=True)))
    return str(yaml.serialize(root, Dumper=yaml.SafeDumper, width=10**6))


def used(texts: list[str]) -> dict[tuple[str, str], str]:
    """Return the remote actions in workflows and local actions: (repository, ref) -> the action as it is
    named."""
    found: dict[tuple[str, str], str] = {}
    for text in texts:
        for name in _uses(yaml.compose(text, Loader=yaml.SafeLoader), 0):
            action, _, ref = name.partition("@")
            if action.count("/") >= 1 and not action.startswith((".", "docker:")):
                found[(repository_of(action), ref)] = action
    return found


def known(action: str) -> bool:
    """Return whether there is a stand-in for an action."""
    return action.lower() in TABLE


def keys(workflow: Workflow) -> dict[str, list[tuple[str, int, str]]]:
    """Of each job, its steps as act tells of them: by id or position, with line and name."""
    return {
        job.name: [
            (step.id or str(number), step.line, step.name or step.action or step.run.strip().split("\n")[0])
            for number, step in enumerate(job.steps)
        ]
        for job in workflow.jobs
    }


def labels(text: str) -> list[str]:
    """Return all labels of machines that jobs of the file may name, also by way of a matrix."""
    found = [label for job in parse(text).jobs for label in job.runs_on.splitlines()]
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    matrices = [_child(_child(job, "strategy"), "matrix") for _, job in _items(_child(root, "jobs"))]
    texts = [scalar for matrix in matrices if matrix is not None for scalar in _scalars(matrix)]
    plain = [label for label in (*found, *texts) if "${{" not in label and "=" not in label and label]
    return list(dict.fromkeys((*RUNNERS, *plain)))


def _uses(node: yaml.Node | None, depth: int) -> Iterator[str]:
    if depth > 12 or node is None:
        return
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "uses" and isinstance(value, yaml.ScalarNode):
                yield value.value.strip()
            else:
                yield from _uses(value, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for entry in node.value:
            yield from _uses(entry, depth + 1)


def _scalars(node: yaml.Node, depth: int = 0) -> Iterator[str]:
    if isinstance(node, yaml.ScalarNode):
        yield str(node.value)
    elif depth < 6:
        for entry in node.value:
            yield from _scalars(entry[1] if isinstance(entry, tuple) else entry, depth + 1)


def _child(node: yaml.Node | None, name: str) -> yaml.Node | None:
    return dict(_items(node)).get(name)


def _items(node: yaml.Node | None) -> list[tuple[str, yaml.Node]]:
    if not isinstance(node, yaml.MappingNode):
        return []
    return [(str(key.value), value) for key, value in node.value]


def _scalar(text: str, *, quoted: bool = False) -> yaml.ScalarNode:
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style='"' if quoted else None)
