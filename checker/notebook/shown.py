"""What a cell shows: always the same content twice, as HTML for a browser and as plain text.

The text form is what terminals, nbval and screen readers get. Verdicts are drawn by
`checker.report.html`; the boxes here are for everything that is no verdict.
"""

import re
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Literal

import msgspec

from checker.errors import EnvironmentFault, LabError
from checker.model import LabReport, StepReport
from checker.report import wording
from checker.report.plain import plain

if TYPE_CHECKING:
    from checker.notebook.picture import Tree

Tone = Literal["note", "good", "mind", "fault"]

ACCENTS: Mapping[Tone, str] = {
    "note": "var(--jp-info-color1, #1a6fc4)",
    "good": "var(--jp-success-color1, #2f7f3e)",
    "mind": "var(--jp-error-color1, #b83b3b)",
    "fault": "var(--jp-warn-color1, #b86b00)",
}
NO_FORMULA = "tex2jax_ignore mathjax_ignore"
"""Keeps JupyterLab from reading `$TEAM and $APP` as a formula."""
NOT_YOUR_FAULT = "This is not your answer's fault and costs no points."


class Shown(msgspec.Struct, frozen=True):
    """One output of a cell; `repr` and `_repr_html_` are what IPython asks for."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def box(title: str, body: str = "", *, tone: Tone = "note", code: str = "") -> Shown:
    """A short message. body: paragraphs, one a line. code: text to be shown exactly as it is."""
    title, body, code = plain(title), plain(body), plain(code)
    from checker.report.html import STYLE

    inner = [f"<strong>{_marked(title)}</strong>"]
    inner += [f'<div class="rl-text">{_marked(line)}</div>' for line in body.splitlines() if line]
    if code:
        inner.append(f'<pre class="rl-next rl-text">{escape(code)}</pre>')
    accent = f"--rl-accent: {ACCENTS[tone]}"
    html = f'{STYLE}<section class="rl-card {NO_FORMULA}" style="{accent}">{"".join(inner)}</section>'
    return Shown("\n".join(part for part in (title, body, code) if part), html)


def trouble(error: LabError) -> Shown:
    """What a `LabError` has to say: a fault of the machine is told apart from a wrong request."""
    action = error.action.replace("`lab start", "`%lab start")  # in a notebook it is a magic
    if isinstance(error, EnvironmentFault):
        return box(error.message, f"{action}\n{NOT_YOUR_FAULT}", tone="fault")
    return box(error.message, action, tone="mind")


def verdict(step: StepReport, hint: str | None = None) -> Shown:
    """A step's card. hint: what to show below the findings."""
    from checker.report.html import card, card_text

    return Shown(card_text(step, hint=hint), card(step, hint=hint))


def table(report: LabReport) -> Shown:
    """All steps of a lab at a glance."""
    if not report.steps:
        said = wording.trouble(report)
        return box("The lab could not be checked.", f"{said}\n{NOT_YOUR_FAULT}", tone="fault")
    from checker.report.html import result_table

    wide = max(len(step.step) for step in report.steps)
    lines = [
        f"{wording.SYMBOLS[step.outcome]} {step.step:{wide}} {step.outcome.value:7} "
        f"{wording.points(step):>6} {wording.codes(step)}".rstrip()
        for step in report.steps
    ]
    lines.append(wording.summed(report))
    return Shown("\n".join(lines), result_table(report))


def values(named: Mapping[str, str]) -> Shown:
    """The values of this run, as answers see them in their environment."""
    wide = max((len(name) for name in named), default=0)
    text = "\n".join(f"{name:{wide}}  {plain(value)}" for name, value in named.items())
    cell = "style='text-align:left;padding:2px 14px 2px 0'"
    rows = "".join(
        f"<tr><th scope='row' {cell}><code>${escape(name)}</code></th>"
        f"<td {cell}><code>{escape(plain(value))}</code></td></tr>"
        for name, value in named.items()
    )
    return Shown(
        text, f"<table><caption style='text-align:left'>The values of this run</caption>{rows}</table>"
    )


def picture(tree: "Tree") -> Shown:
    """The registry as a drawing, and in words.

    The SVG goes into an `img`: JupyterLab takes inline SVG apart in a notebook it does not trust.
    """
    from base64 import b64encode

    from checker.notebook.picture import describe, hierarchy_svg

    words = describe(tree)
    data = b64encode(hierarchy_svg(tree).encode()).decode()
    return Shown(words, f'<img alt="{escape(words)}" src="data:image/svg+xml;base64,{data}">')


def _marked(text: str) -> str:
    """Text for HTML, with what stands in backquotes set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
