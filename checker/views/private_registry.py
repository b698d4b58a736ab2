"""A registry on trial: its address, and a look into its container."""

import msgspec

from checker.engine import Engine, engine_calls
from checker.engineview import Container, EngineView
from checker.stack.stack import Running

NOT_RUN = 126
"""What a shell says of a program that it could not run."""


class Executed(msgspec.Struct, frozen=True):
    """What became of a command inside a container; output: both streams, as text."""

    code: int
    output: str


class PrivateRegistry:
    def __init__(self, engine: Engine, service: Running) -> None:
        self.service = service
        self._engine = engine

    @property
    def address(self) -> str:
        return self.service.address

    @property
    def container(self) -> Container:
        found = EngineView(self._engine).container(self.service.container)
        assert found is not None, f"the container of {self.service.name} is gone"
        return found

    def inside(self, *command: str) -> Executed:
        """Run a program of its image in the container. In one that has ended meanwhile it fails."""
        import docker.errors

        api = self._engine.client.api
        try:
            with engine_calls():
                created = api.exec_create(self.service.container, list(command))["Id"]
                output = api.exec_start(created)
                code = api.exec_inspect(created)["ExitCode"]
        except docker.errors.APIError as error:
            return Executed(NOT_RUN, str(error.explanation or error))
        # None is said of a program whose container ended before it did.
        return Executed(NOT_RUN if code is None else int(code), output.decode("utf-8", "replace"))


def view(engine: Engine, service: Running, _key: str) -> PrivateRegistry:
    return PrivateRegistry(engine, service)
