"""What a service is told when it starts: one JSON file, the only place that secrets are in.

Neither the environment nor the command line holds any of it, and no value here is ever logged.
"""

from pathlib import Path

import msgspec

OPERATOR = "_operator"
"""The user name under which the lab itself comes; no account can have it."""
SAME_PLACE_ONLY = ("trivy/", "crane/", "cosign/", "go-containerregistry")
"""What clients call themselves that are built on go-containerregistry. It asks no token server at a private
address, 127.0.0.1 included, unless that has the registry's own host and port."""
TOKEN_PATH = "/token"


class BadSettings(Exception):
    """The settings file is missing or not of the form below."""


class Account(msgspec.Struct, frozen=True):
    """Somebody with a password. role: the name of a role in registry-rbac.conf, "" for none."""

    username: str
    password: str
    role: str = ""

    def __repr__(self) -> str:
        return f"Account({self.username!r})"


class Limits(msgspec.Struct, frozen=True):
    """How many manifests an address or an account may fetch in a window of so many seconds."""

    anonymous: int = 100
    authenticated: int = 200
    window: int = 21600


class Ports(msgspec.Struct, frozen=True):
    """Where things listen; other ports than these are for tests without a container."""

    registry: int = 5000
    api: int = 8000
    notifications: int = 8001
    distribution: int = 5001
    debug: int = 5002


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file. registry, api: the addresses clients use from outside, as `127.0.0.1:PORT`."""

    operator: str
    service: str = "registry.lab"
    issuer: str = "registry-lab"
    registry: str = ""
    api: str = ""
    alias: str = ""
    accounts: tuple[Account, ...] = ()
    limits: Limits = Limits()
    rbac: str = "/etc/registry-lab/access/registry-rbac.conf"
    token_seconds: int = 300
    hooks_fail: dict[str, int] = {}
    host: str = "0.0.0.0"  # noqa: S104 - inside a container, which publishes on 127.0.0.1 only
    ports: Ports = Ports()
    state: str = "/var/lib/registry-lab"
    storage: str = "/var/lib/registry"
    binary: str = "registry"

    def __repr__(self) -> str:
        return f"Settings(service={self.service!r})"

    def realm(self, host: str, agent: str = "") -> str:
        """Return the token server's address for a client that calls the registry by that Host header.

        Only the names given here are ever answered with, so that a made-up header leads nowhere. agent: the
        User-Agent header; some clients get the registry's own address, where `/token` is answered too.
        """
        if self.alias and host == f"{self.alias}:{self.ports.registry}":
            return f"http://{self.alias}:{self.ports.api}/token"
        if self.registry and any(name in agent for name in SAME_PLACE_ONLY):
            return f"http://{self.registry}/token"
        return f"http://{self.api}/token"


def read(path: Path) -> Settings:
    """Read and check the settings file. Raises BadSettings with a reason that holds no value of it."""
    try:
        settings = msgspec.json.decode(path.read_bytes(), type=Settings)
    except OSError as error:
        raise BadSettings(f"The settings file {path} cannot be read ({error.strerror}).") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The settings file {path} is wrong: {error}") from None
    if not settings.operator:
        raise BadSettings(f"The settings file {path} gives the operator no key.")
    names = [account.username for account in settings.accounts]
    if OPERATOR in names or "" in names or len(set(names)) != len(names):
        raise BadSettings(f"The accounts in {path} need names that differ, and none may be {OPERATOR}.")
    return settings
