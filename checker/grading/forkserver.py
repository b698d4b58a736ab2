"""A process that has imported everything and forks workers: 10 ms each, where a new Python takes a second.

It is started with an environment made from nothing, so that no worker ever had the grader's; and it has one thread,
as what enters a user namespace must.
"""

import gc
import importlib
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from typing import Self

import msgspec

from checker.base import surroundings
from checker.base.cache import cache_dir
from checker.base.errors import EnvironmentFault, LabError
from checker.engine import dockerd
from checker.engine.connection import connect
from checker.grading.worker import Order, carry_out
from checker.judge import replay
from checker.lab.catalog import Catalog
from checker.sandbox.room import household
from checker.stack import cleanup

KEPT = (
    "PATH", "LANG", "TZ", "DOCKER_HOST", "REGISTRY_LAB_ADVISORIES", "REGISTRY_LAB_ROOT",
    "XDG_CACHE_HOME", "HOME", "TMPDIR", "PYTHONPATH",
)  # fmt: skip
"""Of the grader's environment, what says where things are. The worker itself gets its own of most of these."""
LARGEST = 1 << 16
ENTRY = "from checker.grading.forkserver import serve; serve({})"


class ForkServer:
    """`worker(order)` starts a worker; what it tells comes out of the socket that is returned, until its end."""

    def __enter__(self) -> Self:
        self._ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in KEPT if name in os.environ}
        log = cache_dir() / "rooms" / "log"
        try:
            log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with theirs, log.open("wb") as file:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", ENTRY.format(theirs.fileno())],
                    env={**environment, "REGISTRY_LAB_CACHE": str(cache_dir())},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,  # a Ctrl-C is not for it
                )
        except OSError as error:
            raise EnvironmentFault(
                f"No worker can be started: {error.filename or sys.executable}: {error.strerror}.",
                "The cache folder has to be one that can be written; REGISTRY_LAB_CACHE names another.",
            ) from error
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait()

    def worker(self, order: Order) -> socket.socket:
        """Raises EnvironmentFault if the fork server is gone. Closing the socket ends the worker and its room."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._ours, [msgspec.json.encode(order)], [theirs.fileno()])
                taken = self._ours.recv(1)  # one order at a time: a stream has no bounds of its own
            except OSError:
                taken = b""
        if not taken:
            ours.close()
            raise EnvironmentFault("The process that makes workers has ended.", "Try again.")
        return ours


def serve(handle: int) -> None:
    """Make workers until the other end closes, then wait for those that are left."""
    _import_all()
    talk = socket.socket(fileno=handle)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    on_this_engine = False
    while True:
        data, handles, _, _ = socket.recv_fds(talk, LARGEST, 1)
        if not data:
            break
        order = msgspec.json.decode(data, type=Order)
        on_this_engine = on_this_engine or not order.stock
        if order.stock:
            with suppress(LabError):  # the worker meets it again and tells it
                dockerd.known_options(
                    household.PATH
                )  # workers are forks of this process, so one question is enough
        if os.fork() == 0:
            talk.close()
            _work(order, handles[0])
        os.close(handles[0])
        talk.send(b"1")
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    if on_this_engine:  # one that was ended while it removed what it had made did not remove all of it
        with suppress(LabError):
            cleanup.sweep(connect())
        replay.sweep()


def _work(order: Order, talk: int) -> None:
    import traceback

    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        carry_out(order, talk)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _import_all() -> None:
    """What a replay imports as it goes."""
    import docker  # noqa: F401
    import pytest  # noqa: F401

    surroundings.testcontainers()
    import testcontainers.core.container
    import testcontainers.core.waiting_utils  # noqa: F401

    with suppress(Exception):  # a lab that is broken is told when a worker asks for it
        for name in {name for lab in Catalog().labs() for name in lab.fixtures}:
            importlib.import_module(name)

    gc.collect()
    gc.freeze()
