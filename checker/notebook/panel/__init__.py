"""The panel beside a lab's notebook in JupyterLab: opened by `%lab start`, closed by `%lab stop`.

It needs a front end with jupyter-widgets. Where there is none, nothing happens: no process is started before a page
says that it shows the panel, and nothing is ever put into a cell's output.
"""

import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from checker.notebook.panel.desk import Desk
    from checker.notebook.panel.face import PanelPlace
    from checker.practice.session import Session


class _Opened(NamedTuple):
    desk: "Desk"
    place: "PanelPlace"
    workspace: str


_opened: _Opened | None = None
"""A kernel has one panel."""


def open_for(session: "Session") -> None:
    """Show the panel of a practice; the one that is shown already stays. Never raises, never prints."""
    global _opened
    if not _possible():
        return
    workspace = str(session.workspace.path)
    if _opened and _opened.workspace == workspace and _opened.desk.seen:
        _opened.desk.refresh()
        return
    close()
    with suppress(Exception):  # a notebook without its panel is as good as it was before there were panels
        from checker.notebook.panel.desk import Desk
        from checker.notebook.panel.face import PanelPlace

        desk = Desk(session)
        place = PanelPlace(f"Lab {session.lab.number}", desk.state(), desk.hear)
        _opened = _Opened(desk, place, workspace)
        desk.open(place)


def close() -> None:
    """Take the panel away and end what watched for it. Never raises."""
    global _opened
    opened, _opened = _opened, None
    if opened:
        with suppress(Exception):
            opened.desk.close()
        with suppress(Exception):
            opened.place.close()


def _possible() -> bool:
    """Return whether this is a kernel that a Jupyter server started for a notebook, and not for VS Code.

    VS Code shows widgets too, but has no place beside the notebook for them.
    """
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return (
        shell is not None
        and getattr(shell, "kernel", None) is not None
        and "JPY_SESSION_NAME" in os.environ
        and "__vsc_ipynb_file__" not in shell.user_ns
    )
