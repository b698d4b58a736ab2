"""The messages a learner's machine sends to the board. Nothing else is ever sent.

One message is the whole standing of one lab, so only the newest one counts and a lost one does no harm.
"""

import re
from typing import Annotated, Literal

import msgspec

from checker.base.model import Lab
from checker.lab.progress import Progress, Standing

MOST_BYTES = 16 * 1024
"""Of one message. A lab of a dozen steps takes one or two kilobytes."""
MOST_STEPS = 64
CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,79}")
"""What a finding's code looks like."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9-]*$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class StepState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one step stands. finding: the code of the first finding, empty without. same: tries in a row that had it."""

    step: Name
    standing: Literal["not begun", "tried", "passed"]
    finding: Annotated[str, msgspec.Meta(max_length=80, pattern=r"^[a-z0-9-]*$")] = ""
    hints: Count = 0
    same: Count = 0


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one learner stands in one lab. help: whether the learner asks for help."""

    lab: Name
    steps: Annotated[tuple[StepState, ...], msgspec.Meta(max_length=MOST_STEPS)]
    help: bool = False
    version: Literal[1] = 1


def message(lab: Lab, record: Progress) -> Message:
    """Return what is sent of a record of progress: no answer, no value, no text of a finding."""
    return Message(
        lab=lab.name,
        steps=tuple(
            StepState(
                step=step.name,
                standing=_word(record.step(step.name).standing),
                finding=_code(record, step.name),
                hints=min(record.step(step.name).hints, 10_000),
                same=min(record.step(step.name).same, 10_000),
            )
            for step in lab.steps
        ),
        help=bool(record.help_at),
    )


def _word(standing: Standing) -> Literal["not begun", "tried", "passed"]:
    if standing is Standing.PASSED:
        return "passed"
    return "tried" if standing is Standing.TRIED else "not begun"


def _code(record: Progress, step: str) -> str:
    known = record.step(step)
    code = known.findings[0].code if known.findings and known.standing is Standing.TRIED else ""
    return code if CODE.fullmatch(code) else ""
