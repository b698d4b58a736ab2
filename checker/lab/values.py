"""The values of a run, which answers find in their environment.

Nothing a learner could hard-code stays the same from run to run: a replay makes every value anew.
"""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from checker.base.errors import BrokenLab
from checker.base.model import Lab, Value
from checker.base.ports import free_port

Addresses = Mapping[str, Mapping[str, str]]
"""Service name -> name of one of its ports (the main one is called "") -> `127.0.0.1:PORT`."""

_FIRST = "amber azure brisk calm civic coral dapper eager fleet gentle golden hardy indigo jolly keen".split()
_SECOND = "badger beacon cedar comet condor delta ember falcon garden harbor island jaguar kestrel".split()
_FIELD = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in place of `{NAME}`; other braces stay. Raises BrokenLab for an unknown name."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in values:
            raise BrokenLab(f"The text {text!r} names the value {name}, which the lab does not have.")
        return values[name]

    return _FIELD.sub(value, text)


def make(
    lab: Lab,
    addresses: Addresses,
    containers: Mapping[str, str],
    known: Mapping[str, str] | None = None,
    real: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Fresh values for one run; those in `known` are kept.

    containers: service name -> name of its container in the engine. real: the learner's environment, where
    a service is the real one. The kinds: `word` two words and a
    number, fit for a repository name; `token` 32 hex digits; `semver` X.Y.Z with every part at least 1;
    `next-patch` the value `of` with its last number one higher; `date` YYYYMMDD within the last
    year; `number` between `min` and `max`; `text` with other values filled in; `address` of a
    service's `port`; `container` of a service; `port` a TCP port that is free on 127.0.0.1 now.
    """
    values: dict[str, str] = {}
    taken = {int(address.rpartition(":")[2]) for ports in addresses.values() for address in ports.values()}
    for name, value in lab.values.items():
        if known and name in known:
            values[name] = known[name]
        elif real is not None and value.real:
            values[name] = fill(value.real, {**real, **values})
        elif value.kind == "address":
            values[name] = _address(name, value, addresses)
        elif value.kind == "container":
            values[name] = containers[value.service]
        elif value.kind == "port":
            values[name] = str(free_port(taken))
            taken.add(int(values[name]))
        else:
            values[name] = _one(name, value, values)
    return values


def secret_names(lab: Lab) -> frozenset[str]:
    """Return the values that must not be written where the engine shows them."""
    return frozenset(name for name, value in lab.values.items() if value.secret)


def _address(name: str, value: Value, addresses: Addresses) -> str:
    ports = addresses.get(value.service, {})
    if value.port not in ports:
        raise BrokenLab(
            f"The value {name} is the address of port {value.port!r} of {value.service!r}, which has "
            f"{sorted(ports) or 'none'}."
        )
    return ports[value.port]


def _one(name: str, value: Value, known: Mapping[str, str]) -> str:
    match value.kind:
        case "word":
            return f"{secrets.choice(_FIRST)}-{secrets.choice(_SECOND)}-{secrets.randbelow(9000) + 1000}"
        case "token":
            return secrets.token_hex(16)
        case "semver":
            return ".".join(str(secrets.randbelow(9) + 1) for _ in range(3))
        case "next-patch":
            if value.of not in known:
                raise BrokenLab(f"The value {name} builds on {value.of!r}, which does not come before it.")
            major_minor, _, patch = known[value.of].rpartition(".")
            return f"{major_minor}.{int(patch) + 1}"
        case "date":
            day = datetime.now(UTC) - timedelta(days=secrets.randbelow(365) + 1)
            return day.strftime("%Y%m%d")
        case "number":
            return str(value.min + secrets.randbelow(value.max - value.min + 1))
        case "text":
            return fill(value.text, known)
        case _:
            raise BrokenLab(f"The value {name} has no kind that can be made: {value.kind!r}.")
