"""How the engine of a room is started."""

from checker.sandbox.room.roots import ENGINE, SOCKET

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": PATH, "GOGC": "800", "GOMAXPROCS": "1"}
"""The environment of a room's engine. It lives for seconds and is written in Go: collecting its garbage ten times less
often and with one thread saves a tenth of the processor time of a replay."""
ALWAYS = {
    "config-file": ENGINE / "daemon.json",
    "data-root": ENGINE / "data",
    "exec-root": ENGINE / "exec",
    "pidfile": ENGINE / "docker.pid",
    "host": f"unix://{SOCKET}",
}
"""Options every engine has. A room needs each of them."""
IF_KNOWN = {"oom-score-adjust": 0}
"""Options that only some engines have. Docker up to 24 lowers its own score (to -500) unless told otherwise, and root
of a room may not; Docker 25 and later leave the score alone and end if they are given the option."""


def script(known: frozenset[str]) -> str:
    """Return the bash script that is the first process of a room: it starts the engine and reaps orphans.

    known: the options that this machine's engine has.
    """
    wanted = ALWAYS | {name: value for name, value in IF_KNOWN.items() if name in known}
    options = " ".join(f"--{name}={value}" for name, value in wanted.items())
    return f"dockerd {options} &\nwait $!; : > {ENGINE / 'ended'}; while :; do wait; sleep 0.2; done\n"
