"""What GitLab's own JSON schema says of a `.gitlab-ci.yml`.

Tells wrong keys and values. What the schema cannot know (a stage that is not there, a job without a script) GitLab
refuses as well: `planning` tells that.
"""

import difflib
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from checker.inspect.schema import validator
from checker.pipelines.gitlab.pipelinefile import PipelineFile
from checker.pipelines.problem import FileProblem
from checker.pipelines.published import published

UNEXPECTED = re.compile(r"\('(.+)' (?:was|were) unexpected\)")


def problems(file: PipelineFile) -> tuple[FileProblem, ...]:
    """Return everything the schema finds wrong, in the order of the lines. Raises EnvironmentFault."""
    found = {_problem(file, _innermost(error)) for error in _validator().iter_errors(file.plain())}
    return tuple(sorted(found, key=lambda problem: problem.line))


@cache
def _schema() -> Any:
    return published("gitlab-ci")


@cache
def _validator() -> Any:
    return validator(_schema(), formats=("regex",))


def _innermost(error: Any) -> Any:
    """Of all alternatives that failed, the complaint about the innermost place; the first of several."""
    return max(
        _below(error) if error.context else [error],
        key=lambda each: (each.validator not in ("anyOf", "oneOf"), len(each.absolute_path), -len(each.path)),
    )


def _below(error: Any) -> Iterator[Any]:
    for each in error.context or ():
        yield each
        yield from _below(each)


def _problem(file: PipelineFile, error: Any) -> FileProblem:
    path = [str(part) for part in error.absolute_path]
    if unexpected := UNEXPECTED.search(error.message):
        names = [name.strip("' ") for name in unexpected[1].split(",")]
        line = min(file.line(*path, name) for name in names)
        return FileProblem(
            line=line, observed=f"{_listed(names)} is no key that GitLab knows there.{_meant(names[0])}"
        )
    where = error.json_path.removeprefix("$.")
    return FileProblem(line=file.line(*path), observed=f"At {where}: {error.message[:200]}.")


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, _schema()["definitions"]["job_template"]["properties"], n=1)
    return f" Is `{close[0]}` meant?" if close else ""


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
