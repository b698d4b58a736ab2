"""`lab notebook`: every lab's notebook in JupyterLab, with the start page or one lab's notebook open."""

import os
import signal
import sys
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import LabError, UsageError
from checker.base.say import Say
from checker.cli.practice import end_own_engine
from checker.engine.connection import Engine, candidates
from checker.lab.catalog import Catalog
from checker.lab.workspace import locate
from checker.practice.session import Session
from checker.practice.whereabouts import all_labs, running_places


def serve(wanted: str | None, port: int | None, browser: bool | None, say: Say) -> int:
    """Provide an engine, lay out the notebooks and serve JupyterLab until it is interrupted.

    wanted: a lab to start and to open; the start page if None. What was running before goes on running, all else is
    ended. Raises UsageError, EnvironmentFault.
    """
    from checker.engine.provide import ensure_engine
    from checker.notebook import copies, startpage
    from checker.notebook.server import open_notebook

    catalog = Catalog()
    labs = catalog.labs()
    if not labs:
        raise UsageError(f"There are no labs in {catalog.root}.", "Point REGISTRY_LAB_ROOT at a checkout.")
    session = Session.open(wanted) if wanted else None
    root = (session.workspace.path if session else locate(labs[0]).path).parent
    had_engine = _answers()
    engine = ensure_engine(say, may_install=True)
    before = running_places()
    try:
        if session:
            session.start(say)
        opened = copies.provide(session.lab, root, say) if session else None
        for lab in labs:
            if lab.notebook.is_file():
                copies.provide(lab, root, lambda _text: None)
        start = startpage.provide(catalog.root, root, all_labs(catalog), cache_dir() / "jupyter")
        wanted_browser = (
            browser if browser is not None else bool(os.environ.get("DISPLAY") or sys.platform == "darwin")
        )
        page = opened or start or labs[0].notebook
        return open_notebook(page.name, root, catalog.root, say=say, port=port, browser=wanted_browser)
    finally:
        # Neither a second Ctrl-C nor a window that is closed now must leave half of it running.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("Stopping what was started here; your answers and your notebooks stay.")
        try:
            _stop(catalog, root, before, say)
            if not had_engine:
                end_own_engine(engine, say)
        except LabError as error:
            say(f"{error.message} {error.action}")


def _stop(catalog: Catalog, root: Path, before: set[str], say: Say) -> None:
    """End the practices in `root` that were started since."""
    for lab in catalog.labs():
        place = root / lab.name
        if str(place) not in before and place.is_dir():
            Session.open(lab.name, workspace=place).stop(say)


def _answers() -> bool:
    """Return whether an engine is there already."""
    from checker.engine.connection import connect

    try:
        engine: Engine | None = connect() if candidates() else None
    except LabError:
        return False
    if engine is not None:
        engine.close()
    return engine is not None
