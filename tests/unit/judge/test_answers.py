"""Running answers: what they see, what is kept of them, and that nothing of them stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from checker.base.errors import EnvironmentFault
from checker.base.results import AnswerRun
from checker.judge import answers, keptoutput
from checker.lab.workspace import Workspace
from tests.helpers import until

Run = Callable[..., AnswerRun]


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def run(place: Workspace) -> Run:
    """Runs a script's text in the workspace."""

    def it(text: str, *, time_limit: float = 20, heard: Any = None, **env: str) -> AnswerRun:
        script = place.path / "answer.sh"
        script.write_text(text)
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", **env}
        return answers.run_script(place, script, env, heard or (lambda _: None), time_limit=time_limit)

    return it


def ended(pid: str) -> bool:
    try:
        return ") Z " in Path(f"/proc/{pid.strip()}/stat").read_text()
    except OSError:
        return True


def test_both_streams_are_heard_as_they_come(run: Run) -> None:
    heard: list[str] = []

    done = run("echo out; echo err >&2; exit 3", heard=heard.append)

    assert (done.exit_code, done.output) == (3, "out\nerr\n")
    assert "".join(heard) == done.output
    assert (done.timed_out, done.truncated) == (False, False)


def test_it_runs_in_the_workspace_with_nothing_on_its_input(run: Run, place: Workspace) -> None:
    assert run("pwd; cat").output == f"{place.path}\n"


def test_it_sees_the_environment_it_is_given_and_no_other(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "mine")

    assert run('echo "$WORD ${SECRET-none}"', WORD="ember").output == "ember none\n"


def test_the_time_limit_ends_it_with_its_children(run: Run, place: Workspace) -> None:
    done = run("trap '' TERM; sleep 600 & echo $! > pid; wait; sleep 600", time_limit=0.3)

    assert done.timed_out
    assert done.exit_code is None
    until(lambda: ended((place.path / "pid").read_text()), "the child to end")


def test_output_in_the_background_does_not_hold_it_up(run: Run, place: Workspace) -> None:
    done = run("sleep 600 & echo $! > pid; echo done")

    assert (done.exit_code, done.output) == (0, "done\n")
    until(lambda: ended((place.path / "pid").read_text()), "the child to end")


def test_closing_its_output_is_no_end(run: Run, place: Workspace) -> None:
    assert run("exec >&- 2>&-; sleep 0.2; touch end; exit 4").exit_code == 4
    assert (place.path / "end").exists()


def test_output_is_cut_at_the_limit_and_the_script_goes_on(run: Run, place: Workspace) -> None:
    done = run(f"yes | head -c {keptoutput.OUTPUT_LIMIT + 1}; touch end")

    assert done.truncated
    assert len(done.output) == keptoutput.OUTPUT_LIMIT
    assert (place.path / "end").exists()


def test_output_of_exactly_the_limit_is_whole(run: Run) -> None:
    done = run(f"yes | head -c {keptoutput.OUTPUT_LIMIT}")

    assert not done.truncated
    assert len(done.output) == keptoutput.OUTPUT_LIMIT


def test_bytes_that_are_no_text_do_no_harm(run: Run) -> None:
    assert run(r"printf 'a\377b\303'").output == "a\ufffdb\ufffd"


def test_letters_split_between_two_writes_stay_whole(run: Run) -> None:
    assert run(r"printf '\303'; sleep 0.1; printf '\274'").output == "ü"


def test_a_script_that_is_killed_says_how(run: Run) -> None:
    assert run("kill -9 $$").exit_code == -9


def test_an_interrupt_ends_the_group(run: Run, place: Workspace) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("echo $$ > pid; echo up; sleep 600", heard=interrupt)

    until(lambda: ended((place.path / "pid").read_text()), "the script to end")


def test_a_private_folder_that_cannot_be_made_is_told(run: Run, place: Workspace) -> None:
    (place.path / ".lab").write_text("")

    with pytest.raises(EnvironmentFault, match="Cannot make"):
        run("echo never")


def test_without_bash_it_says_so(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(EnvironmentFault, match="bash cannot be started"):
        answers.run_script(place, place.path / "x.sh", {"PATH": "/nowhere"}, print, time_limit=1)
