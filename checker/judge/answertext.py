"""The text of answers, and whether a learner has begun them."""

from collections.abc import Mapping

import msgspec

from checker.base.model import Lab, Step
from checker.base.results import AnswerText, LabReport
from checker.lab.workspace import Workspace

WRITTEN_LIMIT = 16 * 1024
"""Characters of an answer that a report shows."""


def written(lab: Lab, place: Workspace) -> dict[str, AnswerText]:
    """Return what each step's answer says now, for people to read: step -> answer; nothing where there is
    nothing."""
    found: dict[str, AnswerText] = {}
    for step in lab.steps:
        if text := place.read(step.answer_path):
            cut = text[:WRITTEN_LIMIT]
            found[step.name] = AnswerText(path=step.answer_path, text=cut, truncated=len(cut) < len(text))
    return found


def with_written(lab: Lab, report: LabReport, texts: Mapping[str, AnswerText]) -> LabReport:
    """Return the report with what was written for each step, and whether that is anything of the learner's."""
    begun = {step.name for step in lab.steps if is_begun(lab, step, texts.get(step.name))}
    steps = (
        msgspec.structs.replace(step, written=texts.get(step.step), begun=step.step in begun)
        for step in report.steps
    )
    return msgspec.structs.replace(report, steps=tuple(steps))


def is_begun(lab: Lab, step: Step, answer: AnswerText | None) -> bool:
    """Return whether an answer is more than what the workspace was laid out with.

    A script of blank lines and comments is not begun, whatever the comments say.
    """
    if answer is None or not answer.text.strip():
        return False
    starter = lab.folder / "starter" / step.answer_path
    if starter.is_file() and starter.read_text(encoding="utf-8").split() == answer.text.split():
        return False
    return not step.is_script or has_commands(answer.text)


def has_commands(script: str) -> bool:
    """Return whether a script has anything but blank lines and comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in script.splitlines())
