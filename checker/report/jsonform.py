"""The JSON form of a report: the one documented, versioned form for machines.

`report.schema.json` beside this file describes it, the error form included; docs/instructor/report-form.md explains it.
"""

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from checker.base import texts
from checker.base.errors import LabError, UsageError
from checker.base.plain import plain, unsafe_as_json, without_surrogates
from checker.base.results import REPORT_VERSION, LabReport, Report, StepReport
from checker.report.wording import totals

REPORT_NAME = "registry-lab/report"
READABLE = (2, REPORT_VERSION)
"""Version 2 lacks `begun` of a step, which is true where nothing says otherwise."""
ERROR_NAME = "registry-lab/error"


def to_json(report: Report) -> bytes:
    """Return the report as indented UTF-8 JSON with a final newline, always in the same order.

    Totals, percentages (two decimals) and outcomes are written out, so that no reader has to do
    arithmetic. Control and direction characters are escaped; lone surrogates become U+FFFD.
    """
    total = totals(report)
    form = {
        "schema": report.schema,
        "schema_version": report.schema_version,
        "mode": report.mode,
        "generated_at": report.generated_at,
        "outcome": report.outcome,
        "points": total.points,
        "max_points": total.max_points,
        "percent": round(total.percent, 2),
        "due": report.due,
        "missing": report.missing,
        "unmatched": report.unmatched,
        "alike": report.alike,
        "shard": report.shard,
        "results": [_result(result) for result in report.results],
    }
    return _encoded(form)


def error_json(error: LabError) -> bytes:
    """Return the error form: what a command writes where it cannot give a report."""
    return _encoded(
        {
            "schema": ERROR_NAME,
            "schema_version": REPORT_VERSION,
            "exit_code": int(error.exit_code),
            "message": error.message,
            "action": error.action,
        }
    )


def from_json(data: bytes) -> Report:
    """Read what `to_json` wrote. Derived numbers in it are ignored and worked out again.

    Raises `UsageError` for anything else: no JSON, another form, another version, wrong contents.
    """
    text = texts.decoded(data, "The report")
    try:
        form = msgspec.json.decode(text)
    except msgspec.MsgspecError as error:
        raise UsageError(
            f"This is not a report: it is not JSON ({_placed(str(error), text)}).",
            "Give a file that `lab check --json` or `lab grade --json` wrote, unchanged.",
        ) from None
    except RecursionError:
        raise UsageError(
            "This is not a report: lists in it are nested too deeply.",
            "Give a file that `--json` wrote, unchanged.",
        ) from None
    _refuse_other_forms(form)
    try:
        read = msgspec.convert(form, Report)
        return msgspec.structs.replace(read, schema_version=REPORT_VERSION)
    except msgspec.ValidationError as error:
        raise UsageError(
            f"The report is damaged: {error}.",
            "Make it again with `lab check --json` or `lab grade --json`.",
        ) from None


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of both forms."""
    text = Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _result(result: LabReport) -> dict[str, Any]:
    return {
        "lab": result.lab,
        "title": result.title,
        "path": result.path,
        "person": result.person,
        "submitted_at": result.submitted_at,
        "submitted_by": result.submitted_by,
        "late": result.late,
        "outcome": result.outcome,
        "points": result.points,
        "max_points": result.max_points,
        "percent": round(result.percent, 2),
        "seconds": result.seconds,
        "error": result.error,
        "warnings": result.warnings,
        "versions": result.versions,
        "steps": [_step(step) for step in result.steps],
    }


def _step(step: StepReport) -> dict[str, Any]:
    """Leave out what the form has no field for: an error's reason says that the machine was too slow."""
    form: dict[str, Any] = msgspec.to_builtins(step)
    if form["answer"]:
        del form["answer"]["starved"]
    return form


def _encoded(form: dict[str, Any]) -> bytes:
    built = _storable(msgspec.to_builtins(form))
    text = json.dumps(built, indent=2, ensure_ascii=False, allow_nan=False)
    return (unsafe_as_json(text) + "\n").encode()


def _storable(value: Any) -> Any:
    """Return built-in values with every string fit for UTF-8."""
    match value:
        case str():
            return without_surrogates(value)
        case dict():
            return {key: _storable(item) for key, item in value.items()}
        case list() | tuple():
            return [_storable(item) for item in value]
        case _:
            return value


def _placed(problem: str, text: str) -> str:
    """Return what msgspec says of a text, with line and column in place of the number of a byte."""
    found = re.search(r"\(byte (\d+)\)", problem)
    if not found:
        return problem if text.strip() else "the file is empty"
    before = text.encode()[: int(found[1])].decode(errors="replace")
    line, column = texts.place(before, len(before))
    return problem.replace(found[0], f"in line {line}, column {column}")


def _refuse_other_forms(form: object) -> None:
    name = form.get("schema") if isinstance(form, dict) else None
    if isinstance(form, dict) and name == ERROR_NAME:
        raise UsageError(
            f"This file holds no report but an error: {plain(str(form.get('message', '')))}",
            plain(str(form.get("action", ""))),
        )
    if not isinstance(form, dict) or name != REPORT_NAME:
        raise UsageError(
            f'This is not a report: its "schema" is not "{REPORT_NAME}".',
            "Give a file that `lab check --json` or `lab grade --json` wrote.",
        )
    version = form.get("schema_version")
    if isinstance(version, bool) or version not in READABLE:
        raise UsageError(
            f"The report has version {plain(str(version))}; this command reads version {REPORT_VERSION} and what "
            f"version {READABLE[0]} wrote.",
            "Use the release of registry-lab that wrote it, or make the report again.",
        )
