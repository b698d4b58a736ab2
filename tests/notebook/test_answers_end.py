"""An answer that runs in a notebook's kernel ends with the server, and so with the terminal that had started it."""

import json
import os
import signal
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import websocket
from serving import END_LIMIT, Server, serving

from tests.helpers import until

ENDLESS = "98764.25"
"""Seconds that the answer below sleeps: nothing else has it on its command line."""
RUN = """
import os
from pathlib import Path
from checker.judge import answers
from checker.lab.workspace import Workspace
place = Workspace(Path({place!r}))
answers.run_script(place, place.path / "answer.sh", dict(os.environ), print, time_limit=300)
"""


def sleeping() -> set[int]:
    """The processes that the answer started."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", ENDLESS.encode()]:
            found.add(int(path.parent.name))
    return found


@pytest.fixture(autouse=True)
def none_sleeps() -> Iterator[None]:
    """Whatever a test proves, nothing of it goes on."""
    yield
    for process in sleeping():
        os.kill(process, signal.SIGKILL)


def execute(served: Server, code: str) -> websocket.WebSocket:
    """Let a new kernel begin with some code; the connection to it."""
    parts = urlsplit(served.url)
    headers = {"Authorization": f"token {parse_qs(parts.query)['token'][0]}"}
    request = urllib.request.Request(f"http://{parts.netloc}/api/kernels", b'{"name": "python3"}', headers)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        kernel = json.load(answer)["id"]
    channel = websocket.create_connection(
        f"ws://{parts.netloc}/api/kernels/{kernel}/channels", header=headers, http_no_proxy=["*"], timeout=10
    )
    channel.send(
        json.dumps(
            {
                "channel": "shell",
                "header": {
                    "msg_id": uuid.uuid4().hex,
                    "msg_type": "execute_request",
                    "session": uuid.uuid4().hex,
                    "username": "",
                    "version": "5.3",
                },
                "parent_header": {},
                "metadata": {},
                "content": {"code": code, "silent": False},
            }
        )
    )
    return channel


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_an_answer_in_a_kernel_ends_with_the_server(tmp_path: Path, number: signal.Signals) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "answer.sh").write_text(f"sleep {ENDLESS} &\nsleep {ENDLESS}\n")
    with serving("01", tmp_path / "root", tmp_path / "cache") as served:
        channel = execute(served, RUN.format(place=str(place)))
        until(lambda: len(sleeping()) == 2, "the answer to run")

        os.kill(served.process.pid, number)

        assert served.process.wait(END_LIMIT) == 0
        until(lambda: not sleeping(), "the answer's processes to end", seconds=5)
        channel.close()
