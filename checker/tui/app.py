"""The full-screen home: steps on the left, the step at hand on the right, the registry below it."""

import time
from collections.abc import Callable
from typing import ClassVar

from rich.markdown import Markdown
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from checker.base.errors import LabError
from checker.base.model import Step
from checker.base.plain import plain
from checker.lab import lesson, progress
from checker.lab.progress import Progress
from checker.practice.picture import Tree
from checker.practice.watcher import Heard
from checker.tui import look
from checker.tui.practice import Practice, RunningAnswer
from checker.tui.screens import Labs, Reading

KEPT_LINES = 400
"""Lines of an answer's output that can be scrolled back to."""


class Home(App[str]):
    """Returns the name of the lab to go to, or nothing when the learner has enough."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #heading { height: 1; padding: 0 1; background: $panel; }
    #steps { width: 26; height: 1fr; border: round $panel; }
    #detail { height: 2fr; border: round $panel; padding: 0 1; }
    #picture { height: 1fr; min-height: 6; border: round $panel; padding: 0 1; }
    #steps:focus, #detail:focus, #picture:focus { border: round $accent; }
    #says { height: 1; padding: 0 1; color: $text; }
    Reading, Labs { background: $background 60%; align: center middle; }
    #reading { border: round $accent; padding: 0 1; background: $background; height: 1fr; }
    #labs { border: round $accent; background: $background; height: auto; max-height: 90%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "run", "Run"),
        Binding("n", "next", "Next"),
        Binding("h", "hint", "Hint"),
        Binding("t", "task", "Task"),
        Binding("l", "labs", "Labs"),
        Binding("s", "shell", "Shell"),
        Binding("e", "edit", "Edit"),
        Binding("u", "hand_in", "Hand in"),
        Binding("q", "leave", "Quit"),
        Binding("j", "move(1)", show=False),
        Binding("k", "move(-1)", show=False),
        Binding("d", "dark", show=False),
        Binding("question_mark", "keys", show=False),
    ]

    def __init__(self, practice: Practice) -> None:
        super().__init__()
        self._practice = practice
        self._lab = practice.lab
        self._record = Progress()
        self._answer: RunningAnswer | None = None
        self._output: list[str] = []
        self._began = 0.0
        self._tree: Tree | None = None
        self.sub_title = ""

    def compose(self) -> ComposeResult:
        yield Static(id="heading", markup=False)
        with Horizontal():
            yield OptionList(*self._options(), id="steps", markup=False)
            with Vertical():
                with VerticalScroll(id="detail"):
                    yield Static(id="about", markup=False)
                with VerticalScroll(id="picture"):
                    yield Static(id="tree", markup=False)
        yield Static(id="says", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self._say("Looking at everything once ...")
        self._practice.begin(lambda heard: self.call_from_thread(self.hear, heard))
        self._refresh()
        self._choose(progress.next_step(self._lab, self._record))
        self.query_one("#steps").focus()
        self.set_interval(1.0, self._tick)
        self._draw()

    # What happens

    def hear(self, heard: Heard) -> None:
        """Show what the watcher tells."""
        if heard.event == "checking":
            self._say("Checking ..." + (f" ({heard.why})" if heard.why else ""))
        elif heard.event in ("fault", "ended"):
            self._say(f"Not watching any more: {heard.message}", "bold red")
        else:
            if heard.event in ("ready", "changed"):
                self._draw()
            if heard.event == "ready":
                self._say("Watching: save an answer or push something.")
            elif heard.event == "checked":
                after = heard.why or "everything"
                self._say(heard.message or f"Checked after {heard.seconds:.2f} s: {after}")
            self._refresh()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if event.option_list.id == "steps":
            self._about()

    def _tick(self) -> None:
        if self._answer is not None:
            taken = time.monotonic() - self._began
            step = self._answer.step
            self._say(f"Running {step.name}: {taken:.0f} s, the limit is {step.time_limit:.0f} s")

    def _ran(self, line: str | None) -> None:
        """Take a line of the running answer's output; None at its end."""
        if line is None:
            step = self._answer.step if self._answer else self._chosen()
            self._answer, self._output = None, []
            self._refresh()
            self._choose(step)
            symbol, style, word = look.sign(self._record.step(step.name))
            self._say(f"{symbol} {step.name}: {word}, after {time.monotonic() - self._began:.0f} s", style)
            return
        self._output = [*self._output[-KEPT_LINES:], line]
        self._about()

    # What is shown

    def _options(self) -> list[Option]:
        return [
            Option(look.row(step, self._record.step(step.name)), id=step.name) for step in self._lab.steps
        ]

    def _refresh(self) -> None:
        """Show the record of progress as it is now."""
        self._record = self._practice.record()
        self.query_one("#heading", Static).update(look.heading(self._lab, self._record))
        steps = self.query_one("#steps", OptionList)
        for step in self._lab.steps:
            steps.replace_option_prompt(step.name, look.row(step, self._record.step(step.name)))
        self._about()

    def _about(self) -> None:
        step = self._chosen()
        about = self.query_one("#about", Static)
        if self._answer is not None and self._output:
            about.update(Text("\n".join(plain(line) for line in self._output)))
            self.query_one("#detail").scroll_end(animate=False)
        else:
            known = self._record.step(step.name)
            about.update(look.detail(step, known, self._practice.earlier_hints(step.name)))

    def _draw(self) -> None:
        self.run_worker(self._read_tree, thread=True, exclusive=True, group="picture")

    def _read_tree(self) -> None:
        try:
            tree, trouble = self._practice.tree(), ""
        except LabError as error:
            tree, trouble = None, error.message
        self.call_from_thread(self.query_one("#tree", Static).update, look.picture(tree, trouble))

    def _say(self, text: str, style: str = "") -> None:
        self.query_one("#says", Static).update(
            Text(plain(text), style=style, no_wrap=True, overflow="ellipsis")
        )

    def _chosen(self) -> Step:
        chosen = self.query_one("#steps", OptionList).highlighted
        return self._lab.steps[chosen or 0]

    # Keys

    def action_move(self, by: int) -> None:
        steps = self.query_one("#steps", OptionList)
        steps.highlighted = max(0, min(len(self._lab.steps) - 1, (steps.highlighted or 0) + by))

    def action_next(self) -> None:
        """Go to the next step that is not passed."""
        self._choose(progress.next_step(self._lab, self._record, after=self._chosen().name))

    def _choose(self, step: Step | None) -> None:
        names = [one.name for one in self._lab.steps]
        self.query_one("#steps", OptionList).highlighted = names.index(step.name) if step else 0

    def action_run(self) -> None:
        """Run the answer and have it checked; a file is only checked."""
        if self._answer is not None:
            self._say(f"The answer to {self._answer.step.name} is still running.")
            return
        step = self._chosen()
        if not step.is_script:
            self._practice.check(step.name)
            return
        self._output, self._began = [], time.monotonic()
        self._answer = self._practice.run(step, lambda line: self.call_from_thread(self._ran, line))
        self._tick()

    def action_hint(self) -> None:
        self._told(lambda: self._practice.hint(self._chosen().name))
        self._refresh()
        self.query_one("#detail").scroll_end(animate=False)

    def action_task(self) -> None:
        self._told(lambda: self.push_screen(Reading(Markdown(lesson.text(self._lab, self._chosen().name)))))

    def action_labs(self) -> None:
        self.push_screen(Labs(self._practice.labs(), self._lab.name), self._go_to)

    def _go_to(self, name: str | None) -> None:
        if name and name != self._lab.name:
            self.exit(name)

    def action_shell(self) -> None:
        self._outside(self._practice.shell)

    def action_edit(self) -> None:
        self._outside(lambda: self._practice.edit(self._chosen()))

    def action_hand_in(self) -> None:
        def show() -> None:
            self.push_screen(Reading(Text(plain("\n".join(self._practice.hand_in())))))

        self._told(show)

    def action_keys(self) -> None:
        lines = [
            f"{binding.key.replace('question_mark', '?'):14} {binding.description}"
            for binding in self.BINDINGS
            if isinstance(binding, Binding) and binding.description
        ]
        more = [
            "j k, arrows    Another step",
            "tab            Another part of the screen",
            "d              Dark or light",
        ]
        self.push_screen(Reading(Text("\n".join([*lines, *more]))))

    def action_dark(self) -> None:
        self.theme = "textual-light" if self.theme == "textual-dark" else "textual-dark"

    def action_leave(self) -> None:
        self.exit("")

    def _outside(self, work: Callable[[], str]) -> None:
        """Give the terminal to another program for a while."""
        said = ""

        def do() -> None:
            nonlocal said
            with self.suspend():
                said = work()

        self._told(do)
        if said:
            self._say(said)
        self._refresh()

    def _told(self, work: Callable[[], object]) -> None:
        """Do something, and say what is wrong if it cannot be done."""
        try:
            work()
        except LabError as error:
            self._say(error.told, "red")
