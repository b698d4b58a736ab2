"""The controller of the panel, in one thread: it takes events from watcher and page and updates the widget.

The kernel's own thread only puts messages into a queue, so a cell never waits for the panel.
"""

import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from checker.base.errors import BrokenLab, EnvironmentFault, LabError, UsageError
from checker.classboard import client
from checker.lab import lesson, progress
from checker.lab.values import secret_names
from checker.notebook.panel import model
from checker.notebook.panel.model import Live
from checker.practice.session import Session
from checker.practice.watcher import END_LIMIT, Heard, Watcher

AGAIN = "Press *Watch again*, or run `%check`."


PATIENCE = 4.0
"""Seconds for a page to say that it is here, before the panel is opened once more."""
ATTEMPTS = 8
"""How often it is opened: a page that loads on a busy machine takes its time, one without widgets never answers."""


class PanelPage(Protocol):
    """What the desk needs of the page. Its methods are called in the desk's thread."""

    def show(self, state: dict[str, Any]) -> None: ...
    def draw(self, picture: dict[str, str]) -> None: ...
    def reply(self, message: dict[str, Any]) -> None: ...
    def again(self) -> None: ...


class Desk:
    """Keeps one panel up to date from `open` to `close`. The watcher starts once a page says that it is here."""

    def __init__(self, session: Session, watch: Callable[..., Watcher] = Watcher) -> None:
        # One of its own: the cells' connection to the engine is not for two threads.
        self._session = Session(session.lab, session.workspace)
        self._watch = watch
        self._waiting: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._live = Live(help_offered=client.in_class())
        self._record = self._session.progress()
        self._values: dict[str, str] = {}
        self._headings = _headings(self._session)
        self._views: set[str] = set()
        self._watcher: Watcher | None = None
        self._redraw = False
        self._attempts = 1
        self._closed = threading.Event()
        self._page: PanelPage | None = None
        self._thread = threading.Thread(target=self._work, name="lab panel", daemon=True)

    @property
    def seen(self) -> bool:
        """Whether somebody may be looking: false once the last view was closed."""
        return bool(self._views) or self._watcher is None

    def state(self) -> dict[str, Any]:
        """Return what the page shows."""
        return model.shown(self._session.lab, self._record, self._values, self._headings, self._live)

    def open(self, page: PanelPage) -> None:
        self._page = page
        self._thread.start()

    def close(self) -> None:
        """End the watcher and the thread, and wait for the watcher to be gone."""
        self._closed.set()
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(END_LIMIT)
        if self._watcher:
            self._watcher.close()

    def refresh(self) -> None:
        """Look at everything anew: the lab was started again."""
        self._waiting.put(self._here)

    def hear(self, message: dict[str, Any]) -> None:
        """Take a message of the page; any thread may call this."""
        self._waiting.put(partial(self._obey, message))

    def _work(self) -> None:
        while (work := self._next()) is not None:
            self._done(work)
            while not self._waiting.empty():
                if (work := self._waiting.get()) is None:
                    return
                self._done(work)
            self._done(self._show)
            if self._redraw:
                self._redraw = False
                self._done(self._draw)

    def _next(self) -> Callable[[], None] | None:
        """Return the next piece of work; until a page was seen, that may be to open the panel once more."""
        if self._watcher is None and self._attempts < ATTEMPTS:
            try:
                return self._waiting.get(timeout=PATIENCE)
            except queue.Empty:
                self._attempts += 1
                return self._page.again if self._page else None
        return self._waiting.get()

    def _done(self, work: Callable[[], None]) -> None:
        """Do a piece of work; whatever goes wrong is said in the panel, and the thread goes on."""
        try:
            work()
        except LabError as error:
            self._tell(trouble=error.told)
        except Exception as error:  # a learner never meets a traceback
            self._tell(trouble=f"Something in the panel is broken ({type(error).__name__}: {error}).")

    def _show(self) -> None:
        if self._page and not self._closed.is_set():
            self._page.show(self.state())

    def _tell(self, **changed: Any) -> None:
        self._live = msgspec.structs.replace(self._live, **changed)

    def _news(self, text: str) -> None:
        if text:
            self._tell(news=text, news_number=self._live.news_number + 1)

    def _obey(self, message: dict[str, Any]) -> None:
        lab, step = self._session.lab, str(message.get("step", ""))
        match message.get("kind"):
            case "here":
                self._views = {
                    str(message.get("view"))
                }  # a page that was loaded anew never said that it went
                self._here()
            case "gone":
                self._views.discard(str(message.get("view")))
            case "watch":
                self._start()
            case "check" if self._watcher:
                self._tell(checking=frozenset({step}))
                self._watcher.check([step] if lab.step(step) else [])
                self._redraw = True
            case "hint":
                hint, trouble = self._session.hint(step)
                self._tell(trouble=trouble)
                self._news(f"Hint {hint.number} of {hint.total} is shown below the step.")
                self._reread()
            case "value":
                name = str(message.get("name"))
                if self._page and name in secret_names(lab) and name in self._values:
                    value = self._values[name]
                    self._page.reply(
                        {"kind": "value", "view": message.get("view"), "name": name, "value": value}
                    )
            case "help":
                self._session.ask_for_help(wanted=bool(message.get("wanted")))
                self._record = self._session.progress()
                self._news(
                    "You ask for help." if self._record.help_at else "You do not ask for help any more."
                )
            case "hand in":
                self._hand_in()

    def _here(self) -> None:
        self._values = dict(self._session.values())
        self._redraw = True
        self._reread()
        if self._watcher is None:
            threading.Thread(target=self._mind_record, daemon=True).start()
        if self._watcher is None or not self._watcher.alive:
            self._start()

    def _start(self) -> None:
        if self._watcher and self._watcher.alive:
            return
        self._tell(watching="starting", trouble="")
        try:
            self._watcher = self._watch(
                self._session.lab,
                self._session.workspace,
                lambda heard: self._waiting.put(partial(self._heard, heard)),
            )
        except OSError as error:
            self._tell(
                watching="off", trouble=f"Changes cannot be watched: {error.strerror or error}. {AGAIN}"
            )

    def _heard(self, heard: Heard) -> None:
        match heard.event:
            case "checking":
                self._tell(checking=frozenset(heard.steps))
            case "ready" | "checked":
                before = self._record
                self._reread()
                self._tell(watching="on", checking=frozenset(), trouble=heard.message)
                if heard.event == "checked":
                    self._news(model.news(self._session.lab, before, self._record, heard.steps, heard.why))
                self._redraw |= heard.event == "ready"
            case "changed":
                self._redraw = True
            case "recorded":
                self._reread()
            case "ended":
                said = f"Changes are not seen any more. {heard.message}"
                self._tell(watching="off", checking=frozenset(), trouble=f"{said.rstrip('. ')}. {AGAIN}")

    def _reread(self) -> None:
        self._record, trouble = progress.read(self._session.workspace)
        if trouble:
            self._tell(trouble=trouble)

    def _mind_record(self) -> None:
        """Hear of what cells and terminals write to the record, also while nothing is watched."""
        import watchfiles

        place = self._session.workspace.private
        with suppress(OSError):
            for _ in watchfiles.watch(
                place,
                stop_event=self._closed,
                watch_filter=lambda _change, path: Path(path).name == progress.FILE,
                step=20,
                debounce=100,
                recursive=False,
                raise_interrupt=False,
            ):
                self._waiting.put(self._reread)

    def _draw(self) -> None:
        from base64 import b64encode

        from checker.practice.picture import NARROW, describe, hierarchy_svg, read_tree

        if self._page is None or self._closed.is_set():
            return
        try:
            tree = read_tree(self._session.registry())
        except UsageError:  # this lab has no registry of its own
            return
        except EnvironmentFault as fault:
            self._page.draw({"trouble": f"The registry cannot be drawn now. {fault.message}"})
            return
        data = b64encode(hierarchy_svg(tree, NARROW).encode()).decode()
        self._page.draw({"source": f"data:image/svg+xml;base64,{data}", "words": describe(tree)})

    def _hand_in(self) -> None:
        from checker.practice import handing

        self._tell(packing=True)
        self._show()
        lab, place = self._session.lab, self._session.workspace
        said: list[str] = []
        told: list[str] = []
        try:
            to = place.path.parent / handing.usual_target(lab, place).name
            handing.submit(lab.name, place.path, to, history=False, say=said.append, tell=told.append)
            self._news("The archive is made.")
        except LabError as error:
            told = [error.told]
            self._news("There is no archive.")
        finally:
            self._tell(packing=False, handed=(*told, *said))


def _headings(session: Session) -> dict[str, str]:
    try:
        return model.section_headings(
            [(cell.step, cell.text) for cell in lesson.cells(session.lab) if not cell.code]
        )
    except BrokenLab:
        return {}
