"""A report under an instructor's rules, as data: grades of steps, of labs, of learners."""

from decimal import Decimal

import msgspec

from checker.base.results import LabReport, Outcome, Person, Report, StepReport
from checker.report.gradingrules import GradingRules


class StepGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One step under the rules. An extra credit step adds points and nothing to what can be reached.

    comment: what an instructor wrote by hand. by_hand: whether the points were, too.
    """

    report: StepReport
    points: Decimal
    max_points: Decimal
    extra_credit: bool = False
    changes: tuple[str, ...] = ()
    comment: str = ""
    by_hand: bool = False


class LabGrade(msgspec.Struct, frozen=True, kw_only=True):
    """One result under the rules. changes: what was done to its points as a whole; its steps have their own."""

    result: LabReport
    steps: tuple[StepGrade, ...]
    points: Decimal
    max_points: Decimal
    percent: Decimal
    changes: tuple[str, ...] = ()

    @property
    def in_error(self) -> bool:
        """Whether the machine is at fault for something here to which nobody has given points by hand."""
        if self.result.outcome is not Outcome.ERROR:
            return False
        wrong = [step for step in self.steps if step.report.outcome is Outcome.ERROR]
        return bool(self.result.error) or not wrong or not all(step.by_hand for step in wrong)

    @property
    def explained(self) -> tuple[str, ...]:
        """Every change, those of steps with the step's name in front."""
        of_steps = [f"{step.report.step}: {why}" for step in self.steps for why in step.changes]
        return (*of_steps, *self.changes)


class Learner(msgspec.Struct, frozen=True, kw_only=True):
    """All that came from one person. missing: labs nothing came of; they count with 0 points.

    comment: what an instructor wrote by hand.
    """

    person: Person
    labs: tuple[LabGrade, ...]
    points: Decimal
    max_points: Decimal
    percent: Decimal
    missing: tuple[str, ...] = ()
    comment: str = ""

    def lab(self, name: str) -> LabGrade | None:
        return next((grade for grade in self.labs if grade.result.lab == name), None)


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """A report with what it is worth: what every rendering for an instructor is made of.

    labs: one for each result, in the report's order. learners: the same by person, ordered by name.
    """

    report: Report
    rules: GradingRules
    labs: tuple[LabGrade, ...]
    learners: tuple[Learner, ...]
