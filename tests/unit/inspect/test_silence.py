"""What the checker's own requests and programs make of silence: on a starved machine an error, else what it was."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

import tlsprobe
from checker.base import pace
from checker.base.errors import ContentFault, MachineTooSlow, ServiceFault
from checker.inspect import asking, probe, registry
from checker.inspect.asking import AskedServer
from checker.inspect.probe import Probe
from checker.inspect.registry import RegistryClient
from checker.lab import workspacegit
from checker.lab.workspace import Workspace
from checker.pipelines.github import lint, repository
from checker.pipelines.gitlab import deploy
from checker.scanning import trivy

TOLD = "programs waited for a processor in 97 % of 60 s"
LIMIT = 0.2


@pytest.fixture
def silent() -> Iterator[int]:
    """A port where connections are taken and nothing is said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(params=[True, False], ids=["starved", "healthy"])
def starved(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(pace.Machine, "starved", lambda *_, **__: TOLD if request.param else "")
    monkeypatch.setattr(pace, "_measured", lambda _: pace.Pace())
    for module, name in (
        (asking, "WITHIN"),
        (tlsprobe, "TIMEOUT"),
        (registry, "TIMEOUT"),
        (probe, "SILENT_FOR"),
    ):
        monkeypatch.setattr(module, name, LIMIT)
    return bool(request.param)


def test_a_server_that_says_nothing(starved: bool, silent: int) -> None:
    if not starved:
        assert AskedServer(silent).ask("GET", "/v2/").status == 0
        return
    with pytest.raises(MachineTooSlow, match=f"127.0.0.1:{silent} did not answer in 0 s; {TOLD}"):
        AskedServer(silent).ask("GET", "/v2/")


def test_a_server_that_is_not_there_is_a_fact_on_any_machine(starved: bool, closed: int) -> None:
    assert AskedServer(closed).ask("GET", "/v2/").status == 0
    assert tlsprobe.plain("127.0.0.1", closed) is None
    assert cast(Any, Probe).port(SimpleNamespace(), closed) is None
    with pytest.raises(ServiceFault):
        RegistryClient(f"127.0.0.1:{closed}").tags("app")


def test_a_registry_that_says_nothing(starved: bool, silent: int) -> None:
    with pytest.raises(MachineTooSlow if starved else ServiceFault, match=r"did not answer|does not answer"):
        RegistryClient(f"127.0.0.1:{silent}").tags("app")


def test_a_server_without_tls_that_says_nothing(starved: bool, silent: int) -> None:
    if starved:
        with pytest.raises(MachineTooSlow):
            tlsprobe.plain("127.0.0.1", silent)
    else:
        assert tlsprobe.plain("127.0.0.1", silent) is None


def test_a_learners_port_that_says_nothing(starved: bool, silent: int) -> None:
    if starved:
        with pytest.raises(MachineTooSlow):
            cast(Any, Probe).port(SimpleNamespace(), silent)
    else:
        assert cast(Any, Probe).port(SimpleNamespace(), silent) is None


def test_a_program_of_the_checkers_that_takes_too_long_blames_the_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(command: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", late)
    monkeypatch.setattr(lint.tools, "program", lambda _: Path("act"))
    for slow in (
        lambda: list(lint._by_act("a.yml", "on: push")),
        lambda: deploy._run(["kubectl"], "", tmp_path),
        lambda: repository._git(tmp_path, "init"),
        lambda: trivy.run(["image"], {}),
    ):
        with pytest.raises(MachineTooSlow, match="The machine was too slow: ") as caught:
            cast(Any, slow)()
        assert "nstall" not in caught.value.told


def test_a_git_that_takes_too_long_on_a_starved_machine_is_nobodys_fault(
    starved: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def late(command: list[str], **_: Any) -> None:
        raise subprocess.TimeoutExpired(command, 30)

    monkeypatch.setattr(subprocess, "run", late)
    monkeypatch.setattr(workspacegit.Deadline, "elapsed", 30.0)
    (tmp_path / ".git").mkdir()
    if starved:
        with pytest.raises(MachineTooSlow, match="did not end within 30 s"):
            Workspace(tmp_path).history()
    else:
        with pytest.raises(ContentFault, match="did not end within 30 s"):
            Workspace(tmp_path).history()
