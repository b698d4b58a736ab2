"""A lab from start to stop, as a learner meets it: whole commands, exit codes, what is shown."""

import pytest

from tests.helpers import Command, Done, TinyLab

pytestmark = pytest.mark.engine


def test_the_solution_passes(lab: Command, started: Done, tiny: TinyLab, workspace) -> None:
    tiny.solve(workspace)
    done = lab("run", "90", "--all")
    assert done.code == 0, done.out + done.err
