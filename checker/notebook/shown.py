"""The output of cells, each as HTML for a browser and as plain text.

The text form is what terminals, nbval and screen readers get. Verdicts are drawn by
`checker.report.html`; the boxes here are for everything that is no verdict.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Literal

import msgspec

from checker.base.errors import EnvironmentFault, LabError
from checker.base.plain import plain
from checker.base.results import LabReport, StepReport
from checker.report import wording

if TYPE_CHECKING:
    from checker.practice.hints import Hint
    from checker.practice.picture import Tree

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


class CellOutput(msgspec.Struct, frozen=True):
    """One output of a cell; `repr` and `_repr_html_` are what IPython asks for."""

    text: str
    html: str

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return self.html


def box(title: str, body: str = "", *, tone: Tone = "note", code: str = "") -> CellOutput:
    """Return a short message. body: paragraphs, one a line. code: text to be shown exactly as it is."""
    title, body, code = plain(title), plain(body), plain(code)
    from checker.report.html import STYLE

    inner = [f"<strong>{_marked(title)}</strong>"]
    inner += [f'<div class="rl-text">{_marked(line)}</div>' for line in body.splitlines() if line]
    if code:
        inner.append(f'<pre class="rl-next rl-text">{escape(code)}</pre>')
    accent = f"--rl-accent: {ACCENTS[tone]}"
    html = f'{STYLE}<section class="rl-card {NO_FORMULA}" style="{accent}">{"".join(inner)}</section>'
    return CellOutput("\n".join(part for part in (title, body, code) if part), html)


def status(text: str) -> CellOutput:
    """One small line that says what is going on."""
    colour = "var(--jp-content-font-color2, inherit)"
    font = "font-family: var(--jp-content-font-family, sans-serif); font-size: var(--jp-content-font-size1, 14px)"
    return CellOutput(text, f'<div role="status" style="color: {colour}; {font}">{escape(plain(text))}</div>')


def trouble(error: LabError) -> CellOutput:
    """Return what a `LabError` has to say: a fault of the machine is told apart from a wrong request."""
    action = error.action.replace("`lab start", "`%lab start")  # in a notebook it is a magic
    if isinstance(error, EnvironmentFault):
        return box(error.message, f"{action}\n{NOT_YOUR_FAULT}", tone="fault")
    return box(error.message, action, tone="mind")


class Onward(msgspec.Struct, frozen=True):
    """What a card says about the way on.

    said: how far the learner is. step, anchor: the next step and its heading's name in the notebook. model: the model
    answer to compare with, path and text; empty if it is not offered.
    """

    said: str = ""
    step: str = ""
    anchor: str = ""
    model: tuple[str, str] = ("", "")


def verdict(step: StepReport, hint: str | None = None, onward: Onward | None = None) -> CellOutput:
    """Return a step's card. hint: what to show below the findings. onward: what to say once it is passed."""
    from checker.report.html import card, card_text

    text = card_text(step, hint=hint)
    if onward and onward.said:
        text += f"\n\n{onward.said}" + (f"; next: {onward.step}" if onward.step else "")
    return CellOutput(text, card(step, hint=hint, more=_onward(onward)))


def _onward(onward: Onward | None) -> str:
    """Return the way on as HTML: the next step is a link to its heading."""
    if onward is None or not onward.said:
        return ""
    step = escape(plain(onward.step))
    to = f'<a href="#{escape(onward.anchor)}">{step}</a>' if onward.anchor else step
    html = f'<div class="rl-hint">{escape(onward.said)}{f"; next: {to}" if onward.step else ""}</div>'
    path, text = onward.model
    if text:
        html += (
            f'<details><summary>Compare with the model answer</summary><div class="rl-soft">'
            f"One way of many to do it: {escape(path)}</div>"
            f'<pre class="rl-next rl-text" tabindex="0">{escape(plain(text))}</pre></details>'
        )
    return html


def table(report: LabReport, following: str = "") -> CellOutput:
    """Return all steps of a lab at a glance, and what is wrong with the step `following`."""
    if not report.steps:
        said = wording.trouble(report)
        return box("The lab could not be checked.", f"{said}\n{NOT_YOUR_FAULT}", tone="fault")
    from checker.report.html import result_table

    wide = max(len(step.step) for step in report.steps)
    lines = [
        f"{wording.symbol(step)} {step.step:{wide}} {wording.standing(step):9} "
        f"{wording.points(step):>6} {'' if step.untouched else wording.codes(step)}".rstrip()
        for step in report.steps
    ]
    lines.append(wording.summed(report))
    shown = next((step for step in report.steps if step.step == following and step.findings), None)
    if shown is None or shown.untouched:
        return CellOutput("\n".join(lines), result_table(report))
    card = verdict(shown)
    return CellOutput("\n".join([*lines, "", card.text]), f"{result_table(report)}{card.html}")


def hints(step: str, earlier: "Sequence[Hint]", new: "Hint", trouble: str = "") -> CellOutput:
    """Return a step's next hint, below the ones that were shown before."""
    lines = [f"{hint.number}. {hint.text}" for hint in earlier if hint.number < new.number]
    more = f"There is another: `%hint {step}`." if new.number < new.total else "That was the last one."
    body = "\n".join([*lines, f"{new.number}. {new.text}", more, trouble])
    return box(f"Hint {new.number} of {new.total} for {step}", body)


def values(named: Mapping[str, str]) -> CellOutput:
    """Return the values of this run, as answers see them in their environment."""
    wide = max((len(name) for name in named), default=0)
    text = "\n".join(f"{name:{wide}}  {plain(value)}" for name, value in named.items())
    cell = "style='text-align:left;padding:2px 14px 2px 0'"
    rows = "".join(
        f"<tr><th scope='row' {cell}><code>${escape(name)}</code></th>"
        f"<td {cell}><code>{escape(plain(value))}</code></td></tr>"
        for name, value in named.items()
    )
    return CellOutput(
        text, f"<table><caption style='text-align:left'>The values of this run</caption>{rows}</table>"
    )


def picture(tree: "Tree") -> CellOutput:
    """Return the registry as a drawing, and in words.

    The SVG goes into an `img`: JupyterLab takes inline SVG apart in a notebook it does not trust.
    """
    from base64 import b64encode

    from checker.practice.picture import describe, hierarchy_svg

    words = describe(tree)
    data = b64encode(hierarchy_svg(tree).encode()).decode()
    return CellOutput(words, f'<img alt="{escape(words)}" src="data:image/svg+xml;base64,{data}">')


def _marked(text: str) -> str:
    """Text for HTML, with what stands in backquotes set as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
