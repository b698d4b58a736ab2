"""Identify a process, also after its process ID was given to another."""

import os
import secrets


def process_identity(pid: int) -> str:
    """`PID:START`, unlike a bare pid never the same for two processes; empty if there is no such one."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:  # noqa: PTH123 - hot path
            return f"{pid}:{file.read().rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return f"{pid}:gone" if pid == os.getpid() else ""
        except PermissionError:
            pass
        return f"{pid}:unknown"


def gone(identity: str) -> bool:
    """Return whether the process with this identity has ended."""
    pid = identity.partition(":")[0]
    return pid.isdigit() and process_identity(int(pid)) != identity


def own_name() -> str:
    """Return a name that nothing else has, for what must not outlive this process: `named_by` tells whose it
    is."""
    return f"{process_identity(os.getpid()).replace(':', '-')}-{secrets.token_hex(4)}"


def named_by(name: str) -> str:
    """Return the identity of the process that made an `own_name`; empty for any other name."""
    pid, _, rest = name.partition("-")
    return f"{pid}:{rest.rpartition('-')[0]}" if pid.isdigit() else ""


def search_path() -> str:
    """PATH with the system's own tools in it, which `su` and some services leave out."""
    return os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))
