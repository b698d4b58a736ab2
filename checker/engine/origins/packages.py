"""Building a base image from Debian packages, without a registry and without a Dockerfile."""

import io
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import msgspec

from checker.base.errors import EngineFault
from checker.engine.connection import LABEL, Engine, engine_calls
from checker.engine.origins import ORIGIN, RECIPE, BaseImage, File, Installed, OriginFailed, debian12, layer
from checker.engine.origins.finish_image import dress

STATUS = "var/lib/dpkg/status"
"""Debian's record of the installed packages (dpkg(1), "Files")."""

DOWNLOAD_WITHIN = 180.0
"""Seconds one run of apt-get may take."""


def build(engine: Engine, image: BaseImage, say: Callable[[str], None]) -> None:
    """Make the image from packages and import it under its tag. Raises OriginFailed, EngineFault."""
    if missing := [tool for tool in ("apt-get", "dpkg", "dpkg-deb") if not shutil.which(tool)]:
        raise OriginFailed(f"{missing[0]} is not here: this needs Debian or Ubuntu", everywhere=True)
    architecture = _run(["dpkg", "--print-architecture"]).stdout.strip()
    if architecture != engine.architecture:
        raise OriginFailed(
            f"this machine has {architecture} packages and the engine runs {engine.architecture} images",
            everywhere=True,
        )
    if architecture not in layer.TRIPLETS:
        raise OriginFailed(f"no recipe for {architecture} machines", everywhere=True)
    packages = (*image.recipe.packages, *image.recipe.more.get(architecture, ()))
    with tempfile.TemporaryDirectory(prefix="registry-lab-packages-") as folder:
        archives = _download(packages, Path(folder), say)
        versions = [_field(archive, "Version") for archive in archives]
        recipe = image.recipe
        if isinstance(recipe, Installed):
            recipe = msgspec.structs.replace(recipe, files={**recipe.files, STATUS: File(_status(archives))})
        data = layer.build(recipe, (_files(archive) for archive in archives), architecture)
    names = zip(packages, versions, strict=True)
    labels = {
        f"{LABEL}.image": image.name,
        f"{LABEL}.version": upstream_version(versions[0]),
        ORIGIN: f"Debian {' '.join(f'{name}={version}' for name, version in names)}",
        RECIPE: image.fingerprint,
    }
    if image.addition is None:
        written = (f'LABEL {name}="{value}"' for name, value in labels.items())
        _load(engine, data, (*image.recipe.changes, *written), image.tag)
        return
    base = _load(engine, data, (*image.recipe.changes, f'LABEL {LABEL}.image="{image.name}"'))
    try:
        dress(engine, image, base, labels, say)
    except BaseException:
        _drop(engine, base)
        raise


def upstream_version(version: str) -> str:
    """Return a Debian version without epoch, repacking and revision: `1:2.8.2+ds1-1` -> `2.8.2`."""
    found = re.match(r"(?:\d+:)?([0-9]+(?:\.[0-9]+)*)", version)
    return found[1] if found else version


def _download(packages: tuple[str, ...], folder: Path, say: Callable[[str], None]) -> list[Path]:
    """One archive a package, in their order."""
    options = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    get = ["apt-get", "-q", *options, *debian12.options()]
    first = _run([*get, "download", *packages], folder, check=False)
    if first.returncode:
        # No package lists yet, as on a fresh machine, or lists older than what the servers hold.
        if os.geteuid() != 0:
            state = folder / "apt"
            (state / "lists" / "partial").mkdir(parents=True)
            get += ["-o", f"Dir::State::Lists={state / 'lists'}", "-o", f"Dir::Cache={state}"]
        say("Fetching Debian's package lists.")
        _run([*get, "update"], folder)
        _run([*get, "download", *packages], folder)
    return [_archive(folder, package) for package in packages]


def _archive(folder: Path, package: str) -> Path:
    found = sorted(folder.glob(f"{package}_*.deb"))
    if not found:
        raise OriginFailed(f"apt-get did not deliver the package {package}")
    return found[0]


def _field(archive: Path, name: str) -> str:
    return _run(["dpkg-deb", "-f", str(archive), name]).stdout.strip()


def _status(archives: list[Path]) -> str:
    """Return the record of packages that are installed: what each says of itself, and that it is."""
    paragraphs = []
    for archive in archives:
        first, _, rest = _run(["dpkg-deb", "-f", str(archive)]).stdout.strip().partition("\n")
        paragraphs.append(f"{first}\nStatus: install ok installed\n{rest}\n")
    return "\n".join(paragraphs)


def _files(archive: Path) -> IO[bytes]:
    """Return the package's files as a tar stream."""
    try:
        done = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(archive)], capture_output=True, check=True, timeout=60
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise OriginFailed(f"the package {archive.name} cannot be read ({error})") from error
    return io.BytesIO(done.stdout)


def _run(
    command: list[str], folder: Path | None = None, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a tool quietly; its last line of complaint becomes the reason if it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise OriginFailed(
            f"{command[0]} took longer than {DOWNLOAD_WITHIN:.0f} s", everywhere=True
        ) from error
    except OSError as error:
        raise OriginFailed(f"{command[0]} cannot be run ({error.strerror})", everywhere=True) from error
    if check and done.returncode:
        complaints = [line for line in done.stderr.splitlines() if line.startswith(("E:", "dpkg"))]
        reason = complaints[-1] if complaints else f"exit code {done.returncode}"
        raise OriginFailed(f"{command[0]} failed: {reason.removeprefix('E: ')}")
    return done


def _load(engine: Engine, data: bytes, changes: tuple[str, ...], tag: str = "") -> str:
    """Import one layer as an image, without a name unless one is given; its ID.

    Raises OriginFailed if the engine refuses it.
    """
    import docker.errors

    repository, _, version = tag.rpartition(":")
    try:
        with engine_calls():
            said = engine.client.api.import_image_from_data(
                data, repository=repository or None, tag=version or None, changes=list(changes)
            )
    except docker.errors.APIError as error:
        raise OriginFailed(f"the engine refused the image ({error.explanation})") from error
    status = ""
    for line in str(said).splitlines():
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if isinstance(message, dict) and message.get("error"):
            raise OriginFailed(f"the engine refused the image ({message['error']})")
        if isinstance(message, dict):
            status = str(message.get("status", status))
    return status


def _drop(engine: Engine, key: str) -> None:
    """Remove an image that nothing was made of."""
    import docker.errors

    with suppress(docker.errors.APIError, EngineFault), engine_calls():
        engine.client.api.remove_image(key)
