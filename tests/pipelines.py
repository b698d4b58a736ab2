"""What tests of pipelines stand on: an app to build, a hub to push it to, and a look at what is left."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checker.base.model import Service, Value
from checker.engine.connection import Engine
from checker.stack.kinds.hub import HubView as HubView
from checker.stack.trials import Trials
from tests.helpers import BASE

ACCOUNT = "ada"
VULNERABLE = "Metadata-Version: 2.1\nName: urllib3\nVersion: 1.24.1\n"
"""What pip leaves of a library that has a finding of severity HIGH: CVE-2019-11324."""


def lay_out_app(place: Path, page: str) -> None:
    """An app like those of tutorials: a Dockerfile, a page, and libraries."""
    for name, text in {
        "Dockerfile": f"FROM {BASE}\nCOPY site /www\nCOPY packages /usr/lib/python3/dist-packages/\n",
        "site/index.html": page,
        "packages/README": "Libraries lie here.\n",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)


def make_vulnerable(place: Path) -> None:
    """Give the app an old library."""
    folder = place / "packages" / "urllib3-1.24.1.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(VULNERABLE)


def start_hub(trials: Trials) -> tuple[str, HubView, str]:
    """A hub of its own: its address, what is in it, and the token of `ACCOUNT`."""
    service = Service(
        name="hub", kind="hub", options={"accounts": [{"username": ACCOUNT, "password": "{T}"}]}
    )
    trial = trials.start(service, values={"T": Value(kind="token", secret=True)})
    view = trial.view("hub")
    assert isinstance(view, HubView)
    return trial.stack.services["hub"].address, view, trial.stack.values["T"]


@contextmanager
def somebody_elses_service() -> Iterator[str]:
    """The address of a service of this machine that is not the lab's."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def names_in(engine: Engine) -> set[str]:
    """All names of images in an engine."""
    return {name for image in engine.client.api.images() for name in image["RepoTags"] or ()}


def running(*words: str) -> bool:
    """Whether there is a process with these words in its command line, in whatever namespace."""
    wanted = "\0".join(words).encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted in path.read_bytes():
                return True
        except OSError:
            continue  # it has ended meanwhile
    return False
