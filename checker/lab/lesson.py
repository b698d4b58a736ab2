"""A lab's notebook as text: what `lab show` prints and what must agree with lab.toml."""

import json
import re
from typing import Any

import msgspec

from checker.base.errors import BrokenLab
from checker.base.model import Lab

HEADING = re.compile(r"^#{1,4} +(.+)$", re.MULTILINE)
LINK = re.compile(r"\]\([^)]+\.ipynb\)")
SUBMIT = "%submit"
MAGIC = re.compile(r"`%(hint|check)\b ?([^`]*)`")
STEP_CELL = re.compile(r"%%step\s+([a-z0-9-]+)")


class Cell(msgspec.Struct, frozen=True):
    """One cell. step: the step whose section it stands in, empty before the first; code: or else text.

    notebook_only: whether it speaks of cells, so that it says nothing in a terminal.
    """

    step: str
    code: bool
    text: str
    notebook_only: bool = False

    @property
    def answers(self) -> str:
        """The step this cell is the answer of; empty for any other cell."""
        found = STEP_CELL.match(self.text) if self.code else None
        return found.group(1) if found else ""


def cells(lab: Lab) -> list[Cell]:
    """Return the cells of the lab's notebook. Raises BrokenLab if it is missing or no notebook."""
    try:
        notebook = json.loads(lab.notebook.read_text(encoding="utf-8-sig"))
        return [_cell(entry) for entry in notebook["cells"]]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BrokenLab(
            f"The notebook {lab.notebook} cannot be read: {error}.", "This is for the author."
        ) from error


def text(lab: Lab, step: str | None = None) -> str:
    """Return the notebook's text as Markdown for a terminal: all of it, or one step's section. Code becomes
    fenced blocks."""
    shown = [cell for cell in cells(lab) if (step is None or cell.step == step) and not cell.notebook_only]
    parts = (_markdown(lab, cell) for cell in shown if cell.text.strip())
    return "\n\n".join(part for part in parts if part)


def anchors(lab: Lab) -> dict[str, str]:
    """Return where each step's section begins, as JupyterLab calls its heading: spaces become hyphens."""
    found: dict[str, str] = {}
    for cell in cells(lab):
        heading = HEADING.search(cell.text) if cell.step and not cell.code else None
        if heading:
            plain = re.sub(r"[`*]", "", heading[1].strip())
            found.setdefault(cell.step, re.sub(r"\s", "-", plain))
    return found


def ends_with_hand_in(lab: Lab) -> bool:
    """Return whether the notebook has a cell `%submit`, and behind it a link to another notebook."""
    found = cells(lab)
    at = next(
        (number for number, cell in enumerate(found) if cell.code and cell.text.strip() == SUBMIT), None
    )
    return at is not None and any(LINK.search(cell.text) for cell in found[at:] if not cell.code)


def _cell(entry: dict[str, Any]) -> Cell:
    source = entry["source"]
    mark = (entry.get("metadata") or {}).get("registry_lab") or {}
    return Cell(
        step=str(mark.get("step", "")),
        code=entry["cell_type"] == "code",
        text=source if isinstance(source, str) else "".join(source),
        notebook_only=mark.get("only") == "notebook",
    )


def _markdown(lab: Lab, cell: Cell) -> str:
    if not cell.code:
        return MAGIC.sub(
            lambda found: f"`lab {found[1]} {lab.number} {found[2]}".rstrip() + "`", cell.text.strip()
        )
    if cell.answers:
        step = lab.step(cell.answers)
        path = step.answer_path if step else f"steps/{cell.answers}.sh"
        then = "check" if step and not step.is_script else "run"
        return f"> Write your answer in `{path}`, then `lab {then} {lab.number} {cell.answers}`."
    first, _, rest = cell.text.partition("\n")
    if first.startswith("%%try"):
        return f"```bash\n{rest.strip()}\n```\n\nTry it in `lab shell {lab.number}`."
    if first.startswith("%"):
        return ""
    return f"```python\n{cell.text.strip()}\n```"
