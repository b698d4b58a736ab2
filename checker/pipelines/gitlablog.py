"""What gitlab-ci-local prints, as results of jobs.

Lines of a job begin with its name, lines of the program's own do not, so that no job can claim what another
one did.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from checker.pipelines.gitlabfile import PipelineFile

RUN_FILE = ".gitlab-ci.lab.yml"
"""What is run in place of the learner's file, beside it; a job does not see it."""
KEPT = 40
"""Lines of a job's output that are kept: the last ones."""
NOISE = (
    "Unable to retrieve default remote",
    "Using fallback git remote",
    "parsing and downloads",
    "json schema",
)
STATES = {"PASS": "passed", "FAIL": "failed", "WARN": "warned"}


class JobResult(msgspec.Struct, frozen=True, kw_only=True):
    """One job. state: passed, failed, warned (it failed and was allowed to), or cut by the time limit.

    line: where the job begins in the learner's file, 0 if it is not in there. exit_code: None if unknown.
    """

    name: str
    line: int
    state: str
    exit_code: int | None = None
    output: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the pipeline went on after it."""
        return self.state in ("passed", "warned")

    def last(self) -> str:
        """The last lines it printed, as one text for a finding."""
        return " / ".join(line.strip() for line in self.output[-3:] if line.strip())[:400]


def jobs(output: str, names: Sequence[str], file: PipelineFile, *, ended: bool) -> tuple[JobResult, ...]:
    """The jobs that were started, in the order of `names`."""
    kept: dict[str, list[str]] = {}
    states: dict[str, str] = {}
    codes: dict[str, int] = {}
    by_length = sorted(names, key=len, reverse=True)
    for line in output.splitlines():
        if found := re.match(r" (PASS|FAIL|WARN)  (.*?)(?:  +(?:pre|after)_script)?\s*$", line):
            states[found[2].strip()] = STATES[found[1]]
            continue
        name = next((name for name in by_length if line.startswith(f"{name} ")), None)
        if name is None:
            continue
        rest = line[len(name) :].lstrip()
        said = kept.setdefault(name, [])
        if rest.startswith(("> ", "$ ")) or rest == ">":
            said.append(rest[2:] if rest.startswith(">") else rest)
            del said[:-KEPT]
        elif over := re.search(r"^finished in .*  (?:FAIL|WARN) (\d+)", rest):
            codes[name] = int(over[1])
    return tuple(
        JobResult(
            name=name,
            line=file.line(name) if name in file.jobs else 0,
            state=states.get(name, "failed" if ended else "cut"),
            exit_code=codes.get(name),
            output=tuple(kept.get(name, ())),
        )
        for name in names
        if name in states or name in kept
    )


def listed(output: str) -> list[dict[str, object]]:
    """The jobs of a file with what becomes of them, from `--list-json`; none if it gave no list."""
    start = output.find("[\n  {")
    try:
        found, _ = json.JSONDecoder().raw_decode(output, max(start, 0))
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def complaint(output: str) -> str:
    """What the program itself says is wrong with the file, as one sentence."""
    said = [line.strip() for line in output.splitlines() if line.strip() and not _noise(line)]
    said = [line for line in said if not re.match(r"at (\S+ )?\(?(file|node):", line)]
    return " ".join(said)[:400] or "It gives no reason."


def without_noise(text: str) -> str:
    """Text of which the program's remarks, that come over the other stream, are taken out."""
    return "\n".join(line for line in text.splitlines() if not _noise(line)) + "\n"


def _noise(line: str) -> bool:
    return (
        line.startswith(NOISE)
        or "Command failed with exit code" in line
        or line.startswith(("fatal: ref refs/remotes", "error: No such remote"))
    )
