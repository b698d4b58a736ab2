"""The learner's copy of a notebook, and the server that shows it; no engine is needed here."""

import json
import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from serving import END_LIMIT, Server, processes_naming, serving

from checker.base.errors import BrokenLab, EnvironmentFault
from checker.base.model import Lab
from checker.lab.catalog import Catalog
from checker.notebook import copies, server

ROOT = "class of Übung"


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    """A lab whose shipped notebook may be changed."""
    shipped = tmp_path / "shipped" / "01-a.ipynb"
    shipped.parent.mkdir()
    shipped.write_text('{"cells": [], "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4}')
    return msgspec.structs.replace(Catalog().lab("01"), notebook=shipped)


def test_a_copy_is_made_once_and_never_again(lab: Lab, tmp_path: Path) -> None:
    said: list[str] = []
    copy = copies.provide(lab, tmp_path / ROOT, said.append)
    assert copy == tmp_path / ROOT / "01-a.ipynb"
    assert json.loads(copy.read_text())["metadata"]["kernelspec"] == {"name": "python3"}
    assert str(copy) in said.pop()

    mine = json.loads(copy.read_text())
    mine["cells"] = ["mine"]
    copy.write_text(json.dumps(mine))
    assert copies.provide(lab, tmp_path / ROOT, said.append) == copy
    assert said == []

    lab.notebook.write_text('{"cells": ["new"], "metadata": {}}')
    copies.provide(lab, tmp_path / ROOT, said.append)
    assert "has changed since your copy" in said.pop()
    assert json.loads(copy.read_text())["cells"] == ["mine"]


def test_a_copy_that_cannot_be_read_is_left_alone(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "01-a.ipynb").write_text('{"cells": [')
    copies.provide(lab, tmp_path, pytest.fail)
    assert (tmp_path / "01-a.ipynb").read_text() == '{"cells": ['


@pytest.mark.parametrize("damage", ["", "[]", "{}", None])
def test_a_lab_without_a_readable_notebook_is_broken(lab: Lab, tmp_path: Path, damage: str | None) -> None:
    lab.notebook.unlink() if damage is None else lab.notebook.write_text(damage)
    with pytest.raises(BrokenLab, match="no readable notebook"):
        copies.provide(lab, tmp_path / ROOT, print)


def test_a_place_that_cannot_be_written_is_named(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EnvironmentFault, match="cannot be copied"):
        copies.provide(lab, tmp_path / "file" / "below", print)


def test_nothing_of_the_users_own_jupyter_is_used(lab: Lab, tmp_path: Path) -> None:
    outer = {"PATH": "/bin", "HOME": "/home/me", "JUPYTER_PATH": "/mine", "JUPYTER_CONFIG_DIR": "/mine"}
    inner = server.environment(
        {**outer, "IPYTHONDIR": "/mine"}, tmp_path / "c", tmp_path / "w", lab.folder.parent.parent, "secret"
    )
    assert "/mine" not in inner.values()
    assert inner["HOME"] == "/home/me"
    assert inner["REGISTRY_LAB_WORKSPACE"] == str(tmp_path / "w")
    assert "secret" not in " ".join(server.command(tmp_path, None))
    assert "--ServerApp.ip=127.0.0.1" in server.command(tmp_path, 1234)


def test_a_display_is_needed_for_a_browser() -> None:
    assert server.has_display({"DISPLAY": ":0"})
    assert server.has_display({"WAYLAND_DISPLAY": "wayland-0"})
    assert server.has_display({}) == (sys.platform == "darwin")


def test_a_port_that_is_taken_is_said_at_once(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / ROOT).mkdir()
        with pytest.raises(EnvironmentFault, match=f"{port} is already in use") as raised:
            server.open_notebook("x.ipynb", tmp_path / ROOT, tmp_path, say=print, port=port, browser=False)
    assert "--port" in raised.value.action
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def ask(served: Server, path: str, data: bytes | None = None) -> Any:
    """What the server's API answers."""
    parts = urlsplit(served.url)
    token = parse_qs(parts.query)["token"][0]
    request = urllib.request.Request(
        f"http://{parts.netloc}{path}", data, {"Authorization": f"token {token}"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=10) as answer:
        return json.load(answer)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are counted in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda one: one.name)
def test_it_serves_our_kernel_and_ends_without_a_trace(tmp_path: Path, number: signal.Signals) -> None:
    with serving("01", tmp_path / ROOT, tmp_path / "cache") as served:
        assert urlsplit(served.url).path == "/lab/tree/01-names-and-tags.ipynb"
        assert ask(served, "/api/contents/01-names-and-tags.ipynb?content=0")["type"] == "notebook"
        ask(served, "/api/kernels", b'{"name": "python3"}')
        kernels = [line for line in processes_naming(tmp_path) if "ipykernel_launcher" in line]
        assert [Path(line[0]) for line in kernels] == [Path(sys.executable)]

        began = time.monotonic()
        os.kill(served.process.pid, number)
        assert served.process.wait(END_LIMIT) == 0
        assert time.monotonic() - began < END_LIMIT
        assert processes_naming(tmp_path) == []
        assert not list((served.cache / "jupyter/runtime").glob("*.json"))
