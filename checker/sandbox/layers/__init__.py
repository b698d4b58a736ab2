"""Where a room's engine keeps layers: a graph driver of our own, for Docker 20.10 alone.

Why: an engine in a user namespace does not read a layer's changes from its upper folder. It compares whole trees, and
then sleeps until the second is over, for every instruction of a Dockerfile, those that change no file included. What it
is not able to tell apart there, a driver that it asks over a socket may know: the kernel's overlay file system marks
changes with attributes that root of a room may set and read (`userxattr`, Linux 5.11).

`suits` is the one switch. Graph plugins are gone since Docker 28, so this folder can go with the last engine 20.10 that
the labs are promised to run on (Debian 12): then `suits` is never true, and with it go `layers` in `roots.RoomPlan`,
`worker` and `image_cache`, and what `room` does if it is set.
"""

NAME = "registry-lab"
"""What an engine calls the driver."""
TRIED = "Docker 20.10."
"""Engines that are known to work with our driver of layers."""


def suits(version: str) -> bool:
    """Return whether a room's engine should keep its layers here. version: as `Engine.version` says it.

    >>> suits("Docker 20.10.24")
    True
    """
    return version.startswith(TRIED)
