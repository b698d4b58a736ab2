"""How large an image is unpacked, read from what `docker save` writes, as either image store of Docker writes it."""

import gzip
import io
import json
import tarfile

import pytest

from checker.inspect.savedimage import unpacked


def archive(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as made:
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        made.addfile(folder)
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_files_of_all_layers_count_however_they_are_packed(pack: type) -> None:
    layers = [archive({"bin/cc": b"x" * 1000, "hello": b"y" * 10}), archive({".wh.hello": b""})]
    names = [f"blobs/sha256/{number}" for number in range(2)]
    manifest = json.dumps([{"Config": "c", "Layers": names}]).encode()
    packed = {name: pack(layer) for name, layer in zip(names, layers, strict=True)}

    assert unpacked(io.BytesIO(archive({"manifest.json": manifest, **packed}))) == 1010
