"""Judge every change of a practice as it comes, in one warm session, and write the record of progress.

The step that a change concerns is judged at once, all others as soon as nothing new comes. Front ends hear of it
through `tell`; what they show they read from the record of progress.
"""

import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from typing import Literal

import msgspec

from checker.base.errors import EnvironmentFault, ServiceFault
from checker.base.results import LabReport, Outcome
from checker.judge import answertext, verify
from checker.judge.verify import Judging
from checker.lab import progress, workspace
from checker.lab.progress import Standing
from checker.practice import watch
from checker.practice.session import Session
from checker.practice.watch import Changes, NoticedChange

PAUSE = 0.3
"""Seconds between two looks at whether another command is still running answers."""
PATIENCE = 20.0
"""Seconds without a look at everything while another command runs answers: then it is looked at all the same."""


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """What a front end is told.

    ready: everything was judged once, and from now on nothing is missed. changed: something happened in the registry.
    checking: these steps are looked at now. checked: the verdicts on these steps are in the record. recorded: somebody
    else wrote to the record. fault: why following ends.
    why: what happened, in a few words. seconds: from hearing of it to the verdict. report: the verdicts.
    """

    event: Literal["ready", "changed", "checking", "checked", "recorded", "fault"]
    why: str = ""
    steps: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""
    report: LabReport | None = None


Tell = Callable[[Update], None]


def follow(session: Session, changes: Changes, tell: Tell) -> None:
    """Judge a practice whenever something happens to it, until a change says that it is over.

    changes: entered already. Raises ServiceFault when the registry stops, and what a check raises.
    """
    stack = session.started()
    with ExitStack() as closing:
        verify.judging(
            session.engine,
            session.lab,
            stack,
            session.workspace,
            lambda look: _Follower(session, changes, tell, look).go(),
            remember=True,
            closing=closing,
        )


class _Follower:
    def __init__(self, session: Session, changes: Changes, tell: Tell, look: Judging) -> None:
        self._session = session
        self._changes = changes
        self._tell = tell
        self._look = look

    def go(self) -> None:
        self._judge(None, "", event="ready")
        owed: list[NoticedChange] = []
        """What happened since everything was looked at."""
        since = 0.0
        while True:
            first = self._changes.first(PAUSE if owed else watch.FALLBACK)
            began = time.monotonic()
            if any(change.over for change in first):
                return
            if first and all(change.recorded for change in first):
                self._tell(Update(event="recorded"))
                continue
            since = since if owed else began
            owed += first
            self._at_once(first, began)
            later = self._changes.rest() if first else []
            if any(change.over for change in later):
                return
            owed += [change for change in later if not change.recorded]
            self._end_if_over(owed)
            if any(change.event for change in later):
                self._tell(Update(event="changed", why=why(later)))
            if self._busy() and time.monotonic() < since + PATIENCE:
                continue
            asked = {step for change in owed for step in change.asked}
            self._judge(None, why(owed), began=began, ran=asked if any(one.ran for one in owed) else ())
            owed = []

    def _busy(self) -> bool:
        """Return whether another command is running answers: what it has not done yet is no failure."""
        return workspace.is_held(self._session.workspace)

    def _end_if_over(self, changes: Sequence[NoticedChange]) -> None:
        for change in changes:
            if change.fault:
                fault = ServiceFault(change.fault, f"`lab start {self._session.lab.number}` brings it back.")
                self._tell(Update(event="fault", message=fault.told))
                raise fault

    def _at_once(self, changes: Sequence[NoticedChange], began: float) -> None:
        """Judge the step that a change concerns. A push that is not all yet is no failure: only a pass is told."""
        self._end_if_over(changes)
        for change in changes:
            if change.event:
                self._tell(Update(event="changed", why=why(changes)))
                if step := self._at_hand():
                    self._judge({step}, why(changes), began=began, only_pass=True)
            elif change.asked:
                self._judge(set(change.asked), "", began=began, ran=change.asked if change.ran else ())
            elif change.saved not in ("", "."):
                self._judge({change.saved}, why(changes), began=began)

    def _at_hand(self) -> str:
        """Return the step that a push most likely is for: the one tried last, else the next open one."""
        record = self._session.progress()
        tried = [
            (known.checked_at, name)
            for name, known in record.steps.items()
            if known.standing is Standing.TRIED and self._session.lab.step(name)
        ]
        following = progress.next_step(self._session.lab, record)
        return max(tried)[1] if tried else following.name if following else ""

    def _judge(
        self,
        steps: set[str] | None,
        reason: str,
        *,
        event: Literal["ready", "checked"] = "checked",
        began: float | None = None,
        ran: Collection[str] = (),
        only_pass: bool = False,
    ) -> None:
        began = time.monotonic() if began is None else began
        lab, place = self._session.lab, self._session.workspace
        names = tuple(step.name for step in lab.steps if steps is None or step.name in steps)
        if not only_pass:
            self._tell(Update(event="checking", why=reason, steps=names))
        found = self._look(None if steps is None else frozenset(steps))
        report = verify.report(lab, self._session.engine, found, str(place.path), 0.0)
        report = answertext.with_written(lab, report, answertext.written(lab, place))
        if only_pass:
            passed = tuple(step for step in report.steps if step.outcome is Outcome.PASS)
            if not passed:
                return
            report = msgspec.structs.replace(report, steps=passed)
        message = ""
        try:
            self._session.note(report.steps, ran)
        except EnvironmentFault as fault:
            message = f"Your progress could not be written down. {fault.told}"
        self._tell(
            Update(
                event=event,
                why=reason,
                steps=tuple(step.step for step in report.steps),
                seconds=time.monotonic() - began,
                message=message,
                report=report,
            )
        )


def why(changes: Sequence[NoticedChange]) -> str:
    """Return what happened in a few words: `saved build; push shop:1.0`."""
    saved = sorted({change.saved for change in changes if change.saved not in ("", ".")})
    parts = [f"saved {', '.join(saved)}"] if saved else []
    events = [change.event for change in changes if change.event]
    parts += [f"{event.action} {event.repository}:{event.tag or event.digest[:19]}" for event in events]
    if not parts and any(change.saved == "." for change in changes):
        parts.append("files changed")
    return "; ".join(dict.fromkeys(parts))
