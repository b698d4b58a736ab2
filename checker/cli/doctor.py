"""What a machine needs for the labs, looked at one by one."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from checker.base.cache import cache_dir
from checker.base.errors import LabError
from checker.base.say import Say
from checker.engine.connection import Engine, connect

MINIMUM_PYTHON = (3, 11)
COMFORTABLE_FREE = 2_000_000_000
MINIMUM_FREE = 500_000_000
"""Bytes of free space: below the first people are told, below the second nothing works for long."""

FIX = "Run `lab doctor --fix`."


class DoctorItem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. seen: what is there; action: what to do, empty if ok."""

    name: str
    ok: bool
    seen: str
    action: str = ""


def examine(fix: bool, say: Say) -> list[DoctorItem]:
    """Look at everything the labs need, in the order in which to mend it.

    fix: provide what is missing and can be provided (engine, client, images) before looking.
    say: is told what that does. Never raises for a machine in bad shape: that is what items tell.
    """
    trouble: LabError | None = None
    engine: Engine | None = None
    try:
        engine = _provide(say) if fix else connect()
    except LabError as error:
        trouble = error
    items = [
        _python(),
        _program("git", "Workspaces are git repositories. Run `apt-get install git`."),
        _program("bash", "Answers are bash scripts. Run `apt-get install bash`."),
        _program("docker", f"Labs use Docker's command-line client. {FIX}"),
        *_tools(fix, say),
        _cache(),
        _disk(),
        _engine(engine, trouble),
    ]
    if engine is None:
        return items
    try:
        items += _images(engine, fix, say)
        items.append(_reach(engine, say))
        items.append(_leftovers(engine, fix))
    except LabError as error:  # it went away while we looked
        items.append(DoctorItem(name="engine", ok=False, seen=error.message, action=error.action))
    finally:
        engine.close()
    return items


def _provide(say: Say) -> Engine:
    from checker.engine.provide import ensure_engine

    return ensure_engine(say, may_install=True)


def _python() -> DoctorItem:
    ok = sys.version_info >= MINIMUM_PYTHON
    least = ".".join(map(str, MINIMUM_PYTHON))
    return DoctorItem(
        name="python",
        ok=ok,
        seen=f"{sys.version.split()[0]} at {sys.executable}",
        action="" if ok else f"Install Python {least} or later and make the environment again.",
    )


def _program(name: str, action: str) -> DoctorItem:
    path = shutil.which(name)
    return DoctorItem(name=name, ok=bool(path), seen=path or "not on the PATH", action="" if path else action)


def _tools(fix: bool, say: Say) -> list[DoctorItem]:
    """Return the programs that some labs need; `lab start` gets them as well, when a lab needs them."""
    from checker.programs import tools

    trouble = ""
    if fix:
        try:
            tools.wish((name for name, tool in tools.TABLE.items() if tool.optional), say)
            tools.ensure(
                (name for name, tool in tools.TABLE.items() if not tool.optional), say, may_install=True
            )
        except LabError as error:
            trouble = error.message
    lacking = tools.missing(tools.TABLE)
    return [
        DoctorItem(name=name, ok=True, seen="not there; nothing is missing without it")
        if name in lacking and tools.TABLE[name].optional
        else DoctorItem(name=name, ok=False, seen=trouble or "not there; some labs use it", action=FIX)
        if name in lacking
        else DoctorItem(name=name, ok=True, seen=tools.warning(name) or "is there")
        for name in tools.TABLE
    ]


def _cache() -> DoctorItem:
    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
    except OSError as error:
        return DoctorItem(
            name="cache",
            ok=False,
            seen=f"{folder}: {error.strerror}",
            action="Make that folder writable, or name another in REGISTRY_LAB_CACHE.",
        )
    return DoctorItem(name="cache", ok=True, seen=f"{folder} is writable")


def _disk() -> DoctorItem:
    places = {Path(tempfile.gettempdir()), _nearest(cache_dir()), _nearest(Path("/var/lib/docker"))}
    free, place = min((shutil.disk_usage(place).free, str(place)) for place in places)
    ok = free >= MINIMUM_FREE
    advice = f"Make room: the labs are comfortable with {COMFORTABLE_FREE / 1e9:.0f} GB."
    return DoctorItem(
        name="disk",
        ok=ok,
        seen=f"{free / 1e9:.1f} GB free in {place}" + ("" if free >= COMFORTABLE_FREE else f". {advice}"),
        action="" if ok else advice,
    )


def _nearest(path: Path) -> Path:
    """Return the path or the first folder above it that exists and may be looked at."""
    while not os.access(path, os.R_OK) and path != path.parent:
        path = path.parent
    return path


def _engine(engine: Engine | None, trouble: LabError | None) -> DoctorItem:
    if engine is None:
        assert trouble
        return DoctorItem(name="engine", ok=False, seen=trouble.message, action=trouble.action)
    try:
        return DoctorItem(name="engine", ok=True, seen=f"{engine.version} at {engine.docker_host}")
    except LabError as error:
        return DoctorItem(name="engine", ok=False, seen=error.message, action=error.action)


def _images(engine: Engine, fix: bool, say: Say) -> list[DoctorItem]:
    from checker.engine import images
    from checker.engine.origins.recipes import TABLE

    items = []
    for name in TABLE:
        missing = DoctorItem(
            name=f"image {name}", ok=False, seen=f"{images.tag_of(name)} is missing", action=FIX
        )
        if fix:
            try:
                images.ensure(engine, [name], say)
            except LabError as error:
                missing = msgspec.structs.replace(missing, seen=error.message, action=error.action)
        origin = images.origin_of(engine, name)
        if origin:
            # The label names every package it is made of; the first one gives it its version.
            brief = " ".join(origin.split()[:2]) if origin.startswith("Debian ") else origin
            items.append(DoctorItem(name=missing.name, ok=True, seen=f"{images.tag_of(name)} from {brief}"))
        else:
            items.append(missing)
    return items


def _reach(engine: Engine, say: Say) -> DoctorItem:
    """Return whether what serves in a container is reached from here, as everything in the labs has to be."""
    from checker.base.model import Service
    from checker.engine import images
    from checker.stack.trials import Trials

    if not images.origin_of(engine, "registry"):
        return DoctorItem(name="reach", ok=False, seen="not tried: needs the image registry", action=FIX)
    say("Trying a registry in a container.")
    try:
        with Trials(engine, Path()) as trials:
            trials.start(Service(name="registry", kind="registry"))
    except LabError as error:
        return DoctorItem(
            name="reach",
            ok=False,
            seen=error.message,
            action=error.action
            or "Look for a VPN, a firewall or another engine that has the network which `docker network "
            "inspect bridge` tells; end that, or `lab stop --all`, and try again.",
        )
    return DoctorItem(name="reach", ok=True, seen="a registry in a container answers at 127.0.0.1")


def _leftovers(engine: Engine, fix: bool) -> DoctorItem:
    """Services of runs that ended without clearing up. They do no harm, so they are no fault."""
    from checker.stack import removing, stack

    if fix:
        removing.sweep(engine)
    lost = len(stack.orphans(engine))
    seen = f"services of {lost} runs that are gone; the next `lab start` removes them" if lost else "none"
    return DoctorItem(name="leftovers", ok=True, seen=seen)
