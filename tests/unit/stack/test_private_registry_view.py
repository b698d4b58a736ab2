"""What becomes of a program that is run inside a registry on trial."""

from typing import Any, cast

import pytest

from checker.engine.connection import Engine
from checker.stack.kinds.private_registry import NOT_RUN, Executed, PrivateRegistry
from checker.stack.running import Running


class Api:
    """An engine's API with one container, which may have ended before or while a program runs in it."""

    def __init__(self, code: int | None, ended: bool = False) -> None:
        self.code, self.ended = code, ended

    def exec_create(self, _container: str, _command: list[str]) -> dict[str, str]:
        import docker.errors

        if self.ended:
            raise docker.errors.APIError("409", explanation="container c0ffee is not running")
        return {"Id": "1"}

    def exec_start(self, _created: str) -> bytes:
        return b"said"

    def exec_inspect(self, _created: str) -> dict[str, Any]:
        return {"ExitCode": self.code}


def run(api: Api) -> Executed:
    class Client:
        def __init__(self) -> None:
            self.api = api

    class Fake:
        client = Client()

    class Service:
        container = "c0ffee"

    return PrivateRegistry(cast(Engine, Fake), cast(Running, Service)).inside("true")


@pytest.mark.parametrize("code", [0, 1])
def test_a_program_ends_with_its_own_code(code: int) -> None:
    assert run(Api(code)) == Executed(code, "said")


def test_a_program_fails_where_the_registry_has_ended_before_it() -> None:
    assert run(Api(0, ended=True)) == Executed(NOT_RUN, "container c0ffee is not running")


def test_a_program_fails_where_the_registry_ends_before_it_does() -> None:
    assert run(Api(None)) == Executed(NOT_RUN, "said")
