"""What checks may look at during one look."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from checker.engine.connection import Engine
from checker.inspect.engineview import EngineView
from checker.inspect.probe import Probe
from checker.judge.kept import Kept
from checker.lab.workspace import Workspace
from checker.secrets.ran import Ran
from checker.stack.trials import Trials

Environment = Callable[[Workspace], Mapping[str, str]]
"""What an answer of the lab would find in its environment in a workspace, which may be a copy."""


def _no_environment(_workspace: Workspace) -> Mapping[str, str]:
    return {}


class World(msgspec.Struct, frozen=True):
    """What checks may look at.

    engine: what checks look at it through; connection: the engine itself, for fixtures that run something there.
    memory: a folder of the practice's, for what does not change; None in a replay. kept: what is carried over from
    one look at this workspace to the next. ran: what the answers' processes were given. history: secrets in the git
    history that was handed in, as sentences; a replay has a new history.
    """

    values: Mapping[str, str]
    workspace: Workspace
    services: Mapping[str, object]
    connection: Engine
    engine: EngineView
    probe: Probe
    trials: Trials
    kept: Kept
    environment: Environment = _no_environment
    memory: Path | None = None
    ran: Ran = Ran({}, ())
    history: tuple[str, ...] = ()
