"""The panel as a widget, and its place beside the notebook."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from sidecar import Sidecar  # type: ignore[import-untyped]

HERE = Path(__file__).parent
VIEW = "application/vnd.jupyter.widget-view+json"


class Face(anywidget.AnyWidget):
    """What the page shows. Nothing the page does changes it: what is pressed comes as a message."""

    _esm = HERE / "widget.js"
    _css = HERE / "widget.css"
    state = traitlets.Dict().tag(sync=True)
    picture = traitlets.Dict().tag(sync=True)


class PanelPlace:
    """The panel in its place. on_message is called with each message, in a thread of the kernel's choice."""

    def __init__(
        self, title: str, state: dict[str, Any], on_message: Callable[[dict[str, Any]], None]
    ) -> None:
        self._title = title
        self._on_message = on_message
        self._open(state, {})

    def _open(self, state: dict[str, Any], picture: dict[str, str]) -> None:
        self._face = Face(state=state, picture=picture)
        self._face.on_msg(lambda _widget, content, _buffers: self._on_message(content))
        shown = {
            "output_type": "display_data",
            "data": {
                VIEW: {"version_major": 2, "version_minor": 0, "model_id": self._face.model_id},
                "text/plain": self._title,
            },
            "metadata": {},
        }
        # Not `with sidecar: display(...)`: where there is no sidecar, that would be an output of the cell.
        self._side = Sidecar(title=self._title, anchor="right", outputs=(shown,))

    def again(self) -> None:
        """Open it once more: a page that is still loading refuses widgets."""
        state, picture = self._face.state, self._face.picture
        self.close()
        self._open(state, picture)

    def show(self, state: dict[str, Any]) -> None:
        self._face.state = state

    def draw(self, picture: dict[str, str]) -> None:
        self._face.picture = picture

    def reply(self, message: dict[str, Any]) -> None:
        self._face.send(message)

    def close(self) -> None:
        self._face.close()
        self._side.close()
