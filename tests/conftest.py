"""Fixtures of all tests that need a lab to read or to break."""

from pathlib import Path

import pytest

from tests.helpers import TinyLab


@pytest.fixture
def tiny(tmp_path: Path) -> TinyLab:
    """A lab of three steps in a root folder of its own."""
    return TinyLab(tmp_path / "root")
