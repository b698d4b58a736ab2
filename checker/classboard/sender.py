"""`python -m checker.classboard.sender LAB WORKSPACE`: send the newest record of progress, then end.

One at a time for each workspace. What is recorded while it sends is sent as well; when nothing is new it ends.
"""

import http.client
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import filelock
import msgspec

from checker.base.errors import LabError
from checker.classboard import client
from checker.classboard.protocol import message
from checker.lab import progress
from checker.lab.catalog import Catalog
from checker.lab.workspace import Workspace

GATHER = 0.2
"""Seconds to wait for more before the first message: a check writes several verdicts."""
LIMIT = 5.0
"""Seconds that the board may take to answer."""
MOST = 50
"""Messages of one process; more is somebody who never stops."""


def main(lab: str, folder: str) -> int:
    """Send until nothing is new; 0 if the board has the newest record."""
    place = Workspace(Path(folder))
    lock = filelock.FileLock(place.private / "class.lock")
    sent = b""
    for _ in range(MOST):
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            return 0  # the one that sends will see what is new
        try:
            time.sleep(GATHER)
            newest = _newest(lab, place)
            while newest != sent:
                if not post(newest):
                    client.failed(place)
                    return 1
                sent = newest
                newest = _newest(lab, place)
        finally:
            lock.release()
        if _newest(lab, place) == sent:  # else something was recorded just before the lock was released
            client.worked(place)
            return 0
    return 0


def post(body: bytes) -> bool:
    """Send one message; whether the board took it."""
    member = client.membership()
    if member is None or not member.url.startswith(("http://", "https://")):
        return False
    request = urllib.request.Request(  # noqa: S310 -- `lab class join` takes http and https only
        f"{member.url}/v1/progress",
        body,
        {"Authorization": f"Bearer {member.code}", "Content-Type": "application/json"},
    )
    handlers: list[urllib.request.BaseHandler] = [_Stay()]
    if urlsplit(member.url).hostname in ("127.0.0.1", "localhost", "::1"):
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=LIMIT) as answer:
            return int(answer.status) == http.client.NO_CONTENT
    except (OSError, http.client.HTTPException, ValueError):
        return False


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nobody: a join code is for the address that was named."""

    def redirect_request(self, *_arguments: object) -> None:
        return None


def _newest(lab: str, place: Workspace) -> bytes:
    return msgspec.json.encode(message(Catalog().lab(lab), progress.read(place)[0]))


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:3]))
    except (LabError, OSError):
        sys.exit(1)
