"""What GitLab's own JSON schema says of a `.gitlab-ci.yml`, by check-jsonschema, which carries it.

Tells wrong keys and values in a quarter of a second. What the schema cannot know (a stage that is not there, a
job without a script) GitLab refuses as well: `gitlabplan` tells that.
"""

import difflib
import json
import re
import subprocess
import sys
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

import msgspec

from checker.errors import EnvironmentFault
from checker.pace import scaled, too_slow
from checker.pipelines.gitlabfile import PipelineFile

WITHIN = 60.0
UNEXPECTED = re.compile(r"\('(.+)' (?:was|were) unexpected\)")


class SchemaProblem(msgspec.Struct, frozen=True):
    """One thing the schema does not allow: the learner's line, and what is wrong there as a sentence."""

    line: int
    sentence: str


class _Match(msgspec.Struct):
    path: str
    message: str


class _Error(_Match):
    best_deep_match: _Match | None = None


class _Result(msgspec.Struct):
    errors: list[_Error] = []


def problems(file: PipelineFile) -> tuple[SchemaProblem, ...]:
    """Everything the schema finds wrong, in the order of the lines. Raises EnvironmentFault."""
    with tempfile.TemporaryDirectory(prefix="registry-lab-") as folder:
        path = Path(folder) / "pipeline.yml"
        path.write_text(file.text, encoding="utf-8")
        command = [sys.executable, "-m", "check_jsonschema", "--output-format", "JSON"]
        command += ["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(path)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=scaled(WITHIN), check=False)
            result = msgspec.json.decode(done.stdout, type=_Result)
        except subprocess.TimeoutExpired as late:
            raise too_slow(f"checking the pipeline's schema took longer than {late.timeout:.0f} s") from None
        except (OSError, msgspec.DecodeError) as error:
            raise EnvironmentFault(
                f"The pipeline's schema could not be checked ({error}).",
                "Install registry-lab again with its dependencies; check-jsonschema is one of them.",
            ) from error
    found = {_problem(file, error) for error in result.errors}
    return tuple(sorted(found, key=lambda problem: problem.line))


def _problem(file: PipelineFile, error: _Error) -> SchemaProblem:
    best = error.best_deep_match or error
    if unexpected := UNEXPECTED.search(best.message):
        names = [name.strip("' ") for name in unexpected[1].split(",")]
        line = min(file.line_at(best.path + _step(name)) for name in names)
        return SchemaProblem(line, f"{_listed(names)} is no key that GitLab knows there.{_meant(names[0])}")
    return SchemaProblem(file.line_at(best.path), f"At {best.path.removeprefix('$.')}: {best.message[:200]}.")


def _step(name: str) -> str:
    return f"['{name}']"


def _meant(name: str) -> str:
    close = difflib.get_close_matches(name, _job_keys(), n=1)
    return f" Is `{close[0]}` meant?" if close else ""


@cache
def _job_keys() -> tuple[str, ...]:
    source = resources.files("check_jsonschema") / "builtin_schemas" / "vendor" / "gitlab-ci.json"
    schema = json.loads(source.read_text(encoding="utf-8"))
    return tuple(schema["definitions"]["job_template"]["properties"])


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
