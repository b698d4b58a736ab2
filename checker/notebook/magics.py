"""The commands of a lab's notebook, as IPython magics.

Each is a thin shell around `checker.session`: it says what happened and never shows a traceback.
"""

import os
import shlex
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from checker import unforeseen
from checker.errors import LabError, UsageError
from checker.model import AnswerRun, Lab, Outcome, Step
from checker.notebook import shown
from checker.notebook.shown import Shown

if TYPE_CHECKING:
    from checker.session import Session

CELL_MAGICS = ("step", "try")
METHODS = {"try": "try_"}
LINE_MAGICS = ("check", "hint", "picture", "values", "lab")


class Magics:
    """The magics of one kernel, and the session they speak to once `%lab start` opened it."""

    def __init__(self, opener: "Callable[[str], Session] | None" = None) -> None:
        self._opener = opener or _open
        self._session: Session | None = None

    @property
    def session(self) -> "Session":
        """The open session. Raises UsageError before `%lab start`."""
        if self._session is None:
            raise UsageError(
                "The lab is not started in this notebook.",
                "Run the notebook's first code cell, the one with `%lab start`, and then this cell again.",
            )
        return self._session

    def run(self, name: str, *arguments: str) -> None:
        """Do the work of a magic and display what it has to show, whatever happens."""
        from IPython.display import display

        work: Callable[..., Shown | None] = getattr(self, METHODS.get(name, name))
        try:
            result = work(*arguments)
        except KeyboardInterrupt:
            result = shown.box("Interrupted.", "What the cell had started was ended. Run it again any time.")
        except LabError as error:
            result = shown.trouble(error)
        except Exception as error:  # a learner never meets a traceback
            fault = unforeseen.told(error)
            result = shown.trouble(fault) if fault else self._defect(error)
        sys.stdout.flush()
        if result is not None:
            display(result)  # type: ignore[no-untyped-call]

    def lab(self, line: str) -> Shown:
        """`%lab start NAME`, `%lab stop`."""
        match words(line):
            case ["start", name]:
                self._session = self._opener(name)
                self._session.start(tell)
                lab = self._session.lab
                return shown.box(
                    f"Lab {lab.number}, {lab.title}, is ready.",
                    f"Your answers are kept in {self._session.workspace.path}\n"
                    "`%values` shows the values of this run.",
                    tone="good",
                )
            case ["stop"]:
                self.session.stop(tell)
                return shown.box(
                    "The lab is stopped.", "Your answers are kept; `%lab start` starts it again.", tone="good"
                )
        raise UsageError(
            "`%lab` is used as `%lab start NAME` or `%lab stop`.", "For instance: `%lab start 01`."
        )

    def step(self, line: str, cell: str) -> Shown:
        """`%%step NAME`: keep the cell as the step's answer, run it, show the verdict."""
        step = self._step(line, "%%step")
        if not has_content(cell):
            return self._nothing_written(step)
        self.session.write_answer(step.name, cell)
        return self._verdict(step, self.session.run(step.name, echo))

    def try_(self, _line: str, cell: str) -> Shown | None:
        """`%%try`: run the cell with the lab's values, and record nothing."""
        if not has_content(cell):
            return shown.box("This cell has no commands yet.", "Write some below the first line and run it.")
        run = self.session.try_script(cell, echo)
        if run.timed_out:
            said = run.starved or f"Stopped at the time limit, after {run.seconds:.0f} s."
            return shown.box(said, tone="mind")
        if run.exit_code is None:
            raise KeyboardInterrupt
        return shown.box(f"Ended with exit code {run.exit_code}.", tone="mind") if run.exit_code else None

    def check(self, line: str) -> Shown:
        """`%check` for all steps, `%check STEP` for one."""
        if words(line):
            return self._verdict(self._step(line, "%check"), None)
        return shown.table(self.session.check())

    def hint(self, line: str) -> Shown:
        """`%hint STEP`: the next hint of a step."""
        step = self._step(line, "%hint")
        hint, trouble = self.session.hint(step.name)
        more = (
            f"There is another: `%hint {step.name}`."
            if hint.number < hint.total
            else "That was the last one."
        )
        return shown.box(
            f"Hint {hint.number} of {hint.total} for {step.name}", f"{hint.text}\n{more}\n{trouble}"
        )

    def picture(self, line: str) -> Shown:
        """`%picture [REPOSITORY...]`: what the lab's registry holds right now."""
        from checker.notebook.picture import read_tree

        return shown.picture(read_tree(self.session.registry(), words(line) or None))

    def values(self, _line: str) -> Shown:
        """`%values`: the values of this run."""
        return shown.values(self.session.values())

    def _step(self, line: str, magic: str) -> Step:
        from checker.catalog import find_step

        lab = self.session.lab
        match words(line):
            case [name]:
                return find_step(lab, name)
        raise UsageError(
            f"`{magic}` takes the name of one step.",
            f"The steps are: {', '.join(step.name for step in lab.steps)}.",
        )

    def _nothing_written(self, step: Step) -> Shown:
        saved = self.session.workspace.read(step.answer_path) or ""
        if not has_content(saved):
            return shown.box(
                "This cell has no commands yet, so nothing was run.",
                "Write your answer below the comment and run it.",
            )
        return shown.box(
            f"This cell is empty, so your saved answer in {step.answer_path} was left as it is.",
            f"To go on from it, copy it into this cell. To see how it stands: `%check {step.name}`.",
            code=saved,
        )

    def _defect(self, error: Exception) -> Shown:
        folder = self._session.workspace.private if self._session else None
        return shown.box(
            "Something in the lab itself is broken, and no answer of yours is to blame.",
            f"{_details(error, folder)} Please send this to whoever gave you the lab.",
            tone="fault",
        )

    def _verdict(self, step: Step, run: AnswerRun | None) -> Shown:
        report = self.session.check(step.name)
        found = next((one for one in report.steps if one.step == step.name), None)
        if found is None:
            return shown.table(report)
        found = msgspec.structs.replace(found, answer=run)
        offer = step.hints and found.outcome is Outcome.FAIL
        return shown.verdict(found, f"Stuck? Run `%hint {step.name}`." if offer else None)


def register(shell: Any) -> None:
    """Make the magics known to an IPython shell."""
    magics = Magics()

    for name in CELL_MAGICS:
        shell.register_magic_function(partial(magics.run, name), magic_kind="cell", magic_name=name)
    for name in LINE_MAGICS:
        shell.register_magic_function(partial(magics.run, name), magic_kind="line", magic_name=name)
    if with_body not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(with_body)


def with_body(lines: list[str]) -> list[str]:
    """Give a lone `%%step NAME` an empty body: IPython itself refuses a cell magic without one."""
    written = [line for line in lines if line.strip()]
    if len(written) == 1 and written[0].split()[0] in {f"%%{name}" for name in CELL_MAGICS}:
        return [written[0].rstrip("\n") + "\n", "#\n"]
    return lines


def has_content(text: str) -> bool:
    """Whether a text has anything but blank lines and comments."""
    return any(line.strip() and not line.lstrip().startswith("#") for line in text.splitlines())


def words(line: str) -> list[str]:
    """The arguments of a magic. Raises UsageError for quotes that are not closed."""
    try:
        return shlex.split(line)
    except ValueError:
        raise UsageError(
            "There is a quote too many in this line.", "Take it out and run the cell again."
        ) from None


def tell(message: str) -> None:
    """Show one line of progress at once."""
    print(message, flush=True)


def echo(output: str) -> None:
    """Show a piece of a running answer's output at once."""
    sys.stdout.write(output)
    sys.stdout.flush()


def _open(name: str) -> "Session":
    from checker.catalog import Catalog
    from checker.session import Session

    lab = Catalog().lab(name)
    return Session.open(lab.name, workspace=_workspace(lab))


def _workspace(lab: Lab) -> Path | None:
    """Where the answers of a notebook go that was opened without `lab notebook`; None for the usual place."""
    here = Path.cwd()
    if "REGISTRY_LAB_WORKSPACE" in os.environ or not (here / lab.notebook.name).is_file():
        return None
    return (here.parent / "workspace" if here == lab.notebook.parent else here) / lab.name


def _details(error: Exception, folder: Path | None) -> str:
    """Keep the traceback of a defect for whoever mends it; returns where it is, or else itself."""
    text = "".join(traceback.format_exception(error))
    if folder is not None and folder.is_dir():
        path = folder / "defect.log"
        with suppress(OSError):
            path.write_text(text, encoding="utf-8")
            return f"The details are in {path}."
    return f"The details: {text.strip().splitlines()[-1]}."
