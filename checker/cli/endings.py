"""How a command speaks while it works, and how it ends: an exit code and a message, never a traceback."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import click

from checker.base import unforeseen
from checker.base.errors import ExitCode, LabError
from checker.base.plain import plain

FILES_AS_JSON = {"grade", "merge", "report"}
"""Commands whose `--json` names a file: what they tell is for a person."""


def say(text: str) -> None:
    """Tell what is going on, on the error stream: the output stream carries results only.

    Names of folders in what was handed in are a stranger's, so the text is made harmless first. Said to a terminal
    that was closed it is lost, and whoever says it goes on with cleaning up.
    """
    try:
        click.echo(click.style(plain(text), dim=True), err=True, color=None if colour_wanted() else False)
    except OSError as error:
        if error.errno != errno.EIO:
            raise


def colour_wanted() -> bool:
    """Return whether https://no-color.org allows colour on a terminal."""
    return not os.environ.get("NO_COLOR")


def heed_signals() -> None:
    """Let SIGTERM, and a terminal that is closed, end a command as Ctrl-C does: with everything cleaned up.

    Whoever started the command with nohup has asked for something else, and gets it.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        handles = [handle for handle in (0, 1, 2) if _is_terminal(handle)]
        signal.signal(signal.SIGHUP, lambda _number, _frame: _hung_up(handles))


def _hung_up(handles: list[int]) -> NoReturn:
    """Go on as after Ctrl-C. handles: those of the terminal, where from now on every word would be an error."""
    # The shell and the system may both tell it: the second must not disturb the cleaning up.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for handle in handles:
        if not _is_terminal(handle):
            os.dup2(nowhere, handle)
    os.close(nowhere)
    raise KeyboardInterrupt


def _is_terminal(handle: int) -> bool:
    try:
        return os.isatty(handle)
    except OSError:
        return False


def guarded(work: Callable[[], Any]) -> int:
    """Run a command; what it raises is told to the person at the terminal, never as a traceback."""
    try:
        result = work()
        return int(result) if isinstance(result, int) else ExitCode.PASSED
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except LabError as error:
        _tell(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("\nInterrupted. Nothing was left behind that `lab stop --all` would not remove.", err=True)
        return ExitCode.INTERRUPTED
    except SystemExit as ending:
        # click and rich end with 1 when nobody reads any more, which here would mean a failed step.
        if isinstance(ending.__context__, BrokenPipeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return ExitCode.PASSED
        raise
    except Exception as error:  # the last resort against a traceback on a learner's screen
        found = unforeseen.told(error) or _defect(error)
        _tell(found)
        return found.exit_code


def finish(code: int) -> int:
    """Write out what still waits for the output stream; the exit code, 3 where that cannot be done.

    Python would do it later, and end with 120 and a traceback.
    """
    try:
        if sys.stdout:
            sys.stdout.flush()
    except BrokenPipeError:
        pass  # nobody reads any more, and nobody has to
    except OSError as error:
        if code == ExitCode.PASSED:
            code = ExitCode.ENVIRONMENT
            _tell(unforeseen.told(error) or _defect(error))
    else:
        return code
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _tell(error: LabError) -> None:
    with suppress(OSError):  # a full disk may be what there is to tell
        _say_error(error)


def _say_error(error: LabError) -> None:
    if "--json" in sys.argv and not FILES_AS_JSON & set(sys.argv):
        from checker.report import jsonform

        click.echo(jsonform.error_json(error))
        return
    click.echo(click.style("Error: ", fg="red", bold=True) + plain(error.message), err=True, color=_colour())
    if error.action:
        click.echo(f"  Next: {plain(error.action)}", err=True)


def _colour() -> bool | None:
    return None if colour_wanted() else False


def _defect(error: Exception) -> LabError:
    """Return a defect of ours: keep the traceback for a report, and say where it is."""
    import traceback

    from checker.base.cache import cache_dir

    text = "".join(traceback.format_exception(error))
    try:
        cache_dir().mkdir(parents=True, exist_ok=True)
        path = cache_dir() / "last-defect.txt"
        path.write_text(text, encoding="utf-8")
        where = str(path)
    except OSError as refusal:
        where = f"nowhere, as {cache_dir()} cannot be written ({refusal.strerror})"
    return LabError(
        f"Something went wrong that is not your fault: {type(error).__name__}: {error}",
        f"The details are in {where}; please report them.",
    )
