"""Deciding whether an engine may be provided, knowing our own from others, and what is taken back."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checker.base.cache import cache_dir
from checker.base.errors import EngineFault
from checker.cli import doctor
from checker.engine import footprint, own_engine, provide
from checker.engine.connection import own_socket
from checker.programs import debian

NONE = EngineFault("No container engine answers (no engine socket exists).", "Do something.")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A machine without an engine whose programs and user are as a test wants; records tools that are run."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = SimpleNamespace(programs={"apt-get"}, user=0, run=list[list[str]](), fails=set[str]())

    def no_engine() -> Any:
        raise NONE

    def which(name: str, path: str | None = None) -> str | None:
        return f"/usr/bin/{name}" if name in found.programs else None

    def system(command: list[str]) -> subprocess.CompletedProcess[str]:
        found.run.append(command)
        failed = any(word in found.fails for word in command)
        return subprocess.CompletedProcess(command, int(failed), "E: it is broken\n" if failed else "")

    monkeypatch.setattr(provide, "connect", no_engine)
    monkeypatch.setattr(provide.shutil, "which", which)
    monkeypatch.setattr(provide.os, "geteuid", lambda: found.user)
    monkeypatch.setattr(debian, "system", system)
    monkeypatch.setattr(provide.getpass, "getuser", lambda: "ada")
    monkeypatch.setattr(provide, "SYSTEMD", tmp_path / "systemd")
    return found


def fault(**options: bool) -> EngineFault:
    with pytest.raises(EngineFault) as caught:
        provide.ensure_engine(print, **({"may_install": True} | options))
    return caught.value


def test_nothing_is_done_unless_it_may_be(machine: SimpleNamespace) -> None:
    assert fault(may_install=False) is NONE
    assert machine.run == []


def test_a_user_is_told_the_command_and_nothing_is_done(machine: SimpleNamespace, tmp_path: Path) -> None:
    machine.user = 1000
    machine.fails = {"show"}  # Debian 12 has no package of the client alone
    action = fault().action
    assert "sudo apt-get install -y docker.io ca-certificates iptables && sudo service docker start" in action
    assert "usermod -aG docker ada" in action
    assert [command for command in machine.run if command[0] == "apt-get"] == []
    machine.programs.add("dockerd")
    (tmp_path / "systemd").mkdir()
    assert "`sudo systemctl start docker && sudo usermod" in fault().action


def test_a_refused_user_is_told_to_join_the_group(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.user = 1000

    def refused() -> Any:
        raise EngineFault("No container engine answers (unix:///x: permission denied).")

    monkeypatch.setattr(provide, "connect", refused)
    assert "`sudo usermod -aG docker ada`" in fault().action


def test_a_chosen_engine_is_never_replaced(machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://elsewhere:2375")
    assert "tcp://elsewhere:2375" in fault().action
    assert machine.run == []


def test_without_apt_a_person_has_to_do_it(machine: SimpleNamespace) -> None:
    machine.programs.clear()
    assert "Install Docker, start it" in fault().action


def test_root_is_told_what_is_installed_and_why_it_failed(machine: SimpleNamespace) -> None:
    machine.fails = {"install", "show"}
    said: list[str] = []
    with pytest.raises(EngineFault, match=r"could not install docker\.io .* \(it is broken\)"):
        provide.ensure_engine(said.append, may_install=True)
    assert said[0].startswith("Installing Debian packages: apt-get install")
    assert ["apt-get", "update"] in machine.run


def test_the_client_comes_along_where_it_is_apart(machine: SimpleNamespace) -> None:
    machine.fails = {"install"}
    assert "docker-cli docker-buildx" in fault().message
    machine.programs.add("docker")
    assert "docker-cli" not in fault().message


def test_a_service_that_was_started_anew_is_not_ours(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "systemd").mkdir()
    invocation = "first"
    monkeypatch.setattr(provide, "_invocation", lambda: invocation)
    provide._start_service(print)
    invocation = "second"
    assert not provide._stop_service(print)
    assert ["systemctl", "stop", "docker.socket", "docker.service"] not in machine.run
    provide._start_service(print)
    assert provide._stop_service(print)
    assert ["systemctl", "stop", "docker.socket", "docker.service"] in machine.run
    assert not provide._stop_service(print)


def test_a_long_cache_path_moves_the_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_LAB_CACHE", "/var/" + "ü" * 30)
    moved = own_socket()
    assert moved.parent.parent == Path("/run")
    longest = moved.parent / "exec/containerd/containerd-debug.sock"
    assert len(os.fsencode(longest)) < 108
    monkeypatch.setenv("REGISTRY_LAB_CACHE", "/var/cache")
    assert own_socket() == Path("/var/cache/engine/docker.sock")
    monkeypatch.setenv("REGISTRY_LAB_CACHE", "relative")
    assert cache_dir().is_absolute()


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Processes that look like an engine's, as far as their name and arguments go."""
    started: list[subprocess.Popen[bytes]] = []

    def start(name: str, *words: str) -> "subprocess.Popen[bytes]":
        code = "import sys; print(flush=True); sys.stdin.read()"
        one = subprocess.Popen(
            [name, "-c", code, *words],
            executable=sys.executable,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        started.append(one)
        assert one.stdout
        one.stdout.readline()  # by then its arguments are in place
        return one

    yield start
    for one in started:
        one.kill()
        one.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_only_our_engine_is_found_and_ended(process: Callable[..., "subprocess.Popen[bytes]"]) -> None:
    execution = own_socket().parent / "exec"
    theirs = process("/usr/bin/dockerd", f"--exec-root={execution}-of-another")
    bystander = process("/usr/bin/sleep", f"--exec-root={execution}")
    own_engine.folder().mkdir(parents=True)
    (own_engine.folder() / "docker.pid").write_text(str(theirs.pid))  # stale: the number was given out again
    assert own_engine.running() is None
    assert not own_engine.stop(print)
    ours = process("/usr/bin/dockerd", f"--exec-root={execution}")
    shim = process("/usr/bin/containerd-shim-runc-v2", "-address", f"{execution}/containerd/containerd.sock")
    assert own_engine.running() == ours.pid
    assert own_engine.stop(print)
    assert ours.wait(5) is not None
    assert shim.wait(5) is not None
    assert theirs.poll() is None
    assert bystander.poll() is None
    assert not (own_engine.folder() / "docker.pid").exists()


def test_somebody_elses_engine_of_ours_is_roots_to_end(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.user = 1000
    monkeypatch.setattr(own_engine, "_members", lambda: [(1, "dockerd")])
    with pytest.raises(EngineFault, match="belongs to root"):
        own_engine.stop(print)


OURS = """\
-P FORWARD DROP
-N DOCKER
-N DOCKER-USER
-A FORWARD -j DOCKER-USER
-A FORWARD -o rlab-1 -j DOCKER
-A FORWARD -i rlab-1 ! -o rlab-1 -j ACCEPT
-A POSTROUTING -s 172.17.0.0/16 ! -o rlab-1 -j MASQUERADE
-A POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A DOCKER -d 172.17.0.2/32 ! -i rlab-1 -o rlab-1 -p tcp -m comment --comment "a b" -j ACCEPT
-A DOCKER-USER -j RETURN
"""
OTHER = """\
-A FORWARD -o docker0 -j DOCKER
-A POSTROUTING -s 172.18.0.2/32 -d 172.18.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
-A INPUT -s 10.0.0.0/8 -j ACCEPT
"""


class Firewall:
    """One table, as far as listing and deleting goes."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def __call__(self, command: list[str]) -> str:
        words = command[command.index("-t") + 2 :]
        if words[0] == "-S":
            return "\n".join(self.lines)
        sign = {"-D": "-A", "-X": "-N"}[words[0]]
        plain = [footprint.shlex.split(line) for line in self.lines]
        del self.lines[plain.index([sign, *words[1:]])]
        return ""


def test_our_rules_go_and_other_engines_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Firewall(OURS + OTHER)
    monkeypatch.setattr(footprint, "_run", table)
    footprint._remove_rules("iptables", "filter", {"rlab-1"}, last=True)
    kept = ["-P FORWARD DROP", "-N DOCKER", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER"]
    assert table.lines == [*kept, "-A DOCKER-USER -j RETURN", *OTHER.splitlines()]


def test_the_last_engine_takes_empty_chains_along(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Firewall(OURS + "-A INPUT -s 10.0.0.0/8 -j ACCEPT\n")
    monkeypatch.setattr(footprint, "_run", table)
    footprint._remove_rules("iptables", "filter", {"rlab-1"}, last=True)
    assert table.lines == ["-P FORWARD DROP", "-A INPUT -s 10.0.0.0/8 -j ACCEPT"]


def test_an_administrators_rules_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    table = Firewall(OURS + "-A DOCKER-USER -s 10.1.1.1/32 -j DROP\n")
    monkeypatch.setattr(footprint, "_run", table)
    footprint._remove_rules("iptables", "filter", {"rlab-1"}, last=True)
    assert "-A DOCKER-USER -s 10.1.1.1/32 -j DROP" in table.lines


def test_only_what_is_mounted_below_is_detached(monkeypatch: pytest.MonkeyPatch) -> None:
    points = ["/", "/c/engine", "/c/engine/data", "/c/engine/data/x/merged", "/c/engine/data-of-another"]
    detached: list[str] = []
    monkeypatch.setattr(footprint, "_mount_points", lambda: points)
    monkeypatch.setattr(footprint, "_run", lambda command: detached.append(command[-1]) or "")
    footprint.unmount_under((Path("/c/engine/data"),))
    assert detached == ["/c/engine/data/x/merged", "/c/engine/data"]


def test_the_doctor_tells_what_is_wrong_and_never_raises(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def no_engine() -> Any:
        raise NONE

    monkeypatch.setattr(doctor, "connect", no_engine)
    (tmp_path / "cache").write_text("in the way")
    items = {item.name: item for item in doctor.examine(False, print)}
    assert items["python"].ok
    assert not items["engine"].ok
    assert items["engine"].action == NONE.action
    assert not items["cache"].ok
    assert "REGISTRY_LAB_CACHE" in items["cache"].action
    assert all(item.action for item in items.values() if not item.ok)
    assert not items["docker"].ok
