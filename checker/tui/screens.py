"""Screens that lie over the home for a while: a text to read, all labs."""

from typing import ClassVar

from rich.markdown import Markdown
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option


class Reading(ModalScreen[None]):
    """A text to read; any of the keys that close things closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,t,question_mark", "dismiss", "Close"),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, content: Text | Markdown) -> None:
        super().__init__()
        self._content = content

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="reading"):
            yield Static(self._content, markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.query_one("#reading").focus()

    def action_scroll(self, lines: int) -> None:
        self.query_one("#reading").scroll_relative(y=lines, animate=False)


class Labs(ModalScreen[str]):
    """All labs, to go to another one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,l", "dismiss('')", "Close")]

    def __init__(self, rows: list[tuple[str, Text]], here: str) -> None:
        super().__init__()
        self._rows = rows
        self._here = here

    def compose(self) -> ComposeResult:
        yield OptionList(*(Option(text, id=name) for name, text in self._rows), id="labs", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        names = [name for name, _ in self._rows]
        options = self.query_one("#labs", OptionList)
        options.highlighted = names.index(self._here) if self._here in names else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option.id or "")
