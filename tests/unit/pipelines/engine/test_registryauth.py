"""The login that goes along with a push through the engine's proxy."""

import base64
import json

import pytest

from checker.pipelines.engine.registryauth import readdressed


def encoded(value: object, pad: bool = True) -> str:
    text = base64.urlsafe_b64encode(json.dumps(value).encode()).decode()
    return text if pad else text.rstrip("=")


@pytest.mark.parametrize("pad", [True, False])
@pytest.mark.parametrize("server", ["https://index.docker.io/v1/", "docker.io", "", None])
@pytest.mark.parametrize("key", ["serveraddress", "ServerAddress"])
def test_a_login_is_for_the_registry_that_is_really_asked(server: str | None, key: str, pad: bool) -> None:
    given = {"username": "ada", "password": "é>?"} | ({key: server} if server is not None else {})

    found = json.loads(base64.urlsafe_b64decode(readdressed(encoded(given, pad), "127.0.0.1:5000")))

    assert found == {"username": "ada", "password": "é>?", "serveraddress": "127.0.0.1:5000"}


@pytest.mark.parametrize("auth", ["", "e30=", "%%%", "bm8ganNvbg==", "W10="])
def test_what_is_no_login_stays_as_it_is(auth: str) -> None:
    assert readdressed(auth, "127.0.0.1:5000") == auth
