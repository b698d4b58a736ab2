"""What the machine's dockerd is asked and told, whichever version it is."""

import socket
import threading
from pathlib import Path

import pytest

from checker.base.errors import EngineFault
from checker.engine import dockerd
from checker.engine.connection import answers_at
from checker.sandbox.room import household

HELP_20 = """
Usage:	dockerd [OPTIONS]

Options:
      --add-runtime runtime                     Register an additional
  -b, --bridge string                           Attach containers to a
                                                network bridge
      --config-file string                      Daemon configuration file
      --oom-score-adjust int                    Set the oom_score_adj for
                                                the daemon (see --nothing)
"""
HELP_26 = HELP_20.replace("--oom-score-adjust int", "--seccomp-profile string")


def test_options_are_read_from_the_help_text() -> None:
    assert dockerd.options_in(HELP_20) == {"add-runtime", "bridge", "config-file", "oom-score-adjust"}


def test_the_engine_that_would_be_started_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\necho '      --oom-score-adjust int  Set it'\n")
    program.chmod(0o755)

    assert dockerd.known_options(f"{tmp_path}:/usr/bin:/bin") == {"oom-score-adjust"}


def test_an_engine_that_cannot_be_asked_is_told(tmp_path: Path) -> None:
    program = tmp_path / "dockerd"
    program.write_text("#!/bin/sh\necho 'GLIBC_9.9 not found' >&2\nexit 1\n")
    program.chmod(0o755)

    with pytest.raises(EngineFault, match=r"GLIBC_9\.9 not found"):
        dockerd.known_options(f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(EngineFault, match="No such file"):
        dockerd.known_options(str(tmp_path / "empty"))


def test_a_room_passes_no_option_that_its_engine_has_not() -> None:
    old, new = (household.script(dockerd.options_in(text)) for text in (HELP_20, HELP_26))

    assert "--oom-score-adjust=0" in old
    assert "--oom-score-adjust" not in new
    assert all(f"--{name}=" in new for name in ("config-file", "data-root", "exec-root", "pidfile", "host"))


@pytest.mark.parametrize(
    ("log", "said"),
    [
        (
            "Status: unknown flag: --oom-score-adjust\nSee 'dockerd --help'., Code: 125\n",
            "Status: unknown flag: --oom-score-adjust",
        ),
        (
            'time="2026-01-01" level=info msg="Starting up"\n'
            'time="2026-01-01" level=error msg="Failed to GetDriver graph" driver=nonsense\n'
            'time="2026-01-01" level=info msg="stopping healthcheck"\n'
            "failed to start daemon: error initializing graphdriver: driver not supported: nonsense\n",
            "failed to start daemon: error initializing graphdriver: driver not supported: nonsense",
        ),
        (
            'time="1" level=info msg="Starting up"\ntime="1" level=fatal msg="no space left"\n'
            'time="1" level=info msg="Bye"\n',
            'time="1" level=fatal msg="no space left"',
        ),
        ("panic: runtime error: index out of range\n\ngoroutine 1 [running]:\nmain.main()\n",
         "panic: runtime error: index out of range"),
        ('time="1" level=info msg="a"\ntime="1" level=info msg="b"\n',
         'time="1" level=info msg="a" | time="1" level=info msg="b"'),
        ("", ""),
    ],
    ids=["unknown flag", "plain last line", "only errors", "panic", "nothing wrong said", "nothing"],
)  # fmt: skip
def test_the_reason_is_found_in_the_log(tmp_path: Path, log: str, said: str) -> None:
    (tmp_path / "log").write_text(log)

    assert dockerd.complaint(tmp_path / "log") == said


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert dockerd.complaint(tmp_path / "log") == ""


def test_an_engine_that_refuses_old_versions_of_its_protocol_answers_all_the_same(tmp_path: Path) -> None:
    """Docker 29 answers 400 to every address that names a version before 1.44."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            end, _ = server.accept()
            with end:
                asked = end.recv(1000).split()[1]
                end.sendall(
                    b"HTTP/1.0 200 OK\r\n\r\nOK"
                    if asked == b"/_ping"
                    else b"HTTP/1.0 400 Bad Request\r\n\r\n"
                )

        thread = threading.Thread(target=serve)
        thread.start()
        assert answers_at(path)
        thread.join()
    assert not answers_at(path), "nobody listens any more"
