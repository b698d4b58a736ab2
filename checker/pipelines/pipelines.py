"""What checks get as `pipelines`: the ways to run the workspace's pipelines, each loaded when it is used."""

from typing import TYPE_CHECKING

from checker.engine.connection import Engine
from checker.lab.workspace import Workspace

if TYPE_CHECKING:
    from checker.pipelines.github.runner import Workflows


class Pipelines:
    """The pipelines of one workspace, and the engine that they are run with."""

    def __init__(self, engine: Engine, workspace: Workspace) -> None:
        self.engine = engine
        self.workspace = workspace

    def workflows(self, workspace: Workspace | None = None) -> "Workflows":
        """Return the GitHub workflows of this workspace, or of another one that a check has made of it."""
        from checker.pipelines.github.runner import Workflows

        return Workflows(self.engine, workspace or self.workspace)
