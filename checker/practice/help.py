"""Asking the instructor for help."""

from checker.base.errors import ExitCode
from checker.base.say import Say
from checker.classboard import client
from checker.practice.session import Session


def help_me(session: Session, *, wanted: bool, tell: Say) -> int:
    """Raise a learner's hand on the class's board, or lower it."""
    session.ask_for_help(wanted=wanted)
    if not wanted:
        tell("Your hand is down.")
    elif client.membership() is None:
        tell(
            "You take part in no class with a live board, so nobody sees this. `lab hint STEP` gives a hint."
        )
    else:
        tell("Your hand is up on the board. `lab help-me --done` takes it down.")
    return ExitCode.PASSED
