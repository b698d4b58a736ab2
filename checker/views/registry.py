"""A plain registry: the distribution API."""

from checker.engine import Engine
from checker.registry import RegistryClient
from checker.stack.stack import Running


def view(engine: Engine, service: Running, _key: str) -> RegistryClient | Running:
    """The service itself where it is internal: then its edge shows the registry."""
    if not service.ports:
        return service
    return RegistryClient(service.address, architecture=engine.architecture)
