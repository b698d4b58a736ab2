"""JupyterLab for a lab: started, waited for, and ended again without leaving anything behind.

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

from checker.engine import cache_dir
from checker.errors import EnvironmentFault, ExitCode
from checker.model import Lab
from checker.notebook.copies import provide

PORT = 8888
READY_LIMIT = 60.0
"""Seconds JupyterLab may take to answer."""
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
    lab: Lab, root: Path, *, say: Callable[[str], None], port: int | None = None, browser: bool
) -> int:
    """Serve JupyterLab with the lab's notebook until it is ended; returns an exit code.

    root: the folder that holds the workspaces, one per lab; the notebook goes beside them. port: None
    for the first free one from `PORT` on. browser: open one, provided there is a display. Ctrl-C,
    SIGTERM and SIGHUP end the server and its kernels. Raises EnvironmentFault if it doesn't start.
    """
    root = Path(os.path.realpath(root))
    notebook = provide(lab, root, say)
    place = cache_dir() / "jupyter"
    token = secrets.token_hex(24)
    with tempfile.TemporaryFile() as log, _interrupted_by(ENDING):
        process: subprocess.Popen[bytes] | None = None
        try:
            say("Starting JupyterLab.")
            _configure(place / "config/labconfig")
            process = subprocess.Popen(
                command(root, port),
                env=environment(os.environ, place, root, lab, token),
                cwd=root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: Jupyter would ask whether it is meant
            )
            address = _wait_until_ready(process, place / "runtime", token, log)
            url = f"{address}lab/tree/{_quoted(notebook.name)}?token={token}"
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
    """The command line of the server. A port that was asked for is not exchanged for another."""
    ports = [f"--ServerApp.port={port or PORT}", f"--ServerApp.port_retries={0 if port else 100}"]
    as_root = ["--allow-root"] if os.geteuid() == 0 else []
    return [sys.executable, "-m", "jupyterlab", *OPTIONS, *as_root, *ports, f"--ServerApp.root_dir={root}"]


def environment(outer: Mapping[str, str], place: Path, root: Path, lab: Lab, token: str) -> dict[str, str]:
    """The server's environment: the user's, without anything that points Jupyter elsewhere."""
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
        "REGISTRY_LAB_ROOT": str(lab.folder.parent.parent),
    }


def has_display(outer: Mapping[str, str]) -> bool:
    """Whether a browser could show anything here."""
    return sys.platform == "darwin" or bool(outer.get("DISPLAY") or outer.get("WAYLAND_DISPLAY"))


def _configure(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "page_config.json").write_text(json.dumps(QUIET), encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(
            f"JupyterLab's settings cannot be written to {folder}: {error.strerror}.",
            "Make room there, or name another place with REGISTRY_LAB_CACHE.",
        ) from error


def _wait_until_ready(process: "subprocess.Popen[bytes]", runtime: Path, token: str, log: IO[bytes]) -> str:
    """Wait for the server to answer; returns its address, ending in a slash."""
    deadline = time.monotonic() + READY_LIMIT
    while time.monotonic() < deadline:
        with suppress(subprocess.TimeoutExpired):
            process.wait(POLL)
            raise EnvironmentFault(
                f"JupyterLab ended while it was starting. It said:\n{_tail(log)}",
                "If the port is taken, choose another one with `--port`, or leave it out.",
            )
        info = _info(runtime, process.pid)
        if info and _answers(int(info["port"]), token):
            return f"http://127.0.0.1:{info['port']}{info['base_url']}"
    raise EnvironmentFault(
        f"JupyterLab did not answer within {READY_LIMIT:.0f} s. It said:\n{_tail(log)}", "Try again."
    )


def _info(runtime: Path, pid: int) -> dict[str, Any] | None:
    """What a server tells about itself once it listens; None before that."""
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
    """Let other signals arrive the way Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled(signals, interrupt):
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
