"""Completion in bash, zsh and fish: what is offered, by click's own protocol, and where the script is put."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import Command, Done, TinyLab

SHELLS = ["bash", "zsh", "fish"]


@pytest.fixture
def lab(tiny: TinyLab, tmp_path: Path) -> Command:
    return Command(tiny.root, tmp_path / "home", DOCKER_HOST="unix:///nowhere/docker.sock")


@pytest.fixture
def laid_out(lab: Command) -> None:
    """The tiny lab's workspace, so that it is the one that is meant."""
    (lab.workspaces / TinyLab.name / ".lab").mkdir(parents=True)


def offered(lab: Command, shell: str, line: str) -> list[str]:
    """The words that a shell is offered for the last word of a line."""
    words = line.split(" ")
    about = {"COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    if shell == "fish":
        about["COMP_CWORD"] = words[-1]
    done = lab(**about, _LAB_COMPLETE=f"{shell}_complete")
    assert (done.code, done.err) == (0, "")
    if shell == "zsh":
        return done.out.splitlines()[1::3]
    return [entry.split("\t")[0].split(",", 1)[1] for entry in done.out.splitlines() if entry]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_offered_commands(lab: Command, shell: str) -> None:
    assert {"submit", "similar", "start", "stop", "show", "shell"} <= set(offered(lab, shell, "lab s"))


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_is_offered_labs(lab: Command, shell: str) -> None:
    assert offered(lab, shell, "lab start 9") == ["90"]
    assert offered(lab, shell, "lab start ti") == ["tiny"]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("command", ["show", "run", "check", "hint", "reset"])
def test_every_shell_is_offered_the_steps_of_the_lab_that_is_named(
    lab: Command, shell: str, command: str
) -> None:
    assert offered(lab, shell, f"lab {command} 90 p") == ["push", "pin"]


@pytest.mark.parametrize("command", ["show", "run", "check", "hint", "reset"])
def test_where_no_lab_is_named_the_steps_of_the_one_that_is_meant_are_offered(
    lab: Command, laid_out: None, command: str
) -> None:
    assert offered(lab, "bash", f"lab {command} p") == ["push", "pin"]


def test_after_one_step_another_is_offered(lab: Command, laid_out: None) -> None:
    assert offered(lab, "bash", "lab run push p") == ["push", "pin"]
    assert offered(lab, "bash", "lab run 90 push p") == ["push", "pin"]


def test_an_author_is_offered_the_mistakes_of_a_step(lab: Command, tiny: TinyLab) -> None:
    tiny.mistake("by-tag", "pin", "not-pinned", {"steps/pin.sh": "true\n"})

    assert offered(lab, "bash", "lab author test 90 p") == ["push", "pin"]
    assert offered(lab, "bash", "lab author test 90 push ") == ["says-so"]
    assert offered(lab, "bash", "lab author test 90 pin ") == ["by-tag"]
    assert offered(lab, "bash", "lab author test 90 pull ") == []


def test_a_broken_lab_offers_nothing_and_says_nothing(lab: Command, tiny: TinyLab) -> None:
    tiny.write("lab.toml", "title = ")

    assert offered(lab, "bash", "lab start 9") == []
    assert offered(lab, "bash", "lab show 90 p") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_and_nothing_is_written(lab: Command, shell: str) -> None:
    done = lab("completion", shell)

    assert done.code == 0
    assert f"_LAB_COMPLETE={shell}_complete" in done.out
    assert [path for path in lab.home.iterdir() if path.name not in ("tmp", "logs")] == []


@pytest.mark.parametrize(
    ("shell", "place"),
    [
        ("bash", ".local/share/bash-completion/completions/lab"),
        ("zsh", ".local/share/zsh/site-functions/_lab"),
        ("fish", ".config/fish/completions/lab.fish"),
    ],
)
def test_it_is_installed_where_the_shell_looks_and_nowhere_else(lab: Command, shell: str, place: str) -> None:
    rc = lab.home / f".{shell}rc"
    rc.write_text("# mine\n")

    first, second = lab("completion", shell, "--install"), lab("completion", shell, "--install")

    assert (first.code, second.code) == (0, 0), first.err
    written = [path for path in lab.home.rglob("*") if path.is_file() and "logs" not in path.parts]
    assert sorted(written) == sorted([rc, lab.home / place])
    assert rc.read_text() == "# mine\n"
    assert str(lab.home / place) in first.out
    assert (lab.home / place).read_text().strip() == lab("completion", shell).out.strip()


def test_zsh_finds_the_command_in_the_first_line(lab: Command) -> None:
    assert lab("completion", "zsh").out.startswith("#compdef lab\n")


def test_of_zsh_it_says_what_has_to_be_added_to_a_file_of_the_users(lab: Command) -> None:
    assert "fpath=(" in lab("completion", "zsh", "--install").out


def test_a_place_that_cannot_be_written_is_told(lab: Command) -> None:
    (lab.home / ".local").write_text("a file")

    done = lab("completion", "bash", "--install")

    assert done.code == 3
    assert "cannot be written" in done.err
    assert "lab completion bash" in done.err


def typed(lab: Command, line: str) -> Done:
    """What bash itself makes of the installed script, for the last word of a line."""
    words = line.split(" ")
    program = lab.home / "bin/lab"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m checker.cli "$@"\n')
    program.chmod(0o755)
    script = f"""
        source "$HOME/.local/share/bash-completion/completions/lab"
        COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}")
        COMP_CWORD={len(words) - 1}
        function=$(complete -p lab | sed 's/.*-F \\([^ ]*\\).*/\\1/')
        "$function" lab "{words[-1]}" "{words[-2]}"
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        env=lab.env | {"PATH": f"{program.parent}:{lab.env['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_bash_completes_with_the_installed_script(lab: Command) -> None:
    assert lab("completion", "bash", "--install").code == 0

    done = typed(lab, "lab run 90 p")

    assert (done.code, done.err) == (0, "")
    assert done.out.split() == ["push", "pin"]
