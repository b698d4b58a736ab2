"""Fixtures for checks that run pipelines: `fixtures = ["checker.pipelines.fixtures"]` in a lab.toml."""

import pytest

from checker.engine.connection import Engine
from checker.lab.workspace import Workspace
from checker.pipelines.pipelines import Pipelines


@pytest.fixture(scope="session")
def pipelines(connection: Engine, workspace: Workspace) -> Pipelines:
    """The pipelines in this workspace, to be run."""
    return Pipelines(connection, workspace)
