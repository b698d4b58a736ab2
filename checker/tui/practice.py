"""A practice as the screen needs it. Everything slow runs in a process or a thread of its own."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from rich.text import Text

from checker.base.errors import EnvironmentFault, UsageError
from checker.base.model import Lab, Step
from checker.base.plain import plain_line
from checker.lab.progress import Progress
from checker.practice.hints import Hint
from checker.practice.picture import Tree, read_tree
from checker.practice.session import Session
from checker.practice.watcher import Heard, Watcher

EDITORS = ("nano", "vim", "vi", "emacs")
END_LIMIT = 10.0
"""Seconds an answer that is ended may take for it."""


class RunningAnswer:
    """An answer that runs: `lab run`, whose output is told line by line; None tells that it is over."""

    def __init__(self, step: Step, command: list[str], tell: Callable[[str | None], None]) -> None:
        self.step = step
        self._tell = tell
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def end(self) -> None:
        """End the answer and all that it started, as Ctrl-C does, and wait for that."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(END_LIMIT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError, RuntimeError):  # RuntimeError: the screen is closed already
            for line in self._process.stderr:
                self._tell(line.decode(errors="replace").rstrip("\n"))
            self._process.wait()
            self._tell(None)


class Practice:
    """One lab's practice, its watcher, and the answer that runs."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._watcher: Watcher | None = None
        self._running: RunningAnswer | None = None

    @property
    def lab(self) -> Lab:
        return self._session.lab

    def begin(self, hear: Callable[[Heard], None]) -> None:
        """Have every save and every push checked from now on."""

        def safely(heard: Heard) -> None:
            with suppress(RuntimeError):  # the screen is closed already
                hear(heard)

        self._watcher = Watcher(self.lab, self._session.workspace, safely)

    def close(self) -> None:
        """End the watcher, and an answer that is still running."""
        if self._running is not None:
            self._running.end()
        if self._watcher is not None:
            self._watcher.close()

    def record(self) -> Progress:
        return self._session.progress()

    def check(self, step: str) -> None:
        if self._watcher is not None:
            self._watcher.check([step])

    def run(self, step: Step, tell: Callable[[str | None], None]) -> RunningAnswer:
        place = str(self._session.workspace.path)
        command = [sys.executable, "-m", "checker.cli", "run", self.lab.name, step.name, "--workspace", place]
        self._running = RunningAnswer(step, command, tell)
        return self._running

    def hint(self, step: str) -> Hint:
        return self._session.hint(step)[0]

    def earlier_hints(self, step: str) -> list[Hint]:
        return self._session.earlier_hints(step)

    def tree(self) -> Tree | None:
        """Return what the registry holds now; None for a lab that has no registry of its own. Raises
        LabError."""
        return read_tree(self._session.registry())

    def labs(self) -> list[tuple[str, Text]]:
        """Return all labs, by name, each with a line to show."""
        from checker.lab.catalog import Catalog
        from checker.practice.whereabouts import all_labs

        return [
            (
                one.lab.name,
                Text(
                    f"{one.lab.number} {plain_line(one.lab.title)}: {one.record.passed} of "
                    f"{len(one.lab.steps)} steps, {one.record.points}/{one.lab.points} points"
                    + (", running" if one.running else "")
                ),
            )
            for one in all_labs(Catalog())
        ]

    def shell(self) -> str:
        from checker.practice.shell import open_shell

        open_shell(self._session, lambda text: print(text, file=sys.stderr))
        return ""

    def edit(self, step: Step) -> str:
        """Open a step's answer in the learner's editor. Raises UsageError, EnvironmentFault."""
        path = self._session.workspace.answer(step)
        named = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
        words = shlex.split(named) or [found for found in map(shutil.which, EDITORS) if found][:1]
        if not words:
            raise UsageError(
                "There is no editor.", f"Set EDITOR, or edit {path} in a program of your choice."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            subprocess.run([*words, str(path)], check=False)
        except OSError as error:
            raise EnvironmentFault(
                f"The editor {words[0]} cannot be started: {error.strerror}.", "Set EDITOR to another one."
            ) from error
        return f"Edited {step.answer_path}."

    def hand_in(self) -> list[str]:
        """Make the archive to hand in; returns what there is to say. Raises LabError."""
        from checker.practice import handing

        lines: list[str] = []
        handing.submit(self.lab.name, self._session.workspace.path, None, False, lines.append, lines.append)
        return lines
