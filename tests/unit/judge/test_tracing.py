"""Watching what answers run: a watched one behaves as any other."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from checker.base.model import Step
from checker.base.results import AnswerRun
from checker.judge import answers, tracing
from checker.judge.answers import HERE
from checker.judge.tracing import Tracer, commands
from checker.lab.workspace import Workspace
from checker.secrets.ran import Ran, given_to

SECRET = "correct-horse-battery"  # a word of nobody
able = pytest.mark.skipif(not tracing.may(), reason="watching needs root and strace")


class Place:
    """A workspace with one answer."""

    def __init__(self, path: Path) -> None:
        (path / "steps").mkdir(parents=True)
        self.workspace = Workspace(path)
        self.ran = Ran({"PASSWORD": SECRET, "NAME": "ada"}, ["PASSWORD"])
        self.text = ""

    def run(self, text: str, *, watched: bool, limit: float = 20.0) -> AnswerRun:
        (self.workspace.path / "steps/it.sh").write_text(text, encoding="utf-8")
        self.text = text
        env = {"PATH": os.environ["PATH"], "PASSWORD": SECRET, "WORKSPACE": str(self.workspace.path)}
        return answers.run(
            self.workspace,
            Step(name="it", title="It", points=1),
            env,
            lambda _: None,
            time_limit=limit,
            watch=answers.watch(self.workspace, self.ran) if watched else None,
        )

    def given(self) -> list[str]:
        return [given.shown for given in self.ran.commands("it", self.text) or ()]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_strace_writes_is_read() -> None:
    text = (
        '7  execve("/bin/a b", ["a", "x, [\\"y\\"]", "\\303\\251\\n", "-p"...], 0x7ff /* 40 vars */) = 0\n'
        '8  execve("/x/a", ["a", "missed"], 0x7ff /* 4 vars */) = -1 ENOENT (No such file or directory)\n'
        '9  execve("/x/b", ["b"], 0x7ff /* 1 var */ <unfinished ...>\n'
        '9  execveat(AT_FDCWD, "/x/c", ["c", ""], 0x7ff /* 1 var */, 0) = 0\n'
        "9  <... execve resumed>)             = 0\n9  +++ exited with 0 +++\n"
    )
    assert commands(text) == [("a", 'x, ["y"]', "é\n", "-p"), ("b",), ("c", "")]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("docker", "login", "-p", SECRET), "docker login -p $PASSWORD"),
        (("/usr/bin/curl", "-u", f"ada:{SECRET}"), "/usr/bin/curl -u ada:$PASSWORD"),
        (("curl", "-H", "Basic YWRhOmNvcnJlY3QtaG9yc2UtYmF0dGVyeQ=="), "curl -H Basic YWRhO"),
        (("x", "dckr_pat_" + "a" * 27), "x ..."),
    ],
)
def test_a_secret_among_arguments_is_seen_and_not_shown(words: tuple[str, ...], shown: str) -> None:
    given = given_to(words, {"PASSWORD": SECRET})
    assert given is not None
    assert given.shown.startswith(shown)
    assert SECRET not in given.shown
    assert given_to(("docker", "login", "--password-stdin"), {"PASSWORD": SECRET}) is None


def test_a_setting_of_an_image_is_told_apart() -> None:
    given = given_to(("docker", "build", "--build-arg", f"X={SECRET}", "."), {"PASSWORD": SECRET})
    assert given is not None
    assert given.build


def test_what_was_seen_is_of_the_text_that_ran(place: Place, tmp_path: Path) -> None:
    place.ran.add("it", "text", [("x", SECRET)])
    place.ran.save(tmp_path / "ran.json")
    assert SECRET not in (tmp_path / "ran.json").read_text("utf-8")
    again = Ran({"PASSWORD": SECRET}, ["PASSWORD"])
    again.load(tmp_path / "ran.json")
    assert again.commands("it", "text") == place.ran.commands("it", "text") != ()
    assert again.commands("it", "another") is None
    assert place.ran.commands("it", "the answer overwrote itself") == again.commands("it", "text")
    assert again.commands("other", "text") is None
    again.add("it", "text", None)
    assert again.commands("it", "text") is None


@able
@pytest.mark.parametrize(
    "text",
    [
        '/bin/echo "$PASSWORD"',
        'bash -c "exit 0" x "$PASSWORD"',
        'sh -c \'/bin/echo "$0"\' "$PASSWORD" | cat',
        '(setsid /bin/true "$PASSWORD" &) ; wait',
        'python3 -c \'import os, subprocess; subprocess.run(["true", os.environ["PASSWORD"]])\'',
        'exec /bin/echo "x$PASSWORD"',
    ],
)
def test_whatever_way_it_took_it_is_seen(place: Place, text: str) -> None:
    assert place.run(text, watched=True).exit_code == 0
    assert place.given()


@able
@pytest.mark.parametrize("text", ['echo "$PASSWORD"', 'cat <<< "$PASSWORD"', "true", '[ -n "$PASSWORD" ]'])
def test_what_is_no_argument_of_a_process_is_not_seen(place: Place, text: str) -> None:
    assert place.run(text, watched=True).exit_code == 0
    assert place.ran.commands("it", text) == ()


@able
@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("exit 3", 20.0),
        ("echo a; echo b >&2; exec false", 20.0),
        ("kill -9 $$", 20.0),
        ("kill -TERM $$", 20.0),
        ("trap 'echo ended; exit 5' TERM; kill -TERM $$; wait", 20.0),
        ("sleep 60 & sleep 0.1; echo done", 20.0),
        ("yes | head -n 2; echo ${PIPESTATUS[0]}", 20.0),
        ("(sleep 0.3; kill -CONT $$) & kill -STOP $$; wait; echo on", 20.0),
        ("trap 'echo politely; exit 1' TERM; while :; do sleep 0.05; done", 0.7),
        ("trap '' TERM; while :; do sleep 0.05; done", 0.7),
        ("cat", 20.0),
        ("nothing-of-this-name", 20.0),
        ("if", 20.0),
        ("ulimit -n 20; ls /proc/self/fd | wc -l", 20.0),
        ("sudo -n true 2>/dev/null; su -c 'echo as $(id -u)' root", 20.0),
    ],
)
def test_a_watched_answer_ends_like_any_other(place: Place, text: str, limit: float) -> None:
    plain = place.run(text, watched=False, limit=limit)
    watched = place.run(text, watched=True, limit=limit)
    assert (watched.exit_code, watched.timed_out) == (plain.exit_code, plain.timed_out)
    assert watched.output == plain.output


@able
def test_an_answer_is_our_child_in_a_group_and_session_of_its_own(place: Place) -> None:
    run = place.run("ps -o pid=,ppid=,pgid=,sid= -p $$", watched=True)
    pid, parent, group, session = run.output.split()
    assert (parent, group, session) == (str(os.getpid()), pid, pid)


@able
def test_what_escaped_its_group_goes_on_as_it_would(place: Place, tmp_path: Path) -> None:
    mark = tmp_path / "later"
    place.run(f"setsid bash -c 'sleep 0.5; /bin/echo on > {mark}' > /dev/null 2>&1 & sleep 0.2", watched=True)
    soon(lambda: mark.exists() and mark.read_text("utf-8") == "on\n")


@able
def test_no_tracer_is_left(place: Place) -> None:
    place.run("sleep 60 & exit 0", watched=True)
    soon(lambda: not traced_by(place.workspace))


def test_without_strace_nothing_is_seen_and_nothing_fails(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "may", lambda: False)
    assert place.run('/bin/echo "$PASSWORD"; exit 4', watched=True).exit_code == 4
    assert place.ran.commands("it", place.text) is None


@able
@pytest.mark.parametrize("strace", ["exit 1", "echo no >&2; exit 1", 'shift 14; exec "$@"', "sleep 60"])
def test_a_tracer_that_does_not_work_is_done_without(
    place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, strace: str
) -> None:
    program = tmp_path / "strace"
    program.write_text(f"#!/bin/bash\n{strace}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(tracing, "TRIAL", 0.5)
    assert place.run('/bin/echo "$PASSWORD"; exit 4', watched=True).exit_code == 4
    assert place.ran.commands("it", place.text) is None


def test_a_lab_without_secrets_is_not_watched(tmp_path: Path) -> None:
    place = Place(tmp_path / "w")
    place.ran = Ran({"NAME": "ada"}, [])
    place.run("true", watched=True)
    assert place.ran.commands("it", "true") is None


@able
def test_an_interrupt_ends_it_with_all_it_started(place: Place) -> None:
    def interrupt(text: str) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    (place.workspace.path / "steps/it.sh").write_text("echo on; sleep 60", encoding="utf-8")
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            pytest.raises(KeyboardInterrupt),
            Tracer(HERE.command, None, place.workspace.path).trace() as trace,
        ):
            answers.run_script(
                place.workspace,
                place.workspace.path / "steps/it.sh",
                {"PATH": os.environ["PATH"], "WORKSPACE": str(place.workspace.path)},
                interrupt,
                time_limit=20,
                trace=trace,
            )
    finally:
        signal.signal(signal.SIGINT, old)
    soon(lambda: not traced_by(place.workspace))


def soon(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def traced_by(workspace: Workspace) -> list[str]:
    """The command lines of processes that have a workspace in their surroundings."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if os.fsencode(workspace.path) in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_text("utf-8", "replace"))
        except OSError:
            continue
    return found


def test_given_is_not_fooled_by_the_programs_own_name() -> None:
    assert given_to((SECRET,), {"PASSWORD": SECRET}) is None
    assert subprocess.list2cmdline(["x"]) == "x"
