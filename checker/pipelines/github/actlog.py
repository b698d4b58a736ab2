"""What act says while it runs a workflow (`--json`), as jobs and steps with their conclusions and logs."""

import json
from typing import Any, Literal

import msgspec

LOG_LINES = 400
"""Lines kept of one step's output."""

Conclusion = Literal["success", "failure", "skipped", "cancelled"]


class StepRun(msgspec.Struct, frozen=True, kw_only=True):
    """A step as it ran. line: in the learner's file. log: what it printed, the first `LOG_LINES` lines."""

    line: int
    name: str
    conclusion: Conclusion
    log: tuple[str, ...] = ()


class JobRun(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it ran, once for each combination of its matrix."""

    id: str
    matrix: dict[str, str] = {}
    conclusion: Conclusion
    steps: tuple[StepRun, ...] = ()

    @property
    def failed(self) -> StepRun | None:
        """The step that ended it; None if none did."""
        return next((step for step in self.steps if step.conclusion == "failure"), None)


class _Job(msgspec.Struct):
    id: str
    matrix: dict[str, str]
    results: dict[str, str] = {}
    logs: dict[str, list[str]] = {}
    said: list[str] = []
    result: str = ""


class ActLog:
    """Reads the lines as they come. errors: what act itself complained about."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], _Job] = {}
        self.errors: list[str] = []
        self.output: list[str] = []

    def add(self, line: str) -> None:
        """Take one line of act's output."""
        try:
            entry = json.loads(line)
        except ValueError:
            if line.strip():
                self.errors.append(line.strip().removeprefix("Error: "))
            return
        if not isinstance(entry, dict) or "jobID" not in entry:
            if isinstance(entry, dict) and entry.get("level") == "error":
                self.errors.append(str(entry.get("msg")))
            return
        self._of_job(entry)

    def _of_job(self, entry: dict[str, Any]) -> None:
        matrix = {str(key): str(value) for key, value in (entry.get("matrix") or {}).items()}
        key = (str(entry["jobID"]), json.dumps(matrix, sort_keys=True))
        job = self._jobs.setdefault(key, _Job(key[0], matrix))
        where = entry.get("stepID") or []
        message = str(entry.get("msg", "")).rstrip("\n")
        if result := entry.get("jobResult"):
            job.result = str(result)
        elif where and entry.get("raw_output"):
            self.output.append(message)
            lines = job.logs.setdefault(str(where[0]), [])
            if len(lines) < LOG_LINES:
                lines.append(message)
        elif entry.get("stepResult") and len(where) == 1 and entry.get("stage") == "Main":
            job.results[str(where[0])] = str(entry["stepResult"])
        elif where and entry.get("level") == "error":
            job.logs.setdefault(str(where[0]), []).append(message)
        elif not where and entry.get("level") == "error":
            self.errors.append(message)

    def jobs(self, steps: dict[str, list[tuple[str, int, str]]]) -> tuple[JobRun, ...]:
        """Return the jobs that ran. steps: of each job, its steps as key (id or position), line and name."""
        return tuple(self._run(job, steps.get(job.id, [])) for job in self._jobs.values())

    def _run(self, job: _Job, steps: list[tuple[str, int, str]]) -> JobRun:
        ended = bool(job.result)
        runs = tuple(
            StepRun(
                line=line,
                name=name,
                conclusion=_conclusion(job.results.get(key), ended, key in job.logs),
                log=tuple(job.logs.get(key, ())),
            )
            for key, line, name in steps
        )
        return JobRun(
            id=job.id, matrix=job.matrix, conclusion=_conclusion(job.result, ended, True), steps=runs
        )


def _conclusion(said: str | None, ended: bool, begun: bool) -> Conclusion:
    if said == "success":
        return "success"
    if said in ("failure", "failed"):
        return "failure"
    return "cancelled" if begun and not ended else "skipped"
