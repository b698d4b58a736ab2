"""The content of the panel as plain data: from the lab, the record of progress, and what is running."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from checker.base.model import Lab, Step
from checker.base.plain import plain, plain_line
from checker.base.results import Outcome
from checker.lab.progress import Progress, Standing, StepProgress, next_step
from checker.lab.values import secret_names
from checker.report.wording import parts

UNKNOWN = "unknown"
"""How a step stands whose last check ended for a reason that is not the learner's."""

NO_ANSWER = "There is no answer yet. The task is in the notebook's section."
DONE = "The last check passed this step."
NO_PENALTY = "This is not your answer's fault and costs no points."

Watching = Literal["starting", "on", "off"]


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """What is going on.

    checking: steps that are looked at now. watching: whether changes are heard; trouble: what went wrong, in a
    sentence. news: what was found last, counted by news_number. packing: whether an archive is being made; handed:
    what was said about the last one. help_offered: whether somebody could come and help.
    """

    checking: frozenset[str] = frozenset()
    watching: Watching = "starting"
    trouble: str = ""
    news: str = ""
    news_number: int = 0
    packing: bool = False
    handed: tuple[str, ...] = ()
    help_offered: bool = False


class ShownStep(msgspec.Struct, frozen=True):
    """A step. findings: each as pairs of a label and a text. left: how many hints were not shown yet."""

    name: str
    title: str
    standing: str
    checking: bool
    points: str
    findings: tuple[tuple[tuple[str, str], ...], ...]
    remark: str
    hints: tuple[str, ...]
    left: int
    heading: str


class ShownValue(msgspec.Struct, frozen=True):
    """A value of the run. value: empty for a secret, which is only sent when somebody asks for it."""

    name: str
    value: str
    secret: bool


class PanelState(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page needs but the picture."""

    number: str
    title: str
    passed: int
    total: int
    summed: str
    next: str
    steps: tuple[ShownStep, ...]
    values: tuple[ShownValue, ...]
    watching: Watching
    trouble: str
    news: str
    news_number: int
    packing: bool
    handed: tuple[str, ...]
    help: Literal["", "offered", "asked"]


def shown(
    lab: Lab, record: Progress, values: Mapping[str, str], headings: Mapping[str, str], live: Live
) -> dict[str, Any]:
    """Return what the panel shows, as the page gets it. headings: of the steps' sections in the notebook."""
    following = next_step(lab, record)
    secret = secret_names(lab)
    made = PanelState(
        number=lab.number,
        title=plain_line(lab.title),
        passed=record.passed,
        total=len(lab.steps),
        summed=f"{record.passed} of {len(lab.steps)} steps passed, {record.points} of {lab.points} points",
        next=following.name if following else "",
        steps=tuple(
            _step(step, record.step(step.name), headings.get(step.name, ""), step.name in live.checking)
            for step in lab.steps
        ),
        values=tuple(
            ShownValue(plain_line(name), "" if name in secret else plain(value), name in secret)
            for name, value in values.items()
        ),
        watching=live.watching,
        trouble=plain(live.trouble),
        news=plain_line(live.news),
        news_number=live.news_number,
        packing=live.packing,
        handed=tuple(plain(line) for line in live.handed),
        help=("asked" if record.help_at else "offered") if live.help_offered else "",
    )
    form: dict[str, Any] = msgspec.to_builtins(made)
    return form


def news(lab: Lab, before: Progress, after: Progress, looked_at: Collection[str], why: str) -> str:
    """Return what a check found that is new, in a sentence; empty if there is nothing."""
    said = []
    for step in lab.steps:
        old, new = before.step(step.name), after.step(step.name)
        if old.standing is not Standing.PASSED and new.standing is Standing.PASSED:
            said.append(f"{step.title}: passed.")
        elif old.standing is Standing.PASSED and new.standing is not Standing.PASSED:
            said.append(f"{step.title}: not passed any more.")
        elif step.name in looked_at and new.standing is Standing.TRIED and new.findings != old.findings:
            said.append(f"{step.title}: not yet.")
    if not said:
        return ""
    first, _, more = why.partition("; ")
    cause = f" ({first}{' and more' if more else ''})" if why else ""
    return f"{' '.join(said)}{cause}"


def section_headings(cells: Collection[tuple[str, str]]) -> dict[str, str]:
    """Return the headings of steps' sections as they are read. cells: pairs of a step's name and Markdown."""
    found: dict[str, str] = {}
    for step, text in cells:
        heading = re.match(r"##? +(.+)", text)
        if step and heading:
            found.setdefault(step, re.sub(r"[`*]", "", heading[1]).strip())
    return found


def _step(step: Step, known: StepProgress, heading: str, checking: bool) -> ShownStep:
    standing, remark = str(known.standing), ""
    findings = known.findings if known.standing is Standing.TRIED else ()
    if known.outcome is Outcome.ERROR:
        standing = standing if known.standing is Standing.PASSED else UNKNOWN
        remark = f"{plain(known.reason).strip()}\n{NO_PENALTY}".strip()
        findings = known.findings
    elif known.standing is Standing.TRIED:
        remark = plain(known.reason).strip()
    else:
        remark = DONE if known.standing is Standing.PASSED else NO_ANSWER
    hints = tuple(plain(hint).strip() for hint in step.hints[: known.hints])
    return ShownStep(
        name=step.name,
        title=plain_line(step.title),
        standing=standing,
        checking=checking,
        points=f"{known.points} of {step.points} points",
        findings=tuple(parts(finding) for finding in findings),
        remark=remark,
        hints=hints,
        left=len(step.hints) - len(hints),
        heading=heading,
    )
