"""Fixtures of all tests that need a lab to read or to break."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.helpers import TinyLab

# A lab's own modules are imported by their bare names, as its checks do it.
sys.path[:0] = sorted(str(file.parent) for file in Path(__file__).parents[1].glob("labs/*/checks.py"))


class LabsApart(LoadScopeScheduling):
    """Tests go file by file to whoever is free, and all that play one lab, its notebook too, to the same worker.

    Two replays of one lab build on the same layers, and an engine that removes what the one has built takes them from
    under the other's build. The mark `xdist_group` would say so too; xdist 3.8 does not get it across with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        played = re.search(r"/(?:test_labs|test_notebook)\.py::.*\[(\d\d)-", nodeid)
        return f"lab {played[1]}" if played else nodeid.partition("::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LabsApart:
    return LabsApart(config, log)


@pytest.fixture
def tiny(tmp_path: Path) -> TinyLab:
    """A lab of three steps in a root folder of its own."""
    return TinyLab(tmp_path / "root")
