"""What gitlab-ci-local prints, as results of jobs.

Lines of a job begin with its name, lines of the program's own do not, so that no job can claim what another
one did.
"""

import json
import re
from collections.abc import Sequence

import msgspec

from checker.pipelines.gitlab import runnershell
from checker.pipelines.gitlab.pipelinefile import PipelineFile

RUN_FILE = ".gitlab-ci.lab.yml"
"""What is run in place of the learner's file, beside it; a job does not see it."""
KEPT = 40
"""Lines of a job's output that are kept: the last ones."""
NOISE = (
    "Unable to retrieve default remote",
    "Using fallback git",
    "parsing and downloads",
    "json schema",
)
KEYS = ("stage", "needs", "dependencies", "extends", "rules", "script")
"""Keys of a job that complaints name."""
STATES = {"PASS": "passed", "FAIL": "failed", "WARN": "warned"}
WORST = ("passed", "warned", "failed")
SILENT = "> still running..."
"""What the program itself says of a job that printed nothing for ten seconds."""
COPY = re.compile(r": \[[^\]]*\](?= |$)")
"""What stands behind the name of a job that is run several times, by `parallel`."""
GIT_FAILED = re.compile(r"\s*Command failed with exit code \d+: git ")


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
        """Return the last lines it printed, as one text for a finding."""
        return " / ".join(line.strip() for line in self.output[-3:] if line.strip())[:400]


def jobs(output: str, names: Sequence[str], file: PipelineFile, *, ended: bool) -> tuple[JobResult, ...]:
    """Return the jobs that were started, in the order of `names`."""
    kept: dict[str, list[str]] = {}
    states: dict[str, str] = {}
    codes: dict[str, int] = {}
    by_length = sorted(names, key=len, reverse=True)
    # A job may print what other readers take for the end of a line.
    for line in output.split("\n"):
        found = re.match(r" (PASS|FAIL|WARN)  (.*)", line)
        if (split := _split(found[2] if found else line, by_length)) is None:
            continue
        name, rest = split
        if found:
            state = STATES[found[1]]
            states[name] = max(state, states.get(name, state), key=WORST.index)
            continue
        if rest.startswith("starting ") or rest.rstrip() == SILENT:
            kept.setdefault(name, [])
        elif runnershell.ALLOWED in rest:
            if code := re.fullmatch(rf"> {runnershell.ALLOWED} (\d+)", rest.rstrip()):
                kept.setdefault(name, [])
                states[name], codes[name] = (
                    max("warned", states.get(name, "warned"), key=WORST.index),
                    int(code[1]),
                )
        elif rest.startswith(("> ", "$ ")) or rest == ">":
            said = kept.setdefault(name, [])
            said.append(rest[2:] if rest.startswith(">") else rest)
            del said[:-KEPT]
        elif over := re.search(r"^finished in .*  (?:FAIL|WARN) (\d+)\s*$", rest):  # not that of after_script
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


def _split(line: str, names: Sequence[str]) -> tuple[str, str] | None:
    """Return the job that a line is of, and what follows its name; all copies of one job count as it."""
    for name in names:
        rest = line.removeprefix(name)
        if rest != line and (copy := COPY.match(rest)):
            rest = rest[copy.end() :]
        if rest != line and (not rest or rest[0] == " "):
            return name, rest.lstrip(" ")
    return None


def listed(output: str) -> list[dict[str, object]]:
    """Return the jobs of a file with what becomes of them, from `--list-json`; none if it gave no list."""
    start = output.find("[\n  {")
    try:
        found, _ = json.JSONDecoder().raw_decode(output, max(start, 0))
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def complaint(output: str) -> str:
    """Return what the program itself says is wrong with the file, as one sentence."""
    said = [line.strip() for line in output.splitlines() if line.strip() and not _noise(line)]
    said = [line for line in said if not re.match(r"at (\S+ )?\(?(file|node):", line)]
    return " ".join(said)[:400] or "It gives no reason."


def placed(said: str, file: PipelineFile) -> str:
    """Return a complaint that begins with the learner's line that it is about, where it names one."""
    words = re.findall(r"[^\s\[\],]+", said)
    job = next((word for word in reversed(words) if word.strip(":") in file.jobs), "").strip(":")
    path = (job, *[key for key in KEYS if re.search(rf"\b{key}\b", said)][:1]) if job else ()
    line = file.line(*path) if path else 0
    if not path and "include" in said:
        line = file.line("include")
    if not path and (found := re.search(r"!reference (\[.*?\])", said)):
        line = next((number for number, text in enumerate(file.text.split("\n"), 1) if found[1] in text), 0)
    return f"Line {line}: {said}" if line else said


def finished(output: str) -> bool:
    """Return whether a pipeline came to its end, if one without a single job."""
    return any(line.startswith("pipeline finished in ") for line in output.split("\n"))


def without_noise(text: str) -> str:
    """Text of which the program's remarks, that come over the other stream, are taken out."""
    return "\n".join(line for line in text.split("\n") if not _noise(line)) + "\n"


def _noise(line: str) -> bool:
    return (
        line.startswith(NOISE)
        or GIT_FAILED.match(line) is not None
        or line.startswith(("fatal: ref refs/remotes", "error: No such remote"))
    )
