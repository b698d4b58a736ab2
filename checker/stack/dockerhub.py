"""The address of the real Docker Hub, and the account to use there.

Nobody is sent there by default: only a practice of a lab that says so, and only where the learner has set
`DOCKERHUB_USERNAME` and `DOCKERHUB_TOKEN`. Another hub that speaks the same protocols may stand in its place.
"""

import os
from collections.abc import Mapping

REGISTRY = "DOCKERHUB_REGISTRY"
"""Names the registry as it stands in front of a reference."""
API = "DOCKERHUB_API"
"""Names the base URL of the HTTP API."""
USERNAME = "DOCKERHUB_USERNAME"
TOKEN = "DOCKERHUB_TOKEN"
DEFAULTS = {REGISTRY: "docker.io", API: "https://hub.docker.com"}
HOSTS = {"docker.io": "registry-1.docker.io"}
"""The registry behind a name that is not a host's (docker.io is one of the web pages)."""
REALMS = frozenset({"auth.docker.io"})
"""Where Docker Hub sends its clients for tokens."""


def environment() -> dict[str, str]:
    """Return the variables that say which hub and account, with their defaults."""
    found = {name: value for name, value in os.environ.items() if name.startswith("DOCKERHUB_") and value}
    return {**DEFAULTS, **found}


def address(registry: str) -> str:
    """Return the host (and port) of a registry that is named so in a reference."""
    return HOSTS.get(registry, registry)


def registry_url(environ: Mapping[str, str]) -> str:
    """Return the base URL of the registry; plain HTTP on this machine only, as engines have it."""
    host = address(environ[REGISTRY])
    return f"{'http' if host.startswith('127.') else 'https'}://{host}"
