"""Programs that labs need: telling which are missing, getting them, and `docker compose` in every form."""

import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from checker.base.errors import BrokenLab, EnvironmentFault
from checker.programs import debian, tools


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A machine with no programs but apt-get, whose packages hold what the table says; records tools run."""
    programs = tmp_path / "programs"
    programs.mkdir()
    found = SimpleNamespace(
        programs=programs, system=tmp_path / "system", user=0, run=list[list[str]](), broken=set[str]()
    )

    def put(name: str) -> None:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)

    def system(command: list[str]) -> subprocess.CompletedProcess[str]:
        found.run.append(command)
        for name, tool in tools.TABLE.items():
            if tool.package in command and tool.package not in found.broken:
                put(tools.COMPOSE if name == "compose" else name)
        failed = bool(found.broken & set(command))
        return subprocess.CompletedProcess(command, int(failed), "E: it is broken\n" if failed else "")

    put("apt-get")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tools, "SYSTEM_PLUGINS", (found.system,))
    monkeypatch.setattr(tools, "MORE_PLUGINS", ())
    monkeypatch.setattr(tools.os, "geteuid", lambda: found.user)
    monkeypatch.setattr(debian, "system", system)
    return found


def put(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def refused(names: list[str], *, may_install: bool = True) -> EnvironmentFault:
    said: list[str] = []
    with pytest.raises(EnvironmentFault) as caught:
        tools.ensure(names, said.append, may_install=may_install)
    assert said == []
    return caught.value


def test_what_is_there_costs_no_word_and_no_tool(machine: SimpleNamespace) -> None:
    for name in ("curl", "jq"):
        put(machine.programs / name)
    said: list[str] = []
    tools.ensure(["curl", "jq"], said.append, may_install=True)
    assert (said, machine.run) == ([], [])


def test_root_gets_only_what_is_missing_and_is_told_first(machine: SimpleNamespace) -> None:
    put(machine.programs / "curl")
    said: list[str] = []
    tools.ensure(["curl", "htpasswd", "compose", "htpasswd"], said.append, may_install=True)
    packages = "apache2-utils docker-compose"
    assert said == [f"Installing Debian packages: apt-get install --no-install-recommends {packages}"]
    assert machine.run == [[*debian.INSTALL, *packages.split()]]
    assert tools.missing(["curl", "htpasswd", "compose"]) == []


def test_nothing_is_installed_unless_it_may_be(machine: SimpleNamespace) -> None:
    fault = refused(["jq", "htpasswd"], may_install=False)
    assert fault.message == "This lab needs `jq` and `htpasswd`, not found on this machine."
    assert fault.action == "Run `apt-get install -y --no-install-recommends jq apache2-utils`."
    assert machine.run == []


def test_a_user_is_told_the_command(machine: SimpleNamespace) -> None:
    machine.user = 1000
    action = refused(["compose"]).action
    assert action == "Run `sudo apt-get install -y --no-install-recommends docker-compose`."
    assert machine.run == []


def test_without_apt_a_person_has_to_do_it(machine: SimpleNamespace) -> None:
    (machine.programs / "apt-get").unlink()
    fault = refused(["compose"])
    assert "`docker compose`" in fault.message
    assert "your system's own way" in fault.action
    assert machine.run == []


def test_a_failed_installation_says_what_apt_says(machine: SimpleNamespace) -> None:
    machine.broken = {"jq"}
    said: list[str] = []
    with pytest.raises(EnvironmentFault, match=r"could not install jq \(it is broken\)"):
        tools.ensure(["jq"], said.append, may_install=True)
    assert ["apt-get", "update"] in machine.run


def test_an_installation_without_the_program_is_noticed(
    machine: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = subprocess.CompletedProcess[str]([], 0, "")
    monkeypatch.setattr(debian, "system", lambda _: done)
    with pytest.raises(EnvironmentFault, match="needs `jq`"):
        tools.ensure(["jq"], print, may_install=True)


def test_an_unknown_tool_is_a_broken_lab() -> None:
    with pytest.raises(BrokenLab, match="no tool named 'nope'") as caught:
        tools.ensure(["nope"], print, may_install=True)
    assert "openssl" in caught.value.action


@pytest.mark.parametrize(
    "place", ["programs/docker-compose", "system/docker-compose", "home/.docker/cli-plugins/docker-compose"]
)
def test_compose_may_be_a_program_or_a_plugin(place: str, tmp_path: Path) -> None:
    assert tools.missing(["compose"]) == ["compose"]
    put(tmp_path / place)
    assert tools.missing(["compose"]) == []


def test_a_plugin_of_the_system_needs_no_help(machine: SimpleNamespace, tmp_path: Path) -> None:
    put(machine.system / tools.COMPOSE)
    put(machine.programs / tools.COMPOSE)
    tools.plugins(tmp_path / "config")
    assert not (tmp_path / "config").exists()


def test_the_users_own_plugin_is_linked(machine: SimpleNamespace, tmp_path: Path) -> None:
    own = put(tmp_path / "home/.docker/cli-plugins/docker-compose")
    put(machine.programs / tools.COMPOSE)
    tools.plugins(tmp_path / "config")
    assert (tmp_path / "config/cli-plugins/docker-compose").readlink() == own


def test_without_any_compose_nothing_is_written(tmp_path: Path) -> None:
    tools.plugins(tmp_path / "config")
    assert not (tmp_path / "config").exists()


def test_a_plugin_of_somebody_else_stays(machine: SimpleNamespace, tmp_path: Path) -> None:
    put(machine.programs / tools.COMPOSE)
    other = put(tmp_path / "config/cli-plugins/docker-compose", "#!/bin/sh\nexit 5\n")
    tools.plugins(tmp_path / "config")
    assert other.read_text() == "#!/bin/sh\nexit 5\n"


def test_our_plugin_follows_the_machine(machine: SimpleNamespace, tmp_path: Path) -> None:
    plugin = tmp_path / "config/cli-plugins/docker-compose"
    program = put(machine.programs / tools.COMPOSE)
    tools.plugins(tmp_path / "config")
    assert str(program) in plugin.read_text()
    own = put(tmp_path / "home/.docker/cli-plugins/docker-compose")
    tools.plugins(tmp_path / "config")
    assert plugin.readlink() == own
    own.unlink()
    tools.plugins(tmp_path / "config")
    assert not plugin.is_symlink()
    program.unlink()
    tools.plugins(tmp_path / "config")
    assert list(plugin.parent.iterdir()) == []


@pytest.fixture
def plugin(machine: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Our plugin over a program that prints its arguments and the configuration folder it sees."""
    programs = tmp_path / "my programs"
    put(programs / tools.COMPOSE, '#!/bin/sh\nprintf "%s\\n" "config=$DOCKER_CONFIG" "$@"\nexit 7\n')
    monkeypatch.setenv("PATH", str(programs))
    tools.plugins(tmp_path / "my config")
    return tmp_path / "my config/cli-plugins/docker-compose"


def run(plugin: Path, *words: str) -> tuple[int, list[str]]:
    environment = {"PATH": os.defpath, "DOCKER_CONFIG": "/the/lab's"}
    done = subprocess.run([plugin, *words], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines()


def test_the_client_is_told_what_our_plugin_is(plugin: Path) -> None:
    code, lines = run(plugin, "docker-cli-plugin-metadata")
    assert code == 0
    metadata = json.loads("".join(lines))
    assert metadata["SchemaVersion"] == "0.1.0"
    assert metadata["Vendor"]


@pytest.mark.parametrize(
    ("words", "handed_over"),
    [
        (["compose", "up", "-d"], ["up", "-d"]),
        (["compose"], []),
        (
            ["compose", "-f", "a b.yml", "run", "", "*", "compose"],
            ["-f", "a b.yml", "run", "", "*", "compose"],
        ),
        (["-H", "tcp://x", "compose", "ps"], ["-H", "tcp://x", "ps"]),
        (["--context", "compose", "compose", "ps"], ["--context", "compose", "ps"]),
        (["--tls", "-D", "-l", "debug", "--log-level=info", "compose", "ps", "-l"], ["--tls", "ps", "-l"]),
    ],
)
def test_every_word_is_handed_over_as_it_is(plugin: Path, words: list[str], handed_over: list[str]) -> None:
    assert run(plugin, *words) == (7, ["config=/the/lab's", *handed_over])


@pytest.mark.parametrize("words", [["--config", "/a b"], ["--config=/a b"]])
def test_another_configuration_folder_is_handed_over_too(plugin: Path, words: list[str]) -> None:
    assert run(plugin, *words, "compose", "ps") == (7, ["config=/a b", "ps"])
