"""Trace which processes an answer starts, with which arguments: with strace, where the machine has it.

Only as root: a process that is traced by an ordinary user gets no rights from setuid programs, so that `sudo` would
not work. The tracer is a process of its own that leaves the answer where it is: our child, in a group of its own, with
its own end. What strace writes goes into a file without a name.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from checker.programs import tools

LARGEST = 64 * 1024 * 1024
"""Bytes of what strace wrote that are read; there is more where an answer starts tens of thousands of processes."""
LONGEST = 16 * 1024
"""Characters of one argument that are looked at."""
TRIAL = 10.0
CALL = re.compile(r"^\d+ +execve(?:at)?\((?:[^,\"]+, )?\"(?:[^\"\\]|\\.)*\"(?:\.\.\.)?, \[(?P<words>.*)\], ")
WORD = re.compile(r"\"((?:[^\"\\]|\\.)*)\"")
FAILED = re.compile(r"\) = -1 E[A-Z]+ ")
ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
PLAIN = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"v": b"\v", b"f": b"\f"}
CLOSED = 'exec {0}>&-; exec "$@"'
"""What stands between strace and the answer: nothing of ours may be open in it. Bash, as other shells know files of one
digit only."""

Wrap = Callable[..., list[str]]
"""Wraps words into a command line that runs them elsewhere, as `Executor.command` does."""
Words = tuple[str, ...]


class Trace:
    """One answer that is watched. commands: the arguments of each process it started; None until it has ended, or if
    that cannot be told."""

    def __init__(self, handle: int, able: bool) -> None:
        self._handle, self._able = handle, able
        self.commands: list[Words] | None = None

    @property
    def handles(self) -> tuple[int, ...]:
        """What the answer's process has to inherit."""
        return (self._handle,) if self._able else ()

    def words(self, *words: str) -> tuple[str, ...]:
        """Return the command line that runs these words and watches them."""
        return (*_strace(self._handle), *words) if self._able else words

    def read(self) -> None:
        """Take in what was written, when the answer has ended."""
        if not self._able:
            return
        size = os.fstat(self._handle).st_size
        if size <= LARGEST:
            self.commands = commands(os.pread(self._handle, size, 0).decode("utf-8", "replace"))


class Tracer:
    """Whether answers can be watched in one place, found out once. wrap, enter: as an `Executor` has them."""

    def __init__(
        self, wrap: Wrap, enter: Callable[[], None] | None, place: Path, *, wanted: bool = True
    ) -> None:
        self._wrap, self._enter, self._place = wrap, enter, place
        self._able: bool | None = None if wanted else False

    @contextmanager
    def trace(self) -> Iterator[Trace]:
        """Watch one answer. Where that cannot be done nothing is changed, and `commands` stays None."""
        if self._able is None:
            self._able = may() and self._works()
        handle = os.memfd_create("trace") if self._able else -1
        try:
            yield Trace(handle, self._able)
        finally:
            if handle >= 0:
                os.close(handle)

    def _works(self) -> bool:
        """Return whether a process that is watched runs and ends as another one, and is seen."""
        handle, said = os.memfd_create("trial"), os.memfd_create("said")
        trace = Trace(handle, able=True)
        words = trace.words("/bin/sh", "-c", "/bin/sh -c 'exit 7' seen; exit $?")
        try:
            code = self._run(words, trace.handles, said)
            trace.read()
            quiet = not os.fstat(said).st_size
        except OSError:
            return False
        finally:
            os.close(handle)
            os.close(said)
        return code == 7 and quiet and any(words[-1:] == ("seen",) for words in trace.commands or ())

    def _run(self, words: Words, handles: tuple[int, ...], said: int) -> int:
        """Return the exit code of a command that is run as answers are. Raises OSError."""
        process = subprocess.Popen(
            self._wrap(self._place, *words),
            preexec_fn=self._enter,
            pass_fds=handles,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
        try:
            return process.wait(TRIAL)
        except subprocess.TimeoutExpired:
            return -1
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def may() -> bool:
    """Return whether it makes sense to try: as root, on a system that has strace and files without a name."""
    return hasattr(os, "memfd_create") and os.geteuid() == 0 and not tools.missing([tools.STRACE])


def commands(text: str) -> list[Words]:
    """Return the arguments of each process that strace tells of.

    Example: `commands('7 execve("/bin/a", ["a", "b"], 0x0 /* 1 var */) = 0')` is `[("a", "b")]`.
    """
    calls = (CALL.match(line) for line in text.splitlines() if not FAILED.search(line))
    return [tuple(_unescaped(word) for word in WORD.findall(call["words"])) for call in calls if call]


def _unescaped(text: str) -> str:
    """Return a text as it was before strace wrote it in C's way."""

    def one(found: re.Match[bytes]) -> bytes:
        said = found[1]
        return bytes([int(said, 8) & 255]) if said[:1].isdigit() else PLAIN.get(said, said)

    with suppress(ValueError):
        return ESCAPE.sub(one, text.encode()).decode("utf-8", "replace")
    return text


def _strace(handle: int) -> tuple[str, ...]:
    program = shutil.which(tools.STRACE) or tools.STRACE
    what = ("-DDD", "-f", "--seccomp-bpf", "-qqq", "-e", "trace=execve,execveat", "-e", "signal=none")
    where = ("-s", str(LONGEST), "-o", f"/proc/self/fd/{handle}")
    return (program, *what, *where, "bash", "-c", CLOSED.format(handle), "bash")
