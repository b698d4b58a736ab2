"""The feedback a learner gets after grading, in the words that all forms for learners share.

Nothing here is more than practice shows: findings, reasons and what the answer itself printed. What the
grader's own machine did (errors, versions, paths, warnings meant for an instructor) stays out.
"""

from checker.base.plain import plain, tail
from checker.base.results import Outcome
from checker.report.graded import LabGrade, StepGrade
from checker.report.wording import described

OUTPUT_LINES = 40
NOT_YOURS = (
    "This could not be graded. It is not the answer's fault and costs no points; your instructor sees why."
)


def told(step: StepGrade) -> str:
    """Return a step's verdict in plain text for its learner; empty where there is nothing to say."""
    comment = f"Your instructor: {plain(step.comment).strip()}" if step.comment else ""
    if step.report.outcome is Outcome.ERROR:
        return "\n\n".join(filter(None, (NOT_YOURS, comment)))
    said = described(step.report) if step.report.outcome is not Outcome.PASS else ""
    changes = "\n".join(plain(why).strip() for why in step.changes)
    output = ""
    if step.report.outcome is Outcome.FAIL and step.report.answer and step.report.answer.output.strip():
        output = f"What the answer printed:\n{tail(step.report.answer.output, OUTPUT_LINES)}"
    return "\n\n".join(part for part in (comment, said, changes, output) if part)


def summary(grade: LabGrade) -> str:
    """Return what is to say about a result as a whole; empty where there is nothing."""
    lines = [plain(why).strip() for why in grade.changes]
    return "\n".join([NOT_YOURS, *lines] if not grade.steps else lines)
