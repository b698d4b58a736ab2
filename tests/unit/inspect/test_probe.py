"""An image's answer may stand for another image's only if nothing that runs differs."""

import socket
import threading
import time
from typing import Any

import pytest

from checker.inspect import probe
from checker.inspect.probe import behaviour

LAYERS = ("sha256:a", "sha256:b")
CONFIG: dict[str, Any] = {
    "Cmd": ["/server"],
    "Env": ["PATH=/bin"],
    "Labels": {"commit": "1"},
    "Image": "sha256:x",
}


def test_images_that_differ_in_labels_and_history_only_behave_alike() -> None:
    other = CONFIG | {"Labels": {"commit": "2"}, "Image": "sha256:y", "Hostname": "somewhere"}

    assert behaviour(LAYERS, CONFIG) == behaviour(LAYERS, other)


def test_a_field_that_is_empty_is_one_that_is_missing() -> None:
    assert behaviour(LAYERS, CONFIG | {"Entrypoint": None, "User": "", "Volumes": {}}) == behaviour(
        LAYERS, CONFIG
    )


def test_the_engine_and_the_registry_may_hold_layers_as_tuple_or_list() -> None:
    assert behaviour(list(LAYERS), CONFIG) == behaviour(LAYERS, CONFIG)


@pytest.mark.parametrize(
    "changed",
    [
        {"Cmd": ["/other"]},
        {"Entrypoint": ["/bin/sh"]},
        {"Env": ["PATH=/bin", "GREETING=x"]},
        {"User": "nobody"},
        {"WorkingDir": "/srv"},
        {"ExposedPorts": {"8080/tcp": {}}},
    ],
)
def test_anything_a_container_is_run_with_makes_another_image(changed: dict[str, Any]) -> None:
    assert behaviour(LAYERS, CONFIG | changed) != behaviour(LAYERS, CONFIG)


@pytest.mark.parametrize(
    "layers", [("sha256:a",), ("sha256:b", "sha256:a"), ("sha256:a", "sha256:b", "sha256:c")]
)
def test_other_layers_make_another_image(layers: tuple[str, ...]) -> None:
    assert behaviour(layers, CONFIG) != behaviour(LAYERS, CONFIG)


def test_a_page_that_never_ends_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "RESPONDS_WITHIN", 0.3)
    with socket.create_server((probe.HOST, 0)) as server:

        def drip() -> None:
            client, _ = server.accept()
            with client:
                client.recv(4096)
                client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1000\r\n\r\n")
                for _ in range(100):
                    try:
                        client.sendall(b"x")
                    except OSError:
                        return
                    time.sleep(0.1)

        thread = threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()

        answer = probe._get(server.getsockname()[1])
        assert answer is None or len(answer.body) < 100
        assert time.monotonic() - began < 5
        thread.join()
