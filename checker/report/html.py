"""Cards and tables for notebooks: HTML without scripts that follows JupyterLab's theme.

Colours are JupyterLab's own variables. Where there are none (another front end), text and
background are inherited and only the accents have a colour of their own, so that both light and
dark pages stay readable. Without any style at all the cards still read top to bottom.
"""

from functools import cache

from jinja2 import Environment
from markupsafe import Markup

from checker.base.plain import plain, plain_line
from checker.base.results import LabReport, Outcome, StepReport
from checker.report import templating
from checker.report.wording import codes, described, headline, points, standing, summed, symbol

LABELS = {"Expected": "Expected", "Seen": "What is really there", "Next": "Next"}
"""Not "what the registry holds": some steps are about a file, an image in the engine or an answer."""
STYLE = f"<style>\n{templating.own('card.css')}</style>"


def card(step: StepReport, *, hint: str | None = None, more: str = "") -> str:
    """Return one step's verdict as a self-contained HTML card. hint: plain text to show below it. more: HTML."""
    shown = {"step": step, "hint": hint, "more": Markup(more)}  # noqa: S704 - made by us
    return _templates().get_template("card.html.j2").render(shown)


def card_text(step: StepReport, *, hint: str | None = None) -> str:
    """Return the same as `card` in plain text, for front ends that show no HTML."""
    head = f"{symbol(step)} {standing(step)}  {plain_line(step.step)}: {headline(step)}"
    blocks = [f"{head}  {points(step)}" if step.max_points else head]
    if step.untouched:
        blocks.append("There is no answer yet.")
    elif step.outcome is not Outcome.PASS:
        blocks.append(described(step))
    if hint:
        blocks.append(f"Hint: {plain(hint).strip()}")
    return "\n\n".join(block for block in blocks if block)


def result_table(result: LabReport) -> str:
    """Return a whole lab's verdicts as a self-contained HTML card with a table."""
    return _templates().get_template("table.html.j2").render(result=result)


@cache
def _templates() -> Environment:
    made = templating.environment()
    made.filters.update(codes=codes, headline=headline, points=points, summed=summed, look=_look)
    made.globals.update(LABELS=LABELS, style=Markup(STYLE))  # noqa: S704 - ours
    return made


def _look(step: StepReport) -> str:
    return "untouched" if step.untouched else str(step.outcome)
