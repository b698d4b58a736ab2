"""The start page's cards: every lab, how far the learner is with it, and a link that opens its notebook."""

from html import escape

from checker.base.plain import plain_line
from checker.notebook.shown import NO_FORMULA, CellOutput
from checker.practice.whereabouts import Whereabouts

STYLE = """<style>
.rl-home { display: grid; grid-template-columns: repeat(auto-fill, minmax(15.5rem, 1fr)); gap: 0.8rem;
  max-width: 60rem; margin: 0.4em 0; font-family: var(--jp-content-font-family, sans-serif); line-height: 1.45; }
.rl-home a.rl-lab { display: flex; flex-direction: column; gap: 0.35em; padding: 0.8em 1em; border-radius: 6px;
  border: 1px solid var(--jp-border-color2, rgba(128, 128, 128, 0.5)); text-decoration: none;
  color: var(--jp-content-font-color1, inherit); background: var(--jp-layout-color1, transparent); }
.rl-home a.rl-lab:hover, .rl-home a.rl-lab:focus { border-color: var(--jp-brand-color1, #1a6fc4);
  outline: 2px solid var(--jp-brand-color1, #1a6fc4); outline-offset: 1px; }
.rl-home strong { font-size: 1.08em; }
.rl-home .rl-soft { color: var(--jp-content-font-color2, inherit); font-size: 0.92em; }
.rl-home .rl-bar { height: 0.5em; border-radius: 0.25em; overflow: hidden; margin-top: auto;
  background: var(--jp-layout-color3, rgba(128, 128, 128, 0.35)); }
.rl-home .rl-done { display: block; height: 100%; background: var(--jp-success-color1, #2e8b3d); }
.rl-home .rl-tail { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 0.8em; font-size: 0.92em; }
</style>"""


def cards(labs: list[Whereabouts]) -> CellOutput:
    """Return all labs as cards, and as lines of text."""
    drawn = "".join(_card(one) for one in labs)
    html = f'{STYLE}<nav class="rl-home {NO_FORMULA}" aria-label="Labs">{drawn}</nav>'
    return CellOutput("\n".join(_line(one) for one in labs), html)


def _line(one: Whereabouts) -> str:
    lab = one.lab
    return f"{lab.number} {plain_line(lab.title)}: {_progress(one)}, {_points(one)}, {lab.notebook.name}"


def _card(one: Whereabouts) -> str:
    lab = one.lab
    percent = 100 * one.record.points // lab.points if lab.points else 0
    progress = _progress(one)
    running = " · running" if one.running else ""
    return (
        f'<a class="rl-lab" href="{escape(lab.notebook.name)}">'
        f"<strong>{escape(lab.number)} {escape(plain_line(lab.title))}</strong>"
        f"<span>{escape(plain_line(lab.summary))}</span>"
        f'<span class="rl-soft">about {lab.minutes} minutes{running}</span>'
        f'<span class="rl-bar"><span class="rl-done" style="width:{percent}%"></span></span>'
        f'<span class="rl-tail"><span>{progress}</span><span>{_points(one)}</span></span></a>'
    )


def _progress(one: Whereabouts) -> str:
    if one.done:
        return "all steps passed"
    if not one.begun:
        return "not begun"
    return f"{one.record.passed} of {len(one.lab.steps)} steps"


def _points(one: Whereabouts) -> str:
    return f"{one.record.points} of {one.lab.points} points"
