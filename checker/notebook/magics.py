"""The commands of a lab's notebook, as IPython magics.

Each is a thin shell around `checker.practice.session`: it says what happened and never shows a traceback.
"""

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from checker.base import unforeseen
from checker.base.errors import LabError, UsageError
from checker.base.model import Step
from checker.base.results import AnswerRun, Outcome
from checker.judge.answertext import has_commands
from checker.lab.progress import next_step
from checker.notebook import live, panel, shown
from checker.notebook.magictools import echo, kept_details, model_answer, open_session, tell, words
from checker.notebook.shown import CellOutput

if TYPE_CHECKING:
    from checker.practice.session import Session

CELL_MAGICS = ("step", "try")
METHODS = {"try": "try_"}
LINE_MAGICS = ("check", "help", "hint", "labs", "picture", "submit", "values", "lab")


class Magics:
    """The magics of one kernel, and the session they speak to once `%lab start` opened it."""

    def __init__(self, opener: "Callable[[str], Session] | None" = None) -> None:
        self._opener = opener or open_session
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

        work: Callable[..., CellOutput | None] = getattr(self, METHODS.get(name, name))
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

    def lab(self, line: str) -> CellOutput:
        """`%lab start NAME`, `%lab stop`."""
        match words(line):
            case ["start", name]:
                self._session = self._opener(name)
                self._session.start(tell)
                panel.open_for(self._session)
                lab = self._session.lab
                return shown.box(
                    f"Lab {lab.number}, {lab.title}, is ready.",
                    f"Your answers are kept in {self._session.workspace.path}\n"
                    "`%values` shows the values of this run.",
                    tone="good",
                )
            case ["stop"]:
                panel.close()
                self.session.stop(tell)
                return shown.box(
                    "The lab is stopped.", "Your answers are kept; `%lab start` starts it again.", tone="good"
                )
        raise UsageError(
            "`%lab` is used as `%lab start NAME` or `%lab stop`.", "For instance: `%lab start 01`."
        )

    def step(self, line: str, cell: str) -> CellOutput | None:
        """`%%step NAME`: keep the cell as the step's answer, run it, show the verdict."""
        step = self._step(line, "%%step")
        if not has_commands(cell):
            return self._nothing_written(step)
        self.session.write_answer(step.name, cell)
        with live.running(step):
            run = self.session.run(step.name, echo)
            sys.stdout.flush()
        self._judge(step, run, ran=True)
        return None

    def try_(self, _line: str, cell: str) -> CellOutput | None:
        """`%%try`: run the cell with the lab's values, and record nothing."""
        if not has_commands(cell):
            return shown.box("This cell has no commands yet.", "Write some below the first line and run it.")
        run = self.session.try_script(cell, echo)
        if run.timed_out:
            said = run.starved or f"Stopped at the time limit, after {run.seconds:.0f} s."
            return shown.box(said, tone="mind")
        if run.exit_code is None:
            raise KeyboardInterrupt
        return shown.box(f"Ended with exit code {run.exit_code}.", tone="mind") if run.exit_code else None

    def check(self, line: str) -> CellOutput | None:
        """`%check` for all steps, `%check STEP` for one."""
        if words(line):
            self._judge(self._step(line, "%check"), None, ran=False)
            return None
        checking = live.Checking()
        try:
            report = self.session.check(on_step=checking.on_step)
        except BaseException:
            checking.end(shown.status("Not checked."))
            raise
        following = next_step(self.session.lab, self.session.progress())
        checking.end(shown.table(report, following.name if following else ""))
        return None

    def hint(self, line: str) -> CellOutput:
        """`%hint STEP`: the next hint of a step, and those before it."""
        step = self._step(line, "%hint")
        earlier = self.session.earlier_hints(step.name)
        hint, trouble = self.session.hint(step.name)
        return shown.hints(step.name, earlier, hint, trouble)

    def help(self, line: str) -> CellOutput:
        """`%help`: raise a hand on the class's board; `%help done` takes it down."""
        from checker.practice.help import help_me

        match words(line):
            case [] | ["done"]:
                said: list[str] = []
                help_me(self.session, wanted=not line.strip(), tell=said.append)
                return shown.box(said[0], tone="note")
        raise UsageError("`%help` is used as `%help` or `%help done`.")

    def labs(self, _line: str) -> CellOutput:
        """`%labs`: all labs, and how far the learner is with each."""
        from checker.lab.catalog import Catalog
        from checker.notebook.home import cards
        from checker.practice.whereabouts import all_labs

        return cards(all_labs(Catalog()))

    def submit(self, _line: str) -> CellOutput:
        """`%submit`: make the archive to hand in."""
        from checker.practice import handing

        lines: list[str] = []
        place = self.session.workspace.path
        handing.submit(self.session.lab.name, place, None, False, lines.append, lines.append)
        return shown.box("The archive to hand in is ready.", code="\n".join(lines), tone="good")

    def picture(self, line: str) -> CellOutput:
        """`%picture [REPOSITORY...]`: what the lab's registry holds right now."""
        from checker.practice.picture import read_tree

        return shown.picture(read_tree(self.session.registry(), words(line) or None))

    def values(self, _line: str) -> CellOutput:
        """`%values`: the values of this run."""
        return shown.values(self.session.values())

    def _step(self, line: str, magic: str) -> Step:
        from checker.lab.catalog import find_step

        lab = self.session.lab
        match words(line):
            case [name]:
                return find_step(lab, name)
        raise UsageError(
            f"`{magic}` takes the name of one step.",
            f"The steps are: {', '.join(step.name for step in lab.steps)}.",
        )

    def _nothing_written(self, step: Step) -> CellOutput:
        saved = self.session.workspace.read(step.answer_path) or ""
        if not has_commands(saved):
            return shown.box(
                "This cell has no commands yet, so nothing was run.",
                "Write your answer below the comment and run it.",
            )
        return shown.box(
            f"This cell is empty, so your saved answer in {step.answer_path} was left as it is.",
            f"To go on from it, copy it into this cell. To see how it stands: `%check {step.name}`.",
            code=saved,
        )

    def _defect(self, error: Exception) -> CellOutput:
        folder = self._session.workspace.private if self._session else None
        return shown.box(
            "Something in the lab itself is broken, and no answer of yours is to blame.",
            f"{kept_details(error, folder)} Please send this to whoever gave you the lab.",
            tone="fault",
        )

    def _judge(self, step: Step, run: AnswerRun | None, *, ran: bool) -> None:
        """Check a step where the learner sees it, and show its card in the same place."""
        checking = live.Checking()
        try:
            report = self.session.check(step.name, ran=[step.name] if ran else (), on_step=checking.on_step)
        except BaseException:
            checking.end(shown.status("Not checked."))
            raise
        found = next((one for one in report.steps if one.step == step.name), None)
        if found is None:
            checking.end(shown.table(report))
            return
        found = msgspec.structs.replace(found, answer=run)
        if found.outcome is Outcome.PASS:
            checking.end(shown.verdict(found, onward=self._onward(step)))
            return
        offer = step.hints and found.outcome is Outcome.FAIL
        checking.end(shown.verdict(found, f"Stuck? Run `%hint {step.name}`." if offer else None))

    def _onward(self, step: Step) -> shown.Onward:
        """Return how far the learner is after passing a step, what comes next, and a model answer."""
        from checker.lab import lesson

        lab, record = self.session.lab, self.session.progress()
        following = next_step(lab, record, after=step.name)
        said = f"{record.passed} of {len(lab.steps)} steps, {record.points} of {lab.points} points"
        if following is None:
            said = f"All {len(lab.steps)} steps are passed, {record.points} points. Hand in with %submit."
        name = following.name if following else ""
        anchor = lesson.anchors(lab).get(name, "") if name else ""
        return shown.Onward(said, name, anchor, model_answer(lab, step))


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
