"""GitHub-flavoured Markdown: a summary for a pull request, a job summary or a file.

Text from elsewhere reaches the page as character references, which no Markdown parser reads as
markup, and can neither become a link nor call a person or an issue.
"""

import re

from checker.base.plain import plain, plain_line, tail
from checker.base.results import Finding, LabReport, Outcome, Report, StepReport
from checker.report.graded import Grades
from checker.report.grades import shown
from checker.report.wording import (
    SYMBOLS,
    about_the_class,
    codes,
    parts,
    percent,
    points,
    remarks,
    standing,
    summed,
    symbol,
    totals,
    trouble,
    versions,
)

SIZE_LIMIT = 1_000_000
"""Bytes; GitHub throws a job summary above 1 MiB away as a whole."""

OUTPUT_LINES = 20

_MARKUP = re.compile(r"[\\`*_~\[\]<>&|$]|:(?=//)|(?<=www)\.|[@#](?=\w)", re.IGNORECASE)
_CODE_SPAN = re.compile(r"&#96;((?:(?!&#96;|<br>).)+)&#96;")
_CALL = re.compile(r"[@#](?!sha256:)")


def to_markdown(report: Report, *, grades: Grades | None = None, limit: int = SIZE_LIMIT) -> str:
    """Return the report as Markdown of at most `limit` bytes, where the overview alone allows it.

    grades: the same report under an instructor's rules, to be shown as well. Workspaces whose details do not
    fit are left out from the end, and the text says how many.
    """
    text = "\n".join([*_heading(report), *_overview(report), *_graded(grades), *_class(report), ""])
    room = limit - len(text.encode()) - 200  # 200: for the note below
    sections = [_result(result) for result in report.results]
    for done, section in enumerate(sections):
        room -= len(section.encode())
        if room < 0:
            left_out = len(sections) - done
            noun = "workspace is" if left_out == 1 else "workspaces are"
            note = f"The details of {left_out} more {noun} left out for size; the JSON report has them."
            return f"{text}\n{note}\n"
        text += section
    return text


def escaped(text: str) -> str:
    """Return foreign text as inline Markdown, good in table cells and in HTML blocks as well."""
    return _MARKUP.sub(_reference, plain(text).strip()).replace("\n", "<br>").replace("\t", " ")


def _reference(match: re.Match[str]) -> str:
    reference = f"&#{ord(match[0])};"
    # Mentions and issue numbers are looked for in the finished text, where the reference is a plain
    # character again: an invisible space after it keeps them from being found. Digests stay whole.
    follows = match.string[match.start() :]
    return f"{reference}&#8203;" if _CALL.match(follows) else reference


def _code(text: str) -> str:
    return f"<code>{escaped(plain_line(text))}</code>" if text.strip() else ""


def _heading(report: Report) -> list[str]:
    total = totals(report)
    score = f"{total.points} of {total.max_points} points ({percent(total.percent)})"
    return [
        f"## {_outcome(report.outcome)}: {score}",
        "",
        f"registry-lab, {report.mode}, {escaped(plain_line(report.generated_at))}",
    ]


def _overview(report: Report) -> list[str]:
    if len(report.results) < 2:
        return []
    rows = ["", "| Who | Lab | Outcome | Points | Percent |", "| --- | --- | --- | ---: | ---: |"]
    rows += [
        f"| {_who(result)} | {_code(result.lab)} | {_outcome(result.outcome)} "
        f"| {result.points}/{result.max_points} | {percent(result.percent)} |"
        for result in report.results
    ]
    return rows


def _who(result: LabReport) -> str:
    """Return whose a result is, by name where one is known; else the workspace."""
    if result.person is None:
        return _code(result.path)
    name, identifier = result.person.name, result.person.identifier
    if not name or name == identifier:
        return escaped(plain_line(identifier))
    return f"{escaped(plain_line(name))} ({escaped(plain_line(identifier))})"


def prose(text: str) -> str:
    """Return foreign sentences as inline Markdown, with what stands between backquotes set as code."""
    return _CODE_SPAN.sub(r"<code>\1</code>", escaped(text))


def _graded(grades: Grades | None) -> list[str]:
    if grades is None:
        return []
    rows = ["", "Under the rules:", "", "| Learner | Points | Percent | Why |", "| --- | ---: | ---: | --- |"]
    for learner in grades.learners:
        why = "<br>".join(escaped(plain_line(text)) for grade in learner.labs for text in grade.explained)
        score = f"{shown(learner.points)}/{shown(learner.max_points)} | {percent(float(learner.percent))}"
        rows.append(
            f"| {escaped(plain_line(learner.person.name or learner.person.identifier))} | {score} | {why} |"
        )
    return rows


def _class(report: Report) -> list[str]:
    lines = [escaped(line) for line in about_the_class(report)]
    return ["", "<br>\n".join(lines)] if lines else []


def _result(result: LabReport) -> str:
    lines = ["", f"### {_code(result.lab)} {escaped(plain_line(result.title))}", ""]
    of = f"{_who(result)}, workspace" if result.person else "Workspace"
    lines += [f"{_outcome(result.outcome)}: {summed(result)}. {of} {_code(result.path)}."]
    if why := trouble(result):
        lines += ["", f"**Error:** {escaped(why)}"]
    lines += [line for warning in result.warnings for line in ("", f"**Worth a look:** {escaped(warning)}")]
    if result.steps:
        lines += ["", "| Step | Outcome | Points | Finding |", "| --- | --- | ---: | --- |"]
        lines += [_row(step) for step in result.steps]
    lines += [line for step in result.steps for line in _details(step)]
    if known := versions(result):
        lines += ["", f"Versions: {escaped(known)}."]
    return "\n".join(lines) + "\n"


def _row(step: StepReport) -> str:
    found = ", ".join(dict.fromkeys(_code(finding.code) for finding in step.findings))
    why = found or escaped(codes(step))
    if step.untouched:
        why = ""
    return f"| {_code(step.step)} | {symbol(step)} {standing(step)} | {points(step)} | {why} |"


def _details(step: StepReport) -> list[str]:
    if step.untouched or step.outcome in (Outcome.PASS, Outcome.SKIPPED):
        return []
    title = f"{SYMBOLS[step.outcome]} {_code(step.step)} {escaped(plain_line(step.title))}"
    lines = ["", f"<details><summary>{title}</summary>"]
    lines += [line for finding in step.findings for line in ("", _finding(finding))]
    lines += [line for remark in remarks(step) for line in ("", prose(remark))]
    if step.answer and step.answer.output.strip():
        lines += ["", "What the answer printed:", "", _block(tail(step.answer.output, OUTPUT_LINES))]
    return [*lines, "", "</details>"]


def _finding(finding: Finding) -> str:
    said = "<br>\n".join(f"**{label}:** {prose(text)}" for label, text in parts(finding))
    return f"{_code(finding.code)}<br>\n{said}"


def _block(text: str) -> str:
    """Return a raw HTML block of kind 1 (CommonMark 4.6): nothing in it is Markdown until its end tag."""
    return f"<pre>{text.replace('&', '&amp;').replace('<', '&lt;').replace('>', '&gt;')}</pre>"


def _outcome(outcome: Outcome) -> str:
    return f"{SYMBOLS[outcome]} {outcome}"
