"""Base images made ready once: the data folder of an engine that holds them and nothing else; rooms get copies."""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from checker.base.cache import cache_dir
from checker.base.errors import EngineFault, EnvironmentFault
from checker.base.lock import alone
from checker.base.pace import scaled
from checker.engine import images
from checker.engine.connection import Engine
from checker.sandbox import layers
from checker.sandbox.room import roots
from checker.sandbox.room.limits import RoomLimits
from checker.sandbox.room.making import OWNER, supervise
from checker.sandbox.room.room import Room
from checker.sandbox.room.roots import SOCKET, RoomPlan

KEPT_FOR = 14 * 24 * 3600.0
"""Seconds after which stock that nobody used is thrown away."""
LIMITS = RoomLimits(seconds=300.0)
LONGEST = 4096
"""Bytes of a sentence that says why a room could not be made."""
FORM = "layers by our driver, no networks"
"""What else is in a folder of stock than what is asked for; another name for another form."""


def folder() -> Path:
    return cache_dir() / "rooms" / "stock"


def ready(engine: Engine, names: Iterable[str]) -> Path:
    """Return the folder with these base images, which the engine has; made if it is not there. Raises
    EnvironmentFault."""
    ids = images.ids(engine, sorted(set(names)))
    about = [FORM, str(OWNER), engine.version, *(f"{name}={key}" for name, key in ids.items())]
    made = folder() / hashlib.sha256("\n".join(about).encode()).hexdigest()[:24]
    if not made.is_dir():
        with alone("rooms", "making base images ready", lambda _: None):
            if not made.is_dir():
                _sweep()
                _make(engine, [images.tag_of(name) for name in ids], made)
    os.utime(made)
    return made


def has_layers(made: Path) -> bool:
    """Return whether layers in it are kept by our driver, and not by one of the engine's own."""
    return (made / layers.NAME).is_dir()


def remove() -> None:
    """Remove all of it; what is needed is made again."""
    shutil.rmtree(folder(), ignore_errors=True)


def _sweep() -> None:
    for path in folder().iterdir() if folder().is_dir() else ():
        with suppress(OSError):
            if path.name.startswith(".") or path.stat().st_mtime < time.time() - KEPT_FOR:
                shutil.rmtree(path)


def _make(engine: Engine, tags: list[str], made: Path) -> None:
    aside = made.with_name(f".{made.name}.{secrets.token_hex(4)}")
    archive = aside.with_suffix(".tar")
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        saved = subprocess.run(
            ["docker", "save", "--output", str(archive), *tags], env={**os.environ, **engine.environment()},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if saved.returncode:
            raise EnvironmentFault(
                f"The engine does not hand out the base images: {saved.stderr.strip()[-300:]}"
            )
        drivers = (True, False) if layers.suits(engine.version) else (False,)
        why = "never tried"
        for by_us in drivers:
            if not (why := _load(archive, aside, by_us)):
                break
        else:
            raise EnvironmentFault(
                f"The base images cannot be made ready for grading in rooms of their own. {why}",
                f"Mend that, or grade without rooms (`--unprotected`). All that was logged: {_log_file()}",
            )
        (aside / "complete").unlink()
        aside.rename(made)
    except OSError as error:
        raise EnvironmentFault(
            f"The base images cannot be made ready in {made.parent}: {error.strerror}.", "Make room there."
        ) from error
    finally:
        archive.unlink(missing_ok=True)
        shutil.rmtree(aside, ignore_errors=True)


def _log_file() -> Path:
    return cache_dir() / "rooms" / "log"


def _load(archive: Path, data: Path, by_us: bool) -> str:
    """Have an engine in a room of its own load the images into its data folder, anew; why it could not, else empty."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    os.chown(data, OWNER, OWNER)
    name = f"stock-{secrets.token_hex(4)}"
    ours, theirs = socket.socketpair()
    hear, say = socket.socketpair(type=socket.SOCK_DGRAM)
    with ours, theirs, hear, say, archive.open("rb") as file, _log_file().open("ab") as log:
        handle = file.fileno()

        def failed(why: str) -> None:
            say.send(why.encode()[:LONGEST])

        try:
            in_time = supervise(
                name,
                cache_dir() / "rooms" / name,
                RoomPlan(
                    readable=tuple(roots.python_paths()),
                    programs="",
                    stock=str(data),
                    layers=by_us,
                    fill=True,
                ),
                LIMITS,
                ours.fileno(),
                lambda _: None,
                lambda room: _fill(room, handle, failed),
                failed,
                log.fileno(),
            )
        except EngineFault as fault:
            return fault.told
        if (data / "complete").exists():
            return ""
        hear.setblocking(False)
        with suppress(BlockingIOError):
            return hear.recv(LONGEST).decode("utf-8", "replace")
    return (
        "The room ended without a word."
        if in_time
        else f"It was not done after {LIMITS.seconds:.0f} seconds."
    )


def _fill(room: Room, archive: int, failed: Callable[[str], None]) -> None:
    """In the worker: load the images, end the engine in good order, and say that it went well."""
    command = ["docker", f"--host=unix://{SOCKET}", "load", "--quiet"]
    loaded = subprocess.run(
        command, stdin=archive, capture_output=True, text=True, timeout=scaled(200), check=False
    )
    if loaded.returncode:
        failed(f"The engine of a room does not take them: {loaded.stderr.strip()[-300:]}")
        return
    room.stop_engine()
    # What an engine remembers of networks it takes down first, which takes 0.1 s.
    shutil.rmtree(roots.DATA / "network", ignore_errors=True)
    (roots.DATA / "complete").touch()
