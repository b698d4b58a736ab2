"""TCP ports of this machine. Everything that serves is bound to and addressed as 127.0.0.1."""

import socket
from collections.abc import Container

HOST = "127.0.0.1"


def free_port(taken: Container[int] = ()) -> int:
    """A TCP port nobody listens on at 127.0.0.1 just now. taken: ports promised to somebody already."""
    while True:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port
