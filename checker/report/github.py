"""Workflow commands for GitHub Actions: annotations, and a guard for everything else printed there.

GitHub shows at most ten annotations of a kind per step of a workflow. One workspace therefore gets
one per step that is not passed; several workspaces get one each, and the summary has the rest.
"""

from collections.abc import Iterable, Mapping

from checker.base.plain import plain, plain_line
from checker.base.results import LabReport, Outcome, Report, StepReport
from checker.report.wording import codes, described, standing, summed, trouble

LEVELS = {Outcome.FAIL: "error", Outcome.ERROR: "warning", Outcome.SKIPPED: "notice"}
"""An error outcome is a warning: it is nobody's mark, but somebody has to look at it."""


def to_commands(report: Report, *, answers: Mapping[str, Mapping[str, str]] | None = None) -> str:
    """Return the annotations as workflow commands, one a line; empty if there is nothing to say.

    answers: lab name -> step name -> the answer's path inside a workspace. Where it is known, the
    annotation points at that file.
    """
    several = len(report.results) > 1
    lines: list[str] = []
    for result in report.results:
        lines += _whole(result) if several else _each(result, (answers or {}).get(result.lab, {}))
        title = f"{plain_line(result.path)}: worth a look"
        lines += [command("warning", warning, title=title) for warning in result.warnings]
    return "".join(f"{line}\n" for line in lines)


def command(level: str, message: str, **properties: str) -> str:
    """Return one workflow command. Properties are written in the order given, empty ones left out."""
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{level} {written}::{_data(message)}" if written else f"::{level}::{_data(message)}"


def stop_commands(token: str) -> str:
    """Return the line after which the runner obeys nothing until `resume_commands(token)`.

    Print it before anything that quotes answers. token: random, new each time, never shown earlier,
    or an answer could print it and be obeyed again.
    """
    return f"::stop-commands::{token}\n"


def resume_commands(token: str) -> str:
    """Return the line that ends what `stop_commands` with the same token began."""
    return f"::{token}::\n"


def _each(result: LabReport, paths: Mapping[str, str]) -> Iterable[str]:
    if why := trouble(result):
        yield command("warning", why, title=f"{plain_line(result.lab)}: error")
    for step in result.steps:
        if step.outcome is Outcome.PASS:
            continue
        yield command(
            "notice" if step.untouched else LEVELS[step.outcome],
            f"There is no answer yet. {step.title}" if step.untouched else described(step),
            file=_file(result, paths.get(step.step, "")),
            title=_title(step),
        )


def _whole(result: LabReport) -> Iterable[str]:
    if result.outcome is Outcome.PASS:
        return
    level = LEVELS[result.outcome]
    lines = [trouble(result), f"{summed(result)}." if result.steps else ""]
    lines += [
        _title(step) if step.untouched else f"{_title(step)}: {codes(step)}"
        for step in result.steps
        if step.outcome is not Outcome.PASS
    ]
    message = "\n".join(line for line in lines if line)
    yield command(level, message, title=f"{plain_line(result.path)}: {result.outcome}")


def _title(step: StepReport) -> str:
    return f"{plain_line(step.step)}: {standing(step)}"


def _file(result: LabReport, answer: str) -> str:
    return f"{plain_line(result.path).rstrip('/')}/{plain_line(answer)}" if answer else ""


def _data(text: str) -> str:
    """Escape as the runner unescapes it (ActionCommand in actions/runner)."""
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
