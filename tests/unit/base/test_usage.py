"""Whether a process that is waited for does nothing at all, as the kernel's files tell it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checker.base import usage


def write(proc: Path, pid: int, parent: int, *, state: str = "S", collected: int = 0) -> None:
    """A process in a /proc of ours. collected: page faults of its ended children."""
    fields = [state, parent, *[0] * 6, collected, *[0] * 20]
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (bash) {' '.join(map(str, fields))}\n")


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something happen between the two looks."""

    def happens(what: Callable[[], None]) -> None:
        monkeypatch.setattr(usage.time, "sleep", lambda _: what())

    return happens


def test_a_process_of_which_nothing_changes_is_quiet(
    tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    write(tmp_path, 7, 1, collected=40)
    write(tmp_path, 8, 7)
    meanwhile(lambda: None)

    assert usage.quiet(7, tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda proc: write(proc, 7, 1, collected=95), id="one of its programs began and ended"),
        pytest.param(lambda proc: write(proc, 9, 7), id="it started one"),
        pytest.param(lambda proc: (proc / "8" / "stat").unlink(), id="one ended"),
    ],
)
def test_a_script_between_two_of_its_programs_is_not_quiet(
    tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None], change: Callable[[Path], None]
) -> None:
    write(tmp_path, 7, 1, collected=40)
    write(tmp_path, 8, 7)
    meanwhile(lambda: change(tmp_path))

    assert not usage.quiet(7, tmp_path)


def test_a_process_that_is_held_back_is_not_quiet(
    tmp_path: Path, meanwhile: Callable[[Callable[[], None]], None]
) -> None:
    write(tmp_path, 7, 1, state="R")
    meanwhile(lambda: None)

    assert not usage.quiet(7, tmp_path)
