"""What labs need before they can start: base images in the engine, programs on the machine."""

from collections.abc import Iterable

from checker.base.model import Lab
from checker.base.say import Say
from checker.engine import images
from checker.engine.connection import Engine
from checker.lab import values
from checker.programs import tools
from checker.stack.kind import images as of_lab


def provide(engine: Engine, labs: Iterable[Lab], say: Say) -> None:
    """Get what is missing of it; as root on Debian or Ubuntu programs are installed, which is said first.

    Raises EnvironmentFault saying what to do where something cannot be had, BrokenLab, EngineFault.
    """
    labs = tuple(labs)
    tools.ensure((tool for lab in labs for tool in lab.tools), say, may_install=True)
    if any(values.secret_names(lab) for lab in labs):
        tools.wish([tools.STRACE], say)
    images.ensure(engine, sorted({name for lab in labs for name in of_lab(lab)}), say)
