"""Writing a file of the key-value store bbolt, which Trivy keeps its database in.

The format is that of bbolt's own source (go.etcd.io/bbolt, page.go, bucket.go, meta.go): a file of pages, of
which the first two describe it, and buckets that are trees of pages. Written once, from the leaves up, with
nothing free: equal content gives equal bytes.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Tree: TypeAlias = Mapping[str, "Tree | bytes"]
"""A bucket: names of buckets in it and keys, with what they hold."""

PAGE = 4096
HEADER = struct.Struct("<QHHI")
"""Number, flags, count of elements, pages that follow and belong to it."""
BRANCH, LEAF, META, FREE = 0x01, 0x02, 0x04, 0x10
BUCKET = 0x01
"""Flag of a leaf's element that is a bucket."""
META_FIELDS = struct.Struct("<IIIIQQQQQ")
MAGIC, VERSION = 0xED0CDAED, 2

Item = tuple[bytes, bytes, int]
"""Key, value, flags."""


def encode(tree: Tree) -> bytes:
    """Return the whole file."""
    file = _File()
    root = file.root(_items(file, tree))
    return file.finished(root)


class _File:
    def __init__(self) -> None:
        self._pages: list[bytes] = []
        self._next = 3  # two descriptions and the list of free pages come first

    def bucket(self, tree: Tree) -> bytes:
        """Return what stands for a bucket in the one that it is in."""
        items = _items(self, tree)
        nested = any(flags for _, _, flags in items)
        if not nested and _size(items) <= PAGE // 4:
            return struct.pack("<QQ", 0, 0) + _leaf(0, items)
        return struct.pack("<QQ", self.root(items), 0)

    def root(self, items: Sequence[Item]) -> int:
        """Write the elements as a tree of pages; the number of the topmost."""
        level = [(chunk[0][0] if chunk else b"", self._leaf(chunk)) for chunk in _chunks(items)]
        while len(level) > 1:
            branches = [(key, number.to_bytes(8, "little"), 0) for key, number in level]
            level = [(chunk[0][0], self._branch(chunk)) for chunk in _chunks(branches)]
        return level[0][1]

    def _leaf(self, items: Sequence[Item]) -> int:
        return self._put(_leaf(self._next, items))

    def _branch(self, items: Sequence[Item]) -> int:
        elements, data = b"", b""
        for place, (key, number, _) in enumerate(items):
            position = 16 * (len(items) - place) + len(data)
            elements += struct.pack("<II", position, len(key)) + number
            data += key
        return self._put(HEADER.pack(self._next, BRANCH, len(items), 0) + elements + data)

    def _put(self, page: bytes) -> int:
        number, count = self._next, -(-len(page) // PAGE)
        page = page[:12] + struct.pack("<I", count - 1) + page[16:]
        self._pages.append(page.ljust(count * PAGE, b"\0"))
        self._next += count
        return number

    def finished(self, root: int) -> bytes:
        metas = (self._meta(number, root) for number in (0, 1))
        free = HEADER.pack(2, FREE, 0, 0)
        return b"".join(page.ljust(PAGE, b"\0") for page in (*metas, free)) + b"".join(self._pages)

    def _meta(self, number: int, root: int) -> bytes:
        fields = META_FIELDS.pack(MAGIC, VERSION, PAGE, 0, root, 0, 2, self._next, number)
        return HEADER.pack(number, META, 0, 0) + fields + _checksum(fields).to_bytes(8, "little")


def _items(file: _File, tree: Tree) -> list[Item]:
    named = sorted((name.encode(), value) for name, value in tree.items())
    return [
        (key, value, 0) if isinstance(value, bytes) else (key, file.bucket(value), BUCKET)
        for key, value in named
    ]


def _leaf(number: int, items: Sequence[Item]) -> bytes:
    elements, data = b"", b""
    for place, (key, value, flags) in enumerate(items):
        position = 16 * (len(items) - place) + len(data)
        elements += struct.pack("<IIII", flags, position, len(key), len(value))
        data += key + value
    return HEADER.pack(number, LEAF, len(items), 0) + elements + data


def _size(items: Sequence[Item]) -> int:
    return HEADER.size + sum(16 + len(key) + len(value) for key, value, _ in items)


def _chunks(items: Sequence[Item]) -> list[Sequence[Item]]:
    """Runs of elements that fit into a page each; one that is larger than a page has its own."""
    chunks: list[list[Item]] = [[]]
    for item in items:
        if chunks[-1] and _size([*chunks[-1], item]) > PAGE:
            chunks.append([])
        chunks[-1].append(item)
    return list(chunks)


def _checksum(data: bytes) -> int:
    """FNV-1a, 64 bits."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value
