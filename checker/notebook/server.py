"""JupyterLab for the labs: started, waited for, and ended again without leaving anything behind.

The server is kept apart from the user's own Jupyter: its settings, data and kernels live in our
cache folder, and it never talks to anything outside this machine.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, Any

from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault, ExitCode

CONFIG = 'c = get_config()\nc.IPKernelApp.kernel_class = "checker.notebook.kernel.LabKernel"\n'
"""IPython's settings: cells are coloured as bash; see `checker.notebook.kernel`."""
PORT = 8888
TELL_EVERY = 5.0
"""Seconds between two lines that say that JupyterLab is still starting: it is waited for as long as it lives."""
STOP_LIMIT = 10.0
"""Seconds it may take to end its kernels and itself before it is killed."""
POLL = 0.05
ENDING = (signal.SIGTERM, signal.SIGHUP)

OPTIONS = (
    "--no-browser",  # opened by us, on the notebook, once it answers
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.quit_button=True",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",  # the other one lists extensions from PyPI
    "--KernelManager.shutdown_wait_time=2.0",
)

QUIET = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
"""JupyterLab's page settings: neither fetch news nor ask whether to."""


def open_notebook(
    name: str,
    root: Path,
    content: Path,
    *,
    say: Callable[[str], None],
    port: int | None = None,
    browser: bool,
) -> int:
    """Serve JupyterLab with a notebook open until it is ended; returns an exit code.

    name: of the notebook, in `root`, which also holds the workspaces, one per lab. content: the folder with `labs/`.
    port: None for the first free one from `PORT` on. browser: open one, provided there is a display. Ctrl-C,
    SIGTERM and SIGHUP end the server and its kernels. Raises EnvironmentFault if it doesn't start.
    """
    root = Path(os.path.realpath(root))
    place = cache_dir() / "jupyter"
    token = secrets.token_hex(24)
    with tempfile.TemporaryFile() as log, _interrupted_by(ENDING):
        process: subprocess.Popen[bytes] | None = None
        try:
            say("Starting JupyterLab.")
            _configure(place)
            process = subprocess.Popen(
                command(root, port),
                env=environment(os.environ, place, root, content, token),
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: Jupyter would ask whether it is meant
            )
            address = _wait_until_ready(process, place / "runtime", token, log, say)
            url = f"{address}lab/tree/{_quoted(name)}?token={token}"
            say(f"The notebook is open at\n\n    {url}\n\nCtrl-C ends JupyterLab; your work is saved.")
            if browser and has_display(os.environ):
                _open_browser(url)
            process.wait()
        except KeyboardInterrupt:
            say("Ending JupyterLab.")
        finally:
            if process is not None:
                _end(process, place / "runtime")
    return ExitCode.PASSED


def command(root: Path, port: int | None) -> list[str]:
    """Return the command line of the server. A port that was asked for is not exchanged for another."""
    ports = [f"--ServerApp.port={port or PORT}", f"--ServerApp.port_retries={0 if port else 100}"]
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *OPTIONS, *as_root, *ports, f"--ServerApp.root_dir={root}"]


def environment(
    outer: Mapping[str, str], place: Path, root: Path, content: Path, token: str
) -> dict[str, str]:
    """Return the server's environment: the user's, without anything that points Jupyter elsewhere."""
    kept = {name: value for name, value in outer.items() if not name.startswith(("JUPYTER", "IPYTHON"))}
    return {
        **kept,
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), kept.get("PATH", os.defpath))),
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_DATA_DIR": str(place / "data"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "1",  # the kernel called python3 is this Python
        "JUPYTER_TOKEN": token,  # not on the command line, where every user could read it
        "IPYTHONDIR": str(place / "ipython"),
        "REGISTRY_LAB_WORKSPACE": str(root),
        "REGISTRY_LAB_ROOT": str(content),
    }


def has_display(outer: Mapping[str, str]) -> bool:
    """Return whether a browser could show anything here."""
    return sys.platform == "darwin" or bool(outer.get("DISPLAY") or outer.get("WAYLAND_DISPLAY"))


def _configure(place: Path) -> None:
    written = {
        place / "config/labconfig/page_config.json": json.dumps(QUIET),
        place / "ipython/profile_default/ipython_kernel_config.py": CONFIG,
    }
    try:
        for path, text in written.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"JupyterLab's settings cannot be written to {place}: {error.strerror}.",
            "Make room there, or name another place with REGISTRY_LAB_CACHE.",
        ) from error


def _wait_until_ready(
    process: "subprocess.Popen[bytes]",
    runtime: Path,
    token: str,
    log: IO[bytes],
    say: Callable[[str], None],
) -> str:
    """Wait for the server to answer, as long as it lives; returns its address, ending in a slash."""
    began = told = time.monotonic()
    while True:
        now = time.monotonic()
        if now - told >= TELL_EVERY:
            told = now
            say(f"JupyterLab is still starting, after {now - began:.0f} s.")
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL)
            raise EnvironmentFault(
                f"JupyterLab ended while it was starting. It said:\n{_tail(log)}",
                "If the port is taken, choose another one with `--port`, or leave it out.",
            )
        info = _info(runtime, process.pid)
        if info and _answers(int(info["port"]), token):
            return f"http://127.0.0.1:{info['port']}{info['base_url']}"


def _info(runtime: Path, pid: int) -> dict[str, Any] | None:
    """Return what a server tells about itself once it listens; None before that."""
    try:
        found: dict[str, Any] = json.loads((runtime / f"jpserver-{pid}.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _answers(port: int, token: str) -> bool:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/api/status", headers={"Authorization": f"token {token}"})
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: "subprocess.Popen[bytes]", runtime: Path) -> None:
    """End the server, which ends its kernels. A kernel whose server was killed ends by itself."""
    with _ignored(signal.SIGINT, *ENDING):  # this is bounded, and must not be left half done
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_LIMIT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for leftover in (f"jpserver-{process.pid}.json", f"jpserver-{process.pid}-open.html"):
            (runtime / leftover).unlink(missing_ok=True)


@contextmanager
def _interrupted_by(signals: tuple[signal.Signals, ...]) -> Iterator[None]:
    """Let other signals arrive the way Ctrl-C does, but for those that are already attended to, or ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    unheeded = tuple(number for number in signals if signal.getsignal(number) is signal.SIG_DFL)
    with _handled(unheeded, interrupt):
        yield


@contextmanager
def _ignored(*signals: signal.Signals) -> Iterator[None]:
    with _handled(signals, signal.SIG_IGN):
        yield


@contextmanager
def _handled(signals: tuple[signal.Signals, ...], handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in signals}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _open_browser(url: str) -> None:
    import webbrowser

    with suppress(webbrowser.Error):
        webbrowser.open(url)


def _tail(log: IO[bytes]) -> str:
    log.seek(0)
    return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-12:])


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name)
