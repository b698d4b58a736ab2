"""The room that pipelines run in: what is seen from inside, what is not, and that nothing of it stays."""

import http.server
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checker.base.errors import EnvironmentFault
from checker.lab.workspace import Workspace
from checker.sandbox import box as sandbox
from checker.sandbox.box import BoxRun
from tests.helpers import until

Run = Callable[..., BoxRun]
needs_a_sandbox = pytest.mark.skipif(not sandbox._sandbox(), reason="this machine allows no namespaces")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script's text in a room."""

    def it(text: str, *, seconds: float = 20, **more: object) -> BoxRun:
        env = sandbox.clean(tmp_path / "home", WORD="ember")
        return sandbox.run(["bash", "-c", text], place=tmp_path, environment=env, seconds=seconds, **more)  # type: ignore[arg-type]

    return it


@pytest.fixture
def no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that allows no namespaces."""
    monkeypatch.setattr(sandbox, "_sandbox", lambda: ())


@pytest.fixture
def served() -> Iterator[list[str]]:
    """The addresses of two web servers on 127.0.0.1."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 300_000)

        def log_message(self, *_: object) -> None:
            return

    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    yield [f"127.0.0.1:{server.server_address[1]}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


def test_both_streams_and_the_exit_code_are_told(run: Run) -> None:
    done = run("echo out; echo err >&2; exit 3")

    assert (done.exit_code, done.output, done.timed_out) == (3, "out\nerr\n", False)


def test_it_runs_in_the_place_with_nothing_on_its_input(run: Run, tmp_path: Path) -> None:
    assert run("pwd; cat").output == f"{tmp_path}\n"


def test_it_sees_the_environment_it_is_given_and_no_other(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "mine")

    assert run('echo "$WORD ${SECRET-none}"').output == "ember none\n"


@needs_a_sandbox
def test_it_reaches_the_named_services_and_no_others(run: Run, served: list[str]) -> None:
    one, other = served

    done = run(
        f"curl --silent http://{one}/ | wc --bytes; curl --silent http://{other}/ || echo refused; "
        "curl --silent --max-time 2 http://192.0.2.1/ || echo unreachable",
        reach=[one],
    )

    assert done.output.split() == ["300000", "refused", "unreachable"]
    assert done.missing == ()


@needs_a_sandbox
def test_it_sees_no_other_process(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "mine")

    done = run("cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep -c SECRET; ls -d /proc/[0-9]* | wc -l")

    assert done.output.split()[0] == "0"
    assert int(done.output.split()[1]) < 10


@needs_a_sandbox
def test_it_writes_in_its_place_and_nowhere_else(run: Run, tmp_path: Path) -> None:
    elsewhere = Path.home() / f".registry-lab-test-{os.getpid()}"

    done = run(f"echo mine > kept; echo theirs > {elsewhere}")

    assert (tmp_path / "kept").read_text() == "mine\n"
    assert not elsewhere.exists()
    assert "Read-only file system" in done.output


def test_an_endless_one_is_ended_with_all_it_started(run: Run, tmp_path: Path) -> None:
    done = run("(setsid sleep 987 & echo $! > pid; wait) & yes | head -c 3000000; sleep 988", seconds=1.5)

    assert (done.exit_code, done.timed_out, done.truncated) == (None, True, True)
    assert len(done.output) == sandbox.OUTPUT_LIMIT
    assert 1.4 < done.seconds < 10
    until(lambda: not _running("sleep", "987"), "the stray to be ended", 5)


def test_what_it_leaves_running_ends_with_it(run: Run) -> None:
    assert run("setsid sleep 986 & disown; echo over").output == "over\n"

    until(lambda: not _running("sleep", "986"), "the stray to be ended", 5)


def test_every_line_is_heard_also_of_output_that_is_not_kept(run: Run) -> None:
    heard: list[str] = []

    done = run("head -c 2000000 /dev/zero | tr '\\0' x; echo; echo last", on_line=heard.append)

    assert done.truncated
    assert heard[-1] == "last"


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    env = sandbox.clean(tmp_path / "home")

    done = sandbox.run(["no-such-program"], place=tmp_path, environment=env, seconds=10)

    assert (done.exit_code, done.output) == (127, "no-such-program: No such file or directory\n")


def test_a_place_that_is_not_there_is_a_fault_of_the_machine(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="No process can be started"):
        sandbox.run(["true"], place=tmp_path / "gone", environment={}, seconds=10)


@pytest.mark.usefixtures("no_room")
def test_without_namespaces_it_runs_and_says_what_is_missing(run: Run, served: list[str]) -> None:
    done = run(f"setsid sleep 985 & curl --silent http://{served[0]}/ | wc --bytes", reach=served[:1])

    assert done.output.split() == ["300000"]
    assert done.missing == sandbox.NO_SANDBOX
    until(lambda: not _running("sleep", "985"), "the stray to be ended", 5)


def test_a_copy_has_the_answers_and_neither_git_nor_what_the_lab_keeps(tmp_path: Path) -> None:
    place = tmp_path / "workspace"
    for name in (".git/config", ".lab/state.json", "app/Dockerfile", "app/.git/config"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    (place / "outside").symlink_to("/etc/passwd")
    os.mkfifo(place / "pipe")

    with sandbox.copied(Workspace(place)) as source:
        held = sorted(str(path.relative_to(source)) for path in source.rglob("*") if not path.is_dir())
        assert held == ["app/.git/config", "app/Dockerfile", "outside"]
        assert (source / "outside").is_symlink()

    assert not source.parent.exists()


def _running(*command: str) -> bool:
    wanted = "\0".join(command).encode() + b"\0"
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cmdline").read_bytes() == wanted:
                return True
        except OSError:
            continue
    return False
