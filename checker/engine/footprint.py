"""What the lab's own engine leaves in the machine's network and mounts, and how it is removed.

A stopped dockerd leaves its bridges and firewall rules in place, a killed one its mounts too. The bridge
has a name of ours, so that our rules can be told from those of any other engine.
"""

import ipaddress
import os
import re
import shlex
import shutil
import socket
import struct
import subprocess
from contextlib import suppress
from pathlib import Path

from checker.base.processes import search_path

IP_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")

# <linux/sockios.h>; by ioctl, because a minimal system has no `ip` command.
_SIOCSIFFLAGS = 0x8914
_SIOCSIFHWADDR = 0x8924
_ARPHRD_ETHER = 1
_SIOCBRADDBR = 0x89A0
_SIOCBRDELBR = 0x89A1

Rule = list[str]


def add_bridge(name: str) -> None:
    """Make a network bridge unless there is one of that name; dockerd gives it an address. Raises OSError.

    Its hardware address is set once: a bridge left alone takes the lowest of its ports', another one
    whenever a container comes or goes, and every other container loses its way to the host for seconds.
    """
    if not _exists(name):
        _interface_call(_SIOCBRADDBR, name.encode() + b"\0")
        address = b"\x02\x42" + os.urandom(4)  # locally administered (IEEE 802), as docker0's own is
        _interface_call(_SIOCSIFHWADDR, struct.pack("16sH14s", name.encode(), _ARPHRD_ETHER, address))


def remove_bridge(name: str) -> None:
    """Remove a bridge; nothing happens if there is none."""
    if not _exists(name):
        return
    with suppress(OSError):
        _interface_call(_SIOCSIFFLAGS, struct.pack("16sh14x", name.encode(), 0))  # down, as removal asks for
        _interface_call(_SIOCBRDELBR, name.encode() + b"\0")


def bridges_named(beginning: str) -> set[str]:
    """Return the bridges there are whose names begin like this."""
    # /sys/class/net may show the interfaces of another network namespace than this process lives in.
    return {known for _, known in socket.if_nameindex() if known.startswith(beginning)}


def _exists(name: str) -> bool:
    return name in bridges_named(name)


def _interface_call(request: int, argument: bytes) -> None:
    import fcntl

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, argument)


def bridges_of(data: Path) -> set[str]:
    """Return the bridges of the networks in an engine's data folder, whether the engine runs or not."""
    try:
        stored = (data / "network/files/local-kv.db").read_bytes()
    except OSError:
        return set()
    return {found.decode() for found in re.findall(rb'"BridgeName":"(br-[0-9a-f]{12})"', stored)}


def remove_rules(bridges: set[str], *, last: bool) -> None:
    """Take out the firewall rules that name one of the bridges.

    last: no other engine uses this network, so chains that are empty by now go as well.
    """
    for tool in ("iptables", "ip6tables"):
        if shutil.which(tool, path=search_path()):
            for table in ("filter", "nat", "raw"):
                _remove_rules(tool, table, bridges, last=last)


def _remove_rules(tool: str, table: str, bridges: set[str], *, last: bool) -> None:
    def change(*words: str) -> None:
        _run([tool, "-w", "5", "-t", table, *words])

    rules, chains = _rules(tool, table)
    networks = _networks(rules, bridges)
    for rule in rules:
        if bridges & set(rule) or _between(rule, networks):
            change("-D", *rule)
    if not last:
        return
    rules, chains = _rules(tool, table)
    docker = {chain for chain in chains if chain == "DOCKER" or chain.startswith("DOCKER-")}
    concerned = [rule for rule in rules if docker & {rule[0], _target(rule)}]
    if any({"-i", "-o"} & set(rule) for rule in concerned):
        return  # another engine's, perhaps stopped just now
    if any(_target(rule) != "RETURN" for rule in concerned if rule[0] == "DOCKER-USER"):
        return  # the administrator's own rules
    for rule in concerned:
        change("-D", *rule)
    for chain in sorted(docker):
        change("-X", chain)


def _rules(tool: str, table: str) -> tuple[list[Rule], list[str]]:
    """Return the table's rules, each as chain and specification, and its chains."""
    lines = [shlex.split(line) for line in _run([tool, "-w", "5", "-t", table, "-S"]).splitlines()]
    return [line[1:] for line in lines if line[0] == "-A"], [line[1] for line in lines if line[0] == "-N"]


def _target(rule: Rule) -> str:
    return rule[rule.index("-j") + 1] if "-j" in rule[:-1] else ""


def _networks(rules: list[Rule], bridges: set[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks behind the bridges, as the rules that hide them behind the host tell."""
    return [
        ipaddress.ip_network(rule[rule.index("-s") + 1])
        for rule in rules
        if rule[0] == "POSTROUTING" and "-s" in rule and bridges & set(rule)
    ]


def _between(rule: Rule, networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    """Return whether a rule is about one container talking to itself by its published port; it names no
    bridge."""
    if not networks or rule[0] != "POSTROUTING" or "-s" not in rule or "-d" not in rule:
        return False
    source, target = (ipaddress.ip_network(rule[rule.index(flag) + 1]) for flag in ("-s", "-d"))
    return source == target and any(source[0] in network for network in networks)


def stop_forwarding() -> None:
    """Undo what dockerd does on a machine that did not route: it forwards, and refuses by default."""
    _run(["iptables", "-w", "5", "-P", "FORWARD", "ACCEPT"])
    with suppress(OSError):
        IP_FORWARD.write_text("0\n", encoding="ascii")


def unmount_under(folders: tuple[Path, ...]) -> None:
    """Detach everything mounted on or below the folders, innermost first."""
    for point in sorted(_mount_points(), key=len, reverse=True):
        if any(point == str(folder) or point.startswith(f"{folder}/") for folder in folders):
            _run(["umount", "-l", point])


def _mount_points() -> list[str]:
    """Fifth field of proc(5) mountinfo, in which blanks and backslashes are octal."""
    try:
        lines = (
            Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        )
    except OSError:
        return []
    return [re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4]) for line in lines]


def _run(command: list[str]) -> str:
    """Output of a system tool; empty if it failed: clearing up goes as far as it can."""
    environment = {**os.environ, "PATH": search_path(), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
