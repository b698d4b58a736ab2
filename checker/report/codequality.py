"""GitLab's code quality report: each finding as an issue at the answer it is about.

Form: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format . A fingerprint is the same
for the same finding of the same step of the same workspace, so that a merge request shows what changed.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from checker.base.plain import plain_line, unsafe_as_json
from checker.base.results import LabReport, Outcome, Report, StepReport
from checker.report.wording import trouble

SEVERITY = {Outcome.FAIL: "major", Outcome.ERROR: "info", Outcome.SKIPPED: "info"}


def to_codequality(report: Report, *, answers: Mapping[str, Mapping[str, str]] | None = None) -> bytes:
    """Return the report as GitLab reads it; `[]` if there is nothing to say.

    answers: lab name -> step name -> the answer's path inside a workspace; `steps/STEP.sh` where not known.
    """
    issues: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for result in report.results:
        for issue in _issues(result, (answers or {}).get(result.lab, {})):
            print_ = issue["fingerprint"]
            seen[print_] = seen.get(print_, 0) + 1
            if seen[print_] > 1:
                issue["fingerprint"] = _fingerprint(print_, str(seen[print_]))
            issues.append(issue)
    return (unsafe_as_json(json.dumps(issues, indent=2, ensure_ascii=False)) + "\n").encode()


def _issues(result: LabReport, paths: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    folder = plain_line(result.path).rstrip("/")
    if why := trouble(result):
        yield _issue(folder, "not-graded", f"Not graded: {why}", "info", result.lab)
    for step in result.steps:
        path = f"{folder}/{plain_line(paths.get(step.step, f'steps/{step.step}.sh'))}"
        for code, text in _said(step):
            yield _issue(path, code, f"{step.step}: {text}", SEVERITY[step.outcome], step.step)


def _said(step: StepReport) -> Iterable[tuple[str, str]]:
    if step.outcome is Outcome.PASS:
        return
    for found in step.findings:
        yield found.code, f"{found.observed} {found.action}"
    if not step.findings:
        yield f"step-{step.outcome}", step.reason


def _issue(path: str, code: str, text: str, severity: str, what: str) -> dict[str, Any]:
    return {
        "description": plain_line(text),
        "check_name": plain_line(code),
        "fingerprint": _fingerprint(path, what, code),
        "severity": severity,
        "location": {"path": path, "lines": {"begin": 1}},
    }


def _fingerprint(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()
