"""The real server as a process of its own, as the tests here need it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

END_LIMIT = 15.0
"""Seconds the server may take to end, its kernels included."""

SERVE = """
import sys
from pathlib import Path
from checker.lab.catalog import Catalog
from checker.notebook.server import open_notebook
from checker.practice.whereabouts import all_labs
from checker.base.cache import cache_dir
from checker.notebook import copies, startpage
say = lambda text: print(text, flush=True)
catalog, root = Catalog(), Path(sys.argv[2])
for lab in catalog.labs():
    if lab.notebook.is_file():
        copies.provide(lab, root, say)
page = startpage.provide(catalog.root, root, all_labs(catalog), cache_dir() / "jupyter")
name = catalog.lab(sys.argv[1]).notebook.name if sys.argv[1] else page.name
sys.exit(open_notebook(name, root, catalog.root, say=say, browser=False))
"""


class Server(NamedTuple):
    """A server that answers. cache: where it keeps everything of its own."""

    process: subprocess.Popen[str]
    url: str
    cache: Path


@contextmanager
def serving(lab: str, root: Path, cache: Path) -> Iterator[Server]:
    """Serve a lab's notebook, or the start page for an empty name, from `root`; however the block ends, so does it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, lab, str(root)],
        env={**os.environ, "REGISTRY_LAB_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell ignores SIGINT, and its children would as well.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield Server(process, _url(process), cache)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(END_LIMIT)


def _url(process: subprocess.Popen[str]) -> str:
    """The address the server prints once it answers; it gives up by itself if it never does."""
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.strip().startswith("http://127.0.0.1:"):
            return line.strip()
    raise AssertionError("".join(said))


def processes_naming(place: Path) -> list[list[str]]:
    """The command lines of everything that runs with a path inside `place` (Linux)."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode("utf-8", "replace")
        except OSError:  # it has ended since
            continue
        if str(place) in line:
            found.append(line.split("\0"))
    return found
