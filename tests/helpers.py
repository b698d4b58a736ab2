"""What many tests stand on: a tiny lab to break, the `lab` command as a process, an engine that fails."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "registry-lab/busybox:1"

LAB_TOML = """\
title = "Tiny"
version = "1"
summary = "One image, pushed and pinned."
images = ["busybox"]
owned = ["{REGISTRY}/*"]

[[services]]
name = "registry"
kind = "registry"

[values]
REGISTRY = { kind = "address", service = "registry" }
WORD = { kind = "word" }
TOKEN = { kind = "token" }

[[steps]]
name = "push"
title = "Push an image of this run"
points = 5
hints = ["Build it first.", "Then push it."]

[[steps]]
name = "pin"
title = "Pin it by digest"
points = 3
needs = ["push"]
hints = ["The engine knows the digest."]

[[steps]]
name = "note"
title = "Write it down"
answer = "note.txt"
points = 2
hints = ["Any text will do."]
"""

CHECKS = """\
from checker.check import fail, step


@step("push")
def test_the_image_is_of_this_run(registry, values):
    image = registry.image(values["WORD"], "1")
    if image is None:
        seen = f"It holds {registry.repositories()}."
        fail("not-pushed", expected="The registry holds an image.", observed=seen, action="Push it.")
    if image.labels.get("token") != values["TOKEN"]:
        fail("not-this-run", expected="This run's token.", observed=f"{image.labels}", action="Build it.")


@step("pin")
def test_the_digest_is_written_down(registry, values, workspace):
    wanted = f"{values['REGISTRY']}/{values['WORD']}@{registry.digest(values['WORD'], '1')}"
    seen = (workspace.read("pinned.txt") or "nothing").strip()
    if seen != wanted:
        fail("not-pinned", expected=f"It says {wanted}.", observed=f"It says {seen}.", action="Write it.")


@step("note")
def test_there_is_a_note(workspace):
    if not (workspace.read("note.txt") or "").strip():
        fail("no-note", expected="There is a note.", observed="It is empty.", action="Write one.")
"""

PUSH = """\
set -eu
printf 'FROM %s\\nLABEL token=%s\\n' BASE "$TOKEN" | docker build --quiet --tag "$REGISTRY/$WORD:1" -
docker push --quiet "$REGISTRY/$WORD:1"
""".replace("BASE", BASE)

HAND_IN: list[dict[str, Any]] = [
    {"cell_type": "code", "source": ["%submit"], "metadata": {}, "outputs": [], "execution_count": None},
    {"cell_type": "markdown", "source": ["[All labs](00-start.ipynb)"], "metadata": {}},
]
"""How a notebook ends."""

PIN = """\
docker image inspect --format '{{index .RepoDigests 0}}' "$REGISTRY/$WORD:1" > pinned.txt
"""


class TinyLab:
    """A root folder with one lab in it, number 90, right in every way until a test edits it."""

    name = "90-tiny"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "labs" / self.name
        self.notebook = root / "notebooks" / f"{self.name}.ipynb"
        self.write("lab.toml", LAB_TOML)
        self.write("checks.py", CHECKS)
        self.write("starter/note.txt", "")
        self.write("solution/note.txt", "Tags move.\n")
        self.write("solution/steps/push.sh", PUSH)
        self.write("solution/steps/pin.sh", PIN)
        self.mistake("says-so", "push", "not-pushed", {"steps/push.sh": "echo Pushed.\n"})
        sections = {"push": "%%step push\n", "pin": "%%step pin\n", "note": "%%step note\n"}
        cells = [cell for step, code in sections.items() for cell in _section(step, code)] + HAND_IN
        self.notebook.parent.mkdir(parents=True)
        self.notebook.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells}))

    def write(self, relative: str, text: str) -> None:
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, relative: str, old: str, new: str) -> None:
        text = (self.folder / relative).read_text(encoding="utf-8")
        assert old in text, f"{relative} has no {old!r} to edit"
        self.write(relative, text.replace(old, new, 1))

    def mistake(self, name: str, step: str, finding: str, files: Mapping[str, str]) -> None:
        about = f'step = "{step}"\nfinding = "{finding}"\nwhy = "It looks done."\n'
        for relative, text in {"mistake.toml": about, **files}.items():
            self.write(f"mistakes/{name}/{relative}", text)

    def alternative(self, name: str, step: str, files: Mapping[str, str]) -> None:
        about = f'step = "{step}"\nwhy = "It is as good."\n'
        for relative, text in {"alternative.toml": about, **files}.items():
            self.write(f"alternatives/{name}/{relative}", text)

    def solve(self, workspace: Path) -> Path:
        """Lay the solution into a workspace, made if need be."""
        for source in (self.folder / "solution").rglob("*"):
            target = workspace / source.relative_to(self.folder / "solution")
            if source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
        return workspace


def _section(step: str, code: str) -> list[dict[str, Any]]:
    about = {"metadata": {"registry_lab": {"step": step}}}
    text: dict[str, Any] = {"cell_type": "markdown", "source": [f"## {step}\n"], **about}
    answer = {"cell_type": "code", "source": [code], "outputs": [], "execution_count": None, **about}
    return [text, answer] if code else [text]


def until(condition: Callable[[], Any], what: str, seconds: float = 20.0) -> Any:
    """Wait for something to become true; what it became, or a failure that says what never came."""
    deadline = time.monotonic() + seconds
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.02)
    return seen


@dataclass(frozen=True)
class Done:
    """How a command ended: exit code, what it printed, what it said on the side."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Process:
    """A `lab` command at work, in a process group of its own as a terminal would give it."""

    def __init__(self, command: list[str], env: Mapping[str, str], cwd: Path, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        number = len(list(logs.iterdir()))
        self._out, self._err = logs / f"{number}.out", logs / f"{number}.err"
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.popen = subprocess.Popen(
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                # What a shell starts in the background ignores Ctrl-C; nobody at a terminal does.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def text(self) -> str:
        return self._out.read_text("utf-8", "replace") + self._err.read_text("utf-8", "replace")

    def says(self, text: str, seconds: float = 20.0) -> None:
        """Wait until it has printed something."""

        def said() -> bool:
            if text in self.text:
                return True
            assert self.popen.poll() is None, f"it ended without saying {text!r}:\n{self.text}"
            return False

        until(said, f"{text!r} to be said; so far:\n{self.text}", seconds)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self.popen.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it with no chance to clean up."""
        os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()

    def wait(self, seconds: float = 60.0) -> Done:
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the command did not end within {seconds:.0f} s:\n{self.text}") from None
        return Done(code, self._out.read_text("utf-8", "replace"), self._err.read_text("utf-8", "replace"))


class Terminal:
    """A command that has a terminal of its own, which can be looked at and closed."""

    def __init__(
        self, command: list[str], env: Mapping[str, str], cwd: Path, columns: int, lines: int
    ) -> None:
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self._data = b""
        self.popen = subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_own_terminal,
        )
        os.close(theirs)

    def _read(self) -> None:
        while select.select([self._ours], [], [], 0)[0]:
            try:
                data = os.read(self._ours, 1 << 16)
            except OSError:  # nobody has the other end any more
                return
            self._data += data

    @property
    def text(self) -> str:
        """All that was ever written, with what moves the cursor."""
        self._read()
        return self._data.decode("utf-8", "replace")

    @property
    def lines(self) -> list[str]:
        """What is to be seen, and what has moved up out of sight."""
        return painted(self.text)

    def says(self, text: str, seconds: float = 20.0) -> None:
        """Wait until it has written something."""

        def said() -> bool:
            if text in self.text:
                return True
            assert self.popen.poll() is None, f"it ended without saying {text!r}:\n{self.text}"
            return False

        until(said, f"{text!r} to be said; so far:\n{self.text}", seconds)

    def close(self) -> None:
        """Close the window."""
        os.close(self._ours)

    def wait(self, seconds: float = 60.0) -> int:
        """Wait for the end, reading on meanwhile; the exit code."""

        def ended() -> bool:
            self._read()
            return self.popen.poll() is not None

        try:
            until(ended, "the command to end", seconds)
        finally:
            if self.popen.poll() is None:
                os.killpg(self.popen.pid, signal.SIGKILL)
        self._read()
        return self.popen.wait()


def _own_terminal() -> None:
    """Done in the process to be: what a shell starts in the background ignores these, nobody at a terminal does."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def painted(text: str) -> list[str]:
    """Return the lines that a terminal shows, which knows what our own displays use of escape sequences."""
    lines, row, column = [""], 0, 0
    for found in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b.|[\s\S]", text):
        argument, final = found[1], found[2]
        if final == "A":
            row = max(row - int(argument or 1), 0)
        elif final == "K":
            lines[row] = "" if argument == "2" else lines[row][:column]
        elif found[0] == "\r":
            column = 0
        elif found[0] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif len(found[0]) == 1:
            lines[row] = lines[row][:column].ljust(column) + found[0] + lines[row][column + 1 :]
            column += 1
    return [line.rstrip() for line in lines]


class Command:
    """The `lab` command, run as a whole process in surroundings of its own below `home`."""

    def __init__(self, root: Path, home: Path, **more: str) -> None:
        self.home = home
        self.workspaces = home / "workspace"
        self.cache = home / "cache"
        self.tmp = home / "tmp"
        self.tmp.mkdir(parents=True)
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
        self.env = kept | {
            "HOME": str(home),
            "TMPDIR": str(self.tmp),
            "REGISTRY_LAB_ROOT": str(root),
            "REGISTRY_LAB_CACHE": str(self.cache),
            "REGISTRY_LAB_WORKSPACE": str(self.workspaces),
            "NO_COLOR": "1",
            "COLUMNS": "100",
            **more,
        }

    def spawn(self, *arguments: str | Path, before: str = "", cwd: Path | None = None, **env: str) -> Process:
        """Start a command. before: Python to run in its process first, to make a limit small."""
        entry = ["-m", "checker.cli"]
        if before:
            entry = ["-c", f"{before}\nfrom checker.cli.app import main; main()"]
        command = [sys.executable, *entry, *map(str, arguments)]
        return Process(command, self.env | env, cwd or self.home, self.home / "logs")

    def terminal(
        self, *arguments: str | Path, columns: int = 80, lines: int = 24, cwd: Path | None = None, **env: str
    ) -> Terminal:
        """Start a command at a terminal."""
        command = [sys.executable, "-m", "checker.cli", *map(str, arguments)]
        size = {"COLUMNS": str(columns), "TERM": "xterm-256color"}
        return Terminal(command, self.env | size | env, cwd or self.home, columns, lines)

    def __call__(self, *arguments: str | Path, before: str = "", cwd: Path | None = None, **env: str) -> Done:
        """Run a command to its end."""
        return self.spawn(*arguments, before=before, cwd=cwd, **env).wait()


class Proxy:
    """An engine's socket that can fail: passes everything on until a request holds `at`.

    Then it calls `then`, once; with `dead` set nothing passes any more and nobody gets in.
    """

    def __init__(self, path: Path, engine: str, at: bytes, then: Callable[["Proxy"], object]) -> None:
        self.address = f"unix://{path}"
        self._engine = engine.removeprefix("unix://")
        self._at, self._then = at, then
        self._pairs: list[socket.socket] = []
        self.met = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        """Stop answering, as an engine does that is being stopped."""
        for end in [self._listener, *self._pairs]:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:
                return
            theirs = socket.socket(socket.AF_UNIX)
            theirs.connect(self._engine)
            self._pairs += [ours, theirs]
            threading.Thread(target=self._pass_on, args=(ours, theirs), daemon=True).start()

    def _pass_on(self, ours: socket.socket, theirs: socket.socket) -> None:
        try:
            while True:
                for end in select.select([ours, theirs], [], [])[0]:
                    data = end.recv(1 << 16)
                    if end is ours and self._at in data and not self.met.is_set():
                        self.met.set()
                        self._then(self)
                    if not data:
                        return
                    (theirs if end is ours else ours).sendall(data)
        except (OSError, ValueError):
            return
        finally:
            ours.close()
            theirs.close()
