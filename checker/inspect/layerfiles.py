"""What lies in the layers of an image (image-spec, layer.md): files, links, and what hides those of lower layers."""

import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator

import msgspec

from checker.base.errors import ContentFault

MAX_FILE = 16 * 1024 * 1024
MAX_UNPACKED = 4 * 1024 * 1024 * 1024
WHITEOUT = ".wh."


class LayerFile(msgspec.Struct, frozen=True):
    """One entry of one layer.

    `data` is empty for what is no regular file, larger than 16 MiB, or comes after 64 MiB of an image's
    files. link: what a symbolic or hard link names.
    """

    layer: int
    path: str
    size: int
    whiteout: bool
    data: bytes
    link: str = ""


def entries(number: int, data: bytes, room: int) -> Iterator[LayerFile]:
    """Yield the entries of a layer. room: bytes of file content that may be kept in memory."""
    unpacked = 0
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as archive:
            for member in archive:
                unpacked += member.size
                if unpacked > MAX_UNPACKED:
                    raise ContentFault(f"Layer {number + 1} is larger than {MAX_UNPACKED} bytes unpacked.")
                path = member.name.removeprefix("./").strip("/")
                folder, _, name = path.rpartition("/")
                hidden = name.startswith(WHITEOUT)
                shown = "/".join(part for part in (folder, name.removeprefix(WHITEOUT)) if part)
                wanted = member.isreg() and member.size <= min(MAX_FILE, room)
                source = archive.extractfile(member) if wanted else None
                content = source.read() if source else b""
                room -= len(content)
                yield LayerFile(number, shown, member.size, hidden, content, member.linkname)
    except (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise ContentFault(f"Layer {number + 1} is no readable tar archive ({error}).") from error
