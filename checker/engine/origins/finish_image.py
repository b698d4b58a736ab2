"""The last stage of both origins: label the image, and put our own files on top.

Done by a Dockerfile of a few lines, so that the engine keeps everything that the image has.
"""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

from checker.base.errors import EnvironmentFault
from checker.engine.connection import Engine, engine_calls
from checker.engine.origins import Addition, BaseImage, OriginFailed, Stock, layer, wheels
from checker.programs import npm

SILENT_FOR = 600
"""Seconds without a word from the engine after which a build counts as stuck. Compiling says nothing."""


def dress(
    engine: Engine,
    image: BaseImage,
    base: str,
    labels: Mapping[str, str],
    say: Callable[[str], None],
    *,
    copies: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Make the image under its tag from `base`, a reference or an ID the engine has.

    copies: path -> an image that the engine has, and a path in it. Without these and without an addition the
    outcome has not one layer more than the base. Raises OriginFailed, EngineFault.
    """
    lines = [f"FROM {base}"]
    context: dict[str, bytes] = {}
    for path, (reference, source) in (copies or {}).items():
        lines.append(f"COPY --from={reference} {source} {path}")
    if image.addition:
        context["added.tar"] = added(image.addition, engine.architecture, say)
        lines += ["ADD added.tar /", *image.addition.changes]
        say(f"{image.name}: putting its Python modules in place.")
    lines += [f'LABEL {name}="{value}"' for name, value in labels.items()]
    context["Dockerfile"] = "\n".join((*lines, "")).encode()
    _build(engine, image.tag, _tar(context))


def _build(engine: Engine, tag: str, context: bytes) -> None:
    import docker
    import docker.errors

    client = docker.APIClient(base_url=engine.docker_host, timeout=SILENT_FOR, version="auto")
    try:
        with engine_calls():
            # Without a network, so that nothing gets in which was not asked for.
            for message in client.build(
                fileobj=io.BytesIO(context),
                custom_context=True,
                tag=tag,
                rm=True,
                forcerm=True,
                decode=True,
                network_mode="none",
            ):
                if message.get("error"):
                    raise OriginFailed(" ".join(str(message["error"]).split())[:200])
    except docker.errors.APIError as error:
        raise OriginFailed(f"the engine refused to build it ({error.explanation})") from error
    finally:
        client.close()


def added(addition: Addition, architecture: str, say: Callable[[str], None]) -> bytes:
    """Return everything that an addition puts into the image, as an uncompressed tar. Raises OriginFailed."""
    packages = wheels.files(addition.lock, architecture, say)
    return layer.plain(
        {
            **(_stock(addition, architecture, say) if isinstance(addition, Stock) else {}),
            **{f"{addition.place}/{path}": data for path, data in packages.items()},
            **{path: source.read_bytes() for path, source in addition.own.items()},
        },
        addition.folders,
    )


def _stock(stock: Stock, architecture: str, say: Callable[[str], None]) -> dict[str, bytes]:
    """Return what a stock has more than other additions: path -> content. Raises OriginFailed."""
    found = {
        f"{folder}/{name}": data
        for folder, locks in stock.shelf.items()
        for lock in locks
        for name, data in wheels.whole(Path(__file__).parent / lock, architecture, say).items()
    }
    for path, archive in stock.archives.items():
        say(f"Fetching {archive.package} with npm.")
        try:
            data = npm.npm_archive(archive.package, archive.integrity, say)
        except EnvironmentFault as fault:
            raise OriginFailed(fault.message.rstrip(".")) from fault
        if not archive.files:
            found[path] = data
            continue
        with tarfile.open(fileobj=io.BytesIO(data)) as packed:
            for name in archive.files:
                member = packed.extractfile(f"package/{name}")
                found[f"{path}/{name}"] = member.read() if member else b""
    return found


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()
