"""The two moments at which a replay judges a step: when its answer has run, and when all answers have run.

A learner sees the first in practice. The second shows what later answers took away. A step passes when both say so.
"""

import msgspec

from checker.base.results import Finding, Outcome, StepReport

_GRAVITY = (Outcome.PASS, Outcome.SKIPPED, Outcome.ERROR, Outcome.FAIL)
"""Of two outcomes the later one here counts. A failure stands although the other moment could not be judged."""


def both(first: StepReport, last: StepReport) -> StepReport:
    """Return a step's verdict from what was seen after its own answer and after the last one."""
    seconds = first.seconds + last.seconds
    if first.outcome is last.outcome:
        # Practice shows the first moment, so its words count where the two disagree about the reason.
        chosen = last if _codes(first) == _codes(last) else first
        return msgspec.structs.replace(chosen, seconds=seconds)
    chosen = max(first, last, key=lambda report: _GRAVITY.index(report.outcome))
    if chosen.outcome is Outcome.FAIL and Outcome.PASS in (first.outcome, last.outcome):
        say = _only_first if chosen is first else _only_last
        return msgspec.structs.replace(chosen, findings=tuple(map(say, chosen.findings)), seconds=seconds)
    return msgspec.structs.replace(chosen, seconds=seconds)


def _codes(report: StepReport) -> set[str]:
    return {finding.code for finding in report.findings}


def _only_first(finding: Finding) -> Finding:
    return msgspec.structs.replace(
        finding,
        observed=f"Right after this step's answer: {finding.observed} After the last answer it was as asked, "
        "but every step has to be done by its own answer.",
    )


def _only_last(finding: Finding) -> Finding:
    return msgspec.structs.replace(
        finding,
        observed="Right after this step's answer it was as asked. After the last answer it is not any more: "
        f"{finding.observed}",
    )
