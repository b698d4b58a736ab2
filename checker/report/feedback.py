"""What a learner is told outside of practice: the words every form for learners is made of.

Nothing here is more than practice shows: findings, reasons and what the answer itself printed. What the
grader's own machine did (errors, versions, paths, warnings meant for an instructor) stays out.
"""

from checker.grades import LabGrade, StepGrade
from checker.model import Outcome
from checker.report.plain import plain, tail
from checker.report.wording import described

OUTPUT_LINES = 40
NOT_YOURS = (
    "This could not be graded. It is not the answer's fault and costs no points; your instructor sees why."
)


def told(step: StepGrade) -> str:
    """A step's verdict in plain text for its learner; empty where there is nothing to say."""
    if step.report.outcome is Outcome.ERROR:
        return NOT_YOURS
    said = described(step.report) if step.report.outcome is not Outcome.PASS else ""
    changes = "\n".join(plain(why).strip() for why in step.changes)
    output = ""
    if step.report.outcome is Outcome.FAIL and step.report.answer and step.report.answer.output.strip():
        output = f"What the answer printed:\n{tail(step.report.answer.output, OUTPUT_LINES)}"
    return "\n\n".join(part for part in (said, changes, output) if part)


def summary(grade: LabGrade) -> str:
    """What is to say about a result as a whole; empty where there is nothing."""
    lines = [plain(why).strip() for why in grade.changes]
    return "\n".join([NOT_YOURS, *lines] if not grade.steps else lines)
