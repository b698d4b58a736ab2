"""Telling one process from another, also after its number was given to the next."""

import os


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
    """Whether the process with this identity has ended."""
    pid = identity.partition(":")[0]
    return pid.isdigit() and process_identity(int(pid)) != identity
