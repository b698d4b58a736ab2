"""The ways a command can end badly, each with the exit code it stands for.

Exit codes: 0 everything passed, 1 a step failed, 2 wrong usage, 3 the environment
(engine, registry, a broken lab) is at fault. Whatever is raised from here is shown to people as
one message without a traceback.
"""

from enum import IntEnum


class ExitCode(IntEnum):
    """What the `lab` command's exit status means."""

    PASSED = 0
    FAILED = 1
    USAGE = 2
    ENVIRONMENT = 3
    INTERRUPTED = 130


class LabError(Exception):
    """Base of everything that is told to a person: what is wrong and what to do next."""

    exit_code = ExitCode.ENVIRONMENT

    def __init__(self, message: str, action: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.action = action

    @property
    def told(self) -> str:
        """Both as one text."""
        return " ".join(part for part in (self.message, self.action) if part)


class UsageError(LabError):
    """The command was asked for something that does not exist or makes no sense."""

    exit_code = ExitCode.USAGE


class EnvironmentFault(LabError):
    """The machine, the engine or a service is at fault, never the learner's answer."""


class EngineFault(EnvironmentFault):
    """No container engine answers, or it stopped answering."""


class ServiceFault(EnvironmentFault):
    """A service of the stack is not running or does not answer."""


class Refused(ServiceFault):
    """A service answered a request of the checker's own with another status than it should."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class MachineTooSlow(EnvironmentFault):
    """Something ran out of time while others had the processors; trying again on a quieter machine helps."""


class ContentFault(LabError):
    """What somebody put into a registry cannot be read as an image: theirs to mend, not the machine's."""

    exit_code = ExitCode.FAILED


class NotShown(LabError):
    """A real service shows nobody what a check would look at: the step can be done, but not judged."""


class BrokenLab(EnvironmentFault):
    """The lab's own files are wrong: an author has to mend them."""
