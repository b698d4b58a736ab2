"""The watcher process of a front end: `lab watch --json`, started, read and ended."""

import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from checker.base.model import Lab
from checker.lab.workspace import Workspace

END_LIMIT = 5.0
"""Seconds it may take to end before it is killed."""


class Heard(msgspec.Struct, frozen=True):
    """One line of it, a `checker.practice.following.Update`; or `ended` if the process is gone: `message` says why."""

    event: str
    why: str = ""
    steps: tuple[str, ...] = ()
    seconds: float = 0.0
    message: str = ""


class Watcher:
    """Follows a practice until it is closed.

    on_heard is called in a thread of its own, for one line after the other.
    """

    def __init__(self, lab: Lab, place: Workspace, on_heard: Callable[[Heard], None]) -> None:
        self._on_heard = on_heard
        self._closing = False
        command = [
            sys.executable,
            "-m",
            "checker.cli",
            "watch",
            lab.name,
            "--json",
            "--workspace",
            str(place.path),
        ]
        self._process = subprocess.Popen(
            command,
            cwd=Path.home() if not place.path.is_dir() else place.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the front end
        )
        self._errors: list[bytes] = []
        self._threads = [
            threading.Thread(target=self._listen, daemon=True),
            threading.Thread(target=self._collect, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def check(self, steps: Collection[str] = (), *, ran: bool = False) -> None:
        """Ask for verdicts on steps, all if none is named. ran: whether their answers were just run."""
        line = msgspec.json.encode({"check": sorted(steps), "ran": ran}) + b"\n"
        with suppress(OSError, ValueError):  # it ended: its last line says so
            assert self._process.stdin is not None
            self._process.stdin.write(line)
            self._process.stdin.flush()

    def close(self) -> None:
        """End it and wait until it is gone. It is told by the end of its input, so that it removes what it started."""
        self._closing = True
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_LIMIT)
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        last = ""
        with suppress(OSError, ValueError):
            for line in self._process.stdout:
                try:
                    heard = msgspec.json.decode(line, type=Heard)
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue
                last = heard.message if heard.event == "fault" else last
                self._on_heard(heard)
        self._process.wait()
        if not self._closing:
            said = b"".join(self._errors).decode(errors="replace").strip().splitlines()
            self._on_heard(Heard("ended", message=last or (said[-1] if said else "It ended without a word.")))

    def _collect(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError):
            for line in self._process.stderr:
                self._errors = [*self._errors[-20:], line]
