"""What other programs left in the environment, kept away from our engine client and from testcontainers.

A shell may hold the settings of a machine that is gone (`docker-machine`, `minikube`), of another project's tests or
of a proxy. Each of them would change which engine we ask or which image we start, so we take none of them.
"""

import importlib
import os
import sys
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any

OF_THE_CLIENT = (
    "DOCKER_API_VERSION",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CERT_PATH",
    "DOCKER_CONTENT_TRUST",
    "DOCKER_CONTENT_TRUST_SERVER",
    "DOCKER_CONTEXT",
    "DOCKER_DEFAULT_PLATFORM",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
)
"""Settings of Docker's clients besides the engine's address (Docker documentation, "Use the Docker command line")."""

OF_TESTCONTAINERS = ("TESTCONTAINERS_", "TC_", "RYUK_")
"""How the names of testcontainers' settings begin."""

TLS = ("DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_TLS")

DIRECT = ("127.0.0.1", "localhost", "::1")
"""Hosts that no proxy may stand before: all that a lab serves is on this machine."""

_once = threading.Lock()


def settle(environ: MutableMapping[str, str] | None = None) -> tuple[str, ...]:
    """Take other programs' settings out of this process's environment, and let 127.0.0.1 go past every proxy.

    environ: to be changed, `os.environ` if None. Returns the names of what was taken out. Example: with
    `DOCKER_TLS_VERIFY=1` left over from minikube it returns `("DOCKER_TLS_VERIFY",)`.
    """
    environ = os.environ if environ is None else environ
    taken = tuple(name for name in environ if name in OF_THE_CLIENT or name.startswith(OF_TESTCONTAINERS))
    for name in taken:
        del environ[name]
    known = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    hosts = [host.strip() for host in known.split(",") if host.strip()]
    if any(name.lower().endswith("_proxy") for name in environ) and "*" not in hosts:
        # Some programs read one spelling, some the other.
        environ["no_proxy"] = environ["NO_PROXY"] = ",".join(dict.fromkeys((*hosts, *DIRECT)))
    return taken


def testcontainers() -> Any:
    """Return testcontainers' configuration with every setting as we want it, whatever lies about.

    Its reaper's image cannot be pulled without Docker Hub; labels and `sweep` do that work. A login or an image
    prefix of somebody else's would make it ask another registry for our images.
    """
    with _once:
        if "testcontainers.core.config" not in sys.modules:
            with _without_files():
                importlib.import_module("testcontainers.core.config")
        from testcontainers.core.config import ConnectionMode, testcontainers_config

        for name, value in PINNED.items():
            setattr(testcontainers_config, name, value)
        testcontainers_config.connection_mode_override = ConnectionMode.docker_host
        testcontainers_config.tc_properties = {}
        return testcontainers_config


PINNED = {
    "max_tries": 120,
    "sleep_time": 1.0,
    "ryuk_image": "testcontainers/ryuk:0.8.1",
    "_ryuk_privileged": False,
    "_ryuk_disabled": True,
    "_ryuk_docker_socket": "/var/run/docker.sock",
    "ryuk_reconnection_timeout": "10s",
    "_docker_auth_config": None,
    "tc_host_override": None,
    "hub_image_name_prefix": "",
}
"""Every setting of testcontainers but the two that are set beside these; a test compares with its own list."""


@contextmanager
def _without_files() -> Iterator[None]:
    """Let testcontainers be imported where it finds no settings: it reads ~/.testcontainers.properties then."""
    settle()
    home = os.environ.get("HOME")
    os.environ["HOME"] = os.devnull  # no file can be below it
    try:
        yield
    finally:
        if home is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = home
