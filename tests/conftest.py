"""Fixtures of all tests that need a lab to read or to break."""

from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.helpers import TinyLab


class NotebooksWhole(LoadScopeScheduling):
    """Tests go one by one to whoever is free, but all tests of one executed notebook to the same worker.

    The mark `xdist_group` would say so too; xdist 3.8 does not get it across with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path, _, test = nodeid.partition("::")
        return f"{path}[{test.partition('[')[2]}" if path.endswith("/test_notebook.py") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> NotebooksWhole:
    return NotebooksWhole(config, log)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyLab:
    """A lab of three steps in a root folder of its own."""
    return TinyLab(tmp_path / "root")
