"""Base images made ready once: the data folder of an engine that holds them and nothing else; rooms get copies."""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from checker import images
from checker.engine import Engine, cache_dir
from checker.errors import EnvironmentFault
from checker.isolation import roots
from checker.isolation.layers import driver
from checker.isolation.limits import Limits
from checker.isolation.room import OWNER, Room, supervise
from checker.isolation.roots import SOCKET, Plan
from checker.lock import alone
from checker.pace import scaled

KEPT_FOR = 14 * 24 * 3600.0
"""Seconds after which stock that nobody used is thrown away."""
LIMITS = Limits(seconds=300.0)
FORM = "layers by our driver, no networks"
"""What else is in a folder of stock than what is asked for; another name for another form."""
TRIED = "Docker 20.10."
"""Engines that are known to work with our driver of layers."""


def folder() -> Path:
    return cache_dir() / "rooms" / "stock"


def ready(engine: Engine, names: Iterable[str]) -> Path:
    """The folder with these base images, which the engine has; made if it is not there. Raises EnvironmentFault."""
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
    """Whether layers in it are kept by our driver, and not by one of the engine's own."""
    return (made / driver.NAME).is_dir()


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
        drivers = (True, False) if engine.version.startswith(TRIED) else (False,)
        if not any(_load(archive, aside, layers) for layers in drivers):
            raise EnvironmentFault(
                "The base images cannot be made ready for grading in rooms of their own.",
                f"See {cache_dir() / 'rooms' / 'log'}; `--unprotected` grades without.",
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


def _load(archive: Path, data: Path, layers: bool) -> bool:
    """Have an engine in a room of its own load the images into its data folder, anew; whether it went well."""
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir()
    os.chown(data, OWNER, OWNER)
    name = f"stock-{secrets.token_hex(4)}"
    ours, theirs = socket.socketpair()
    with ours, theirs, archive.open("rb") as file, (cache_dir() / "rooms" / "log").open("ab") as log:
        handle = file.fileno()
        supervise(
            name,
            cache_dir() / "rooms" / name,
            Plan(
                readable=tuple(roots.python_paths()), programs="", stock=str(data), layers=layers, fill=True
            ),
            LIMITS,
            ours.fileno(),
            lambda _: None,
            lambda room: _fill(room, handle),
            log.fileno(),
        )
    return (data / "complete").exists()


def _fill(room: Room, archive: int) -> None:
    """In the worker: load the images, end the engine in good order, and say that it went well."""
    command = ["docker", f"--host=unix://{SOCKET}", "load", "--quiet"]
    subprocess.run(command, stdin=archive, stdout=subprocess.DEVNULL, check=True, timeout=scaled(200))
    room.stop_engine()
    # What an engine remembers of networks it takes down first, which takes 0.1 s.
    shutil.rmtree(roots.DATA / "network", ignore_errors=True)
    (roots.DATA / "complete").touch()
