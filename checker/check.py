"""What the author of a check imports.

A check is a pytest test function marked with `step`. It looks at the real world through its
fixtures (see `checker.judge.plugin`) and either returns, or says through `fail` what is not as asked.
A plain `assert` states something about the lab itself: if it does not hold, the lab is broken.
"""

from typing import NoReturn

import pytest

from checker.base.results import Finding

STEP_MARK = "step"


class CheckFailed(Exception):
    """The learner's world is not as the step asks."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.code}: {finding.observed}")
        self.finding = finding


def step(name: str) -> pytest.MarkDecorator:
    """Mark a test function as a check of the step `name`."""
    return getattr(pytest.mark, STEP_MARK)(name)  # type: ignore[no-any-return]


def fail(code: str, *, expected: str, observed: str, action: str) -> NoReturn:
    """End the check with a finding; the meaning of the fields is that of `checker.base.model.Finding`."""
    raise CheckFailed(Finding(code=code, expected=expected, observed=observed, action=action))
