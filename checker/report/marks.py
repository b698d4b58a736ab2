"""What an instructor wrote by hand: comments and points, saved from the class's page, merged by `lab report --marks`.

The report is never changed. Points by hand take the place of a step's points before lateness is counted.
"""

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Literal

import msgspec

from checker.base import texts
from checker.base.errors import UsageError
from checker.base.plain import plain_line

LONGEST = 20_000
"""Characters of one comment."""


class StepMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By hand, of one step. points: a number as text, empty for what the checks say."""

    points: str = ""
    comment: str = ""

    def number(self) -> Decimal | None:
        """Return the points as a number; None without. Raises ValueError."""
        text = self.points.strip().replace(",", ".")
        if not text:
            return None
        try:
            value = Decimal(text)
        except InvalidOperation:
            raise ValueError(text) from None
        if not value.is_finite() or not 0 <= value <= 1_000_000 or value != value.quantize(Decimal("0.01")):
            raise ValueError(text)
        return value


class LearnerMarks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By hand, of one learner. labs: lab -> step -> what was written."""

    comment: str = ""
    labs: dict[str, dict[str, StepMark]] = {}


class Marks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. report: when the report was graded that the page was made of. learners: by identifier."""

    learners: dict[str, LearnerMarks] = {}
    report: str = ""
    version: Literal[1] = 1
    schema: Literal["registry-lab/marks"] = "registry-lab/marks"

    def of(self, identifier: str) -> LearnerMarks:
        return self.learners.get(identifier, LearnerMarks())

    def step(self, identifier: str, lab: str, step: str) -> StepMark:
        return self.of(identifier).labs.get(lab, {}).get(step, StepMark())


def read(path: Path) -> Marks:
    """Read a file of comments and points. Raises UsageError for what is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"Cannot read {path}: {error.strerror}.", "Name the file that the page saved."
        ) from None
    try:
        marks = msgspec.json.decode(texts.decoded(data, str(path)), type=Marks)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise UsageError(
            f"{path} holds no comments and points: {error}.",
            "Give the file that the page of the class saved (`Save comments and points`), unchanged.",
        ) from None
    for who, learner in marks.learners.items():
        for lab, steps in learner.labs.items():
            for step, mark in steps.items():
                try:
                    mark.number()
                except ValueError:
                    raise UsageError(
                        f"{path}: {plain_line(mark.points)!r} is no number of points for step {plain_line(step)} of "
                        f"{plain_line(lab)}, {plain_line(who)}.",
                        "Points are a number from 0 on, with two decimals at most; empty for what the checks say.",
                    ) from None
                if len(mark.comment) > LONGEST:
                    raise UsageError(
                        f"{path}: a comment for {plain_line(who)} is longer than {LONGEST} characters."
                    )
    return marks


def unknown(marks: Marks, known: dict[str, dict[str, set[str]]]) -> list[str]:
    """Return what in the marks is of nobody and of no step; a sentence each. known: identifier -> lab ->
    steps."""
    said = []
    for who, learner in marks.learners.items():
        if who not in known:
            said.append(f"The report has nobody called {plain_line(who)}.")
            continue
        for lab, steps in learner.labs.items():
            lost = [step for step in steps if step not in known[who].get(lab, set())]
            said += [
                f"{plain_line(who)} has no step {plain_line(step)} of {plain_line(lab)}." for step in lost
            ]
    return said
