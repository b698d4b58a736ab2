"""Start the home for a lab, and for the next one when the learner goes to another."""

import os
import termios

from checker.base.errors import ExitCode
from checker.base.say import Say
from checker.practice.session import Session
from checker.tui.app import Home
from checker.tui.practice import Practice


def watch(session: Session, say: Say) -> int:
    """Show the home until the learner leaves it. Whatever it started is ended; the lab goes on running.

    Raises UsageError for a lab that is not started, EnvironmentFault.
    """
    session.started()
    while True:
        practice = Practice(session)
        try:
            going_to = Home(practice).run()
        except (OSError, RuntimeError, termios.error):
            # A closed terminal sends SIGCONT too, which textual answers to when its loop has ended: RuntimeError.
            if all(map(os.isatty, (0, 1, 2))):
                raise
            raise KeyboardInterrupt from None  # the terminal was closed, and cannot be put back as it was
        finally:
            practice.close()
        if not going_to:
            return ExitCode.PASSED
        session = Session.open(going_to)
        session.start(say)
