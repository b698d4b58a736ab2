"""Files that are written whole or not at all."""

import os
from pathlib import Path


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file all at once or not at all: a full disk never leaves half of it. Raises OSError.

    durable: wait until the disk has it, so that a machine that goes down does not lose it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
