"""`lab submit` in a practice: this run's secret values stay at home."""

from pathlib import Path

import pytest

from tests.helpers import Command, TinyLab

pytestmark = pytest.mark.engine


def test_a_file_with_this_runs_secret_value_stays_out_and_an_answer_with_it_is_refused(
    lab: Command, tiny: TinyLab, workspace: Path
) -> None:
    tiny.edit("lab.toml", 'TOKEN = { kind = "token" }', 'TOKEN = { kind = "token", secret = true }')
    assert lab("start", "90").code == 0
    try:
        (workspace / "steps/push.sh").write_text('echo "$TOKEN" > kept.txt\n')
        lab("run", "90", "push")
        value = (workspace / "kept.txt").read_text().strip()

        taken = lab("submit", "90", "--to", "mine.zip")
        (workspace / "steps/push.sh").write_text(f"echo {value}\n")
        refused = lab("submit", "90", "--to", "again.zip")
    finally:
        assert lab("stop", "90").code == 0

    assert len(value) == 32
    assert taken.code == 0, taken.err
    assert "kept.txt: it holds the secret value of TOKEN" in taken.out
    assert (refused.code, (lab.home / "again.zip").exists()) == (2, False)
    assert "steps/push.sh holds the secret value of TOKEN" in refused.err
    assert value not in taken.out + taken.err + refused.out + refused.err
