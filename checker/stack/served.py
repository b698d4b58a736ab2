"""Settings for the services in `checker.services`, as a file in their container."""

import msgspec

PATH = "/etc/registry-lab/settings.json"


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Somebody who can sign in. role: what a file of roles calls it, where there is one."""

    username: str
    password: str
    role: str = ""


class PullLimits(msgspec.Struct, frozen=True):
    """Pulls allowed within `window` seconds."""

    anonymous: int = 100
    authenticated: int = 200
    window: int = 21600


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of each is that of `checker.services`."""

    registry: str = ""
    api: str
    alias: str
    operator: str
    accounts: list[Account] = []
    limits: PullLimits = PullLimits()
    rbac: str = ""
    hooks_fail: dict[str, int] = {}
    token_seconds: int = 300

    def files(self) -> dict[str, bytes]:
        return {PATH: msgspec.json.encode(self)}
