"""Cards and tables for notebooks: HTML without scripts that follows JupyterLab's theme.

Colours are JupyterLab's own variables. Where there are none (another front end), text and
background are inherited and only the accents have a colour of their own, so that both light and
dark pages stay readable. Without any style at all the cards still read top to bottom.
"""

import re
from html import escape

from checker.model import LabReport, Outcome, StepReport
from checker.report.plain import plain, plain_line
from checker.report.wording import (
    SYMBOLS,
    codes,
    described,
    parts,
    points,
    remarks,
    summed,
    trouble,
)

LABELS = {"Expected": "Expected", "Seen": "What is really there", "Next": "Next"}
"""Not "what the registry holds": some steps are about a file, an image in the engine or an answer."""

STYLE = """<style>
.rl-card { --rl-accent: var(--jp-content-font-color2, currentColor); box-sizing: border-box; max-width: 52rem;
  margin: 0.5em 0; padding: 0.7em 1em; border: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.4));
  border-left: 5px solid var(--rl-accent); border-radius: 4px; color: var(--jp-content-font-color1, inherit);
  background: var(--jp-layout-color1, transparent); font-family: var(--jp-content-font-family, sans-serif);
  font-size: var(--jp-content-font-size1, 14px); line-height: 1.5; }
.rl-card .rl-outcome { --rl-accent: var(--jp-content-font-color2, currentColor); white-space: nowrap; }
.rl-card.rl-pass, .rl-card .rl-outcome.rl-pass { --rl-accent: var(--jp-success-color1, #2e8b3d); }
.rl-card.rl-fail, .rl-card .rl-outcome.rl-fail { --rl-accent: var(--jp-error-color1, #d64545); }
.rl-card.rl-error, .rl-card .rl-outcome.rl-error { --rl-accent: var(--jp-warn-color1, #c77700); }
.rl-card .rl-head { display: flex; flex-wrap: wrap; gap: 0.2em 0.7em; align-items: baseline; }
.rl-card .rl-mark { color: var(--rl-accent); font-weight: 700; font-size: 1.15em; }
.rl-card .rl-points { margin-left: auto; font-variant-numeric: tabular-nums; }
.rl-card .rl-soft, .rl-card .rl-points { color: var(--jp-content-font-color2, inherit); }
.rl-card .rl-label, .rl-card .rl-remark { margin-top: 0.6em; }
.rl-card .rl-label { font-size: 0.86em; font-weight: 600;
  color: var(--jp-content-font-color2, inherit); }
.rl-card .rl-text { white-space: pre-wrap; overflow-wrap: anywhere; }
.rl-card .rl-next { padding: 0.35em 0.7em; border-radius: 3px;
  background: var(--jp-layout-color2, rgba(128, 128, 128, 0.14)); }
.rl-card .rl-hint { margin-top: 0.8em; padding-top: 0.5em;
  border-top: 1px dashed var(--jp-border-color2, rgba(128, 128, 128, 0.4)); }
.rl-card .rl-finding + .rl-finding { margin-top: 0.8em; }
.rl-card code { font-family: var(--jp-code-font-family, monospace); font-size: 0.92em; color: inherit;
  background: none; overflow-wrap: anywhere; }
.rl-card table { border-collapse: collapse; margin: 0.6em 0; font-size: inherit; color: inherit; }
.rl-card th, .rl-card td { padding: 0.2em 1.4em 0.2em 0; text-align: left; background: none;
  color: inherit; border: 0; vertical-align: top; }
.rl-card td.rl-number, .rl-card th.rl-number { text-align: right; font-variant-numeric: tabular-nums; }
</style>"""

CODE = re.compile(r"`([^`\n]+)`")
"""How people set off code in plain text."""


def card(step: StepReport, *, hint: str | None = None) -> str:
    """Return one step's verdict as a self-contained HTML card. hint: plain text to show below it."""
    body = [_head(step)]
    if step.outcome is not Outcome.PASS:
        body += [
            f'<div class="rl-finding">{"".join(_part(label, text) for label, text in parts(finding))}'
            f'<div class="rl-soft rl-remark">Finding: <code>{_line(finding.code)}</code></div></div>'
            for finding in step.findings
        ]
        body += [f'<div class="rl-text rl-remark">{_text(remark)}</div>' for remark in remarks(step)]
    if hint:
        body.append(f'<div class="rl-hint">{_labelled("Hint", hint)}</div>')
    return _card(step.outcome, f"Step {plain_line(step.step)}: {step.outcome}", body)


def card_text(step: StepReport, *, hint: str | None = None) -> str:
    """Return the same as `card` in plain text, for front ends that show no HTML."""
    head = f"{SYMBOLS[step.outcome]} {step.outcome}  {plain_line(step.step)}: {plain_line(step.title)}"
    blocks = [f"{head}  {points(step)}" if step.max_points else head]
    if step.outcome is not Outcome.PASS:
        blocks.append(described(step))
    if hint:
        blocks.append(f"Hint: {plain(hint).strip()}")
    return "\n\n".join(block for block in blocks if block)


def result_table(result: LabReport) -> str:
    """Return a whole lab's verdicts as a self-contained HTML card with a table."""
    rows = "".join(
        f"<tr><td>{_line(step.title)}</td><td>{_mark(step.outcome)}</td>"
        f'<td class="rl-number">{points(step)}</td><td>{_why(step)}</td></tr>'
        for step in result.steps
    )
    head = '<tr><th>Step</th><th>Outcome</th><th class="rl-number">Points</th><th>Finding</th></tr>'
    body = [f'<div class="rl-head">{_mark(result.outcome)} <strong>{_line(result.title)}</strong></div>']
    if why := trouble(result):
        body.append(_labelled("Error", why))
    if rows:
        body.append(f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>")
    body += [_labelled("Worth a look", warning) for warning in result.warnings]
    body.append(f"<div>{summed(result).capitalize()}</div>")
    return _card(result.outcome, f"Lab {plain_line(result.lab)}: {result.outcome}", body)


def _card(outcome: Outcome, label: str, body: list[str]) -> str:
    inner = "\n".join(body)
    # JupyterLab hands HTML outputs to MathJax, which would read "$TEAM and $APP" as a formula.
    classes = f"rl-card rl-{outcome} tex2jax_ignore mathjax_ignore"
    return f'{STYLE}\n<section class="{classes}" aria-label="{escape(label)}">\n{inner}\n</section>\n'


def _head(step: StepReport) -> str:
    counted = f'<span class="rl-points">{points(step)} points</span>' if step.max_points else ""
    title = f"<strong>{_line(step.title)}</strong> <code>{_line(step.step)}</code>"
    # Spaces for where styles are stripped, as in a notebook that nobody has trusted yet.
    return f'<div class="rl-head">{_mark(step.outcome)} <span>{title}</span> {counted}</div>'


def _mark(outcome: Outcome) -> str:
    symbol = f'<span class="rl-mark" aria-hidden="true">{SYMBOLS[outcome]}</span>'
    return f'<span class="rl-outcome rl-{outcome}">{symbol} {outcome}</span>'


def _why(step: StepReport) -> str:
    return f"<code>{_line(codes(step))}</code>" if step.findings else _line(codes(step))


def _part(label: str, text: str) -> str:
    return _labelled(LABELS[label], text, extra=" rl-next" if label == "Next" else "")


def _labelled(label: str, text: str, *, extra: str = "") -> str:
    return f'<div class="rl-label">{escape(label)}</div><div class="rl-text{extra}">{_text(text)}</div>'


def _text(text: str) -> str:
    # Escaped first: what stands between backticks can hold no markup of its own.
    return CODE.sub(r"<code>\1</code>", escape(plain(text).strip()))


def _line(text: str) -> str:
    return escape(plain_line(text))
