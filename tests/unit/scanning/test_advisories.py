"""The lab's advisories, and the database that Trivy gets of them."""

import gzip
import io
import json
import re
import struct
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cvss import CVSS3
from hypothesis import given, settings
from hypothesis import strategies as st

from checker.base.errors import BrokenLab
from checker.scanning import advisories, bolt, database

Tree = dict[str, Any]


class Bolt:
    """A small reader of bbolt files, which holds against the format whatever it comes by."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = 4096
        assert len(data) % self.size == 0
        metas = [self.meta(number) for number in (0, 1)]
        self.pages = metas[0][1]
        assert self.pages * self.size == len(data)
        self.seen: set[int] = {0, 1, 2}
        assert struct.unpack_from("<QHHI", data, 2 * self.size) == (2, 0x10, 0, 0)
        self.tree = self.page(max(metas, key=lambda meta: meta[2])[0])
        assert self.seen == set(range(self.pages)), "there are pages that nothing leads to"

    def meta(self, number: int) -> tuple[int, int, int]:
        at = number * self.size
        assert struct.unpack_from("<QHHI", self.data, at)[:2] == (number, 0x04)
        magic, version, size, _, root, _, free, pages, txid, checksum = struct.unpack_from(
            "<IIIIQQQQQQ", self.data, at + 16
        )
        assert (magic, version, size, free) == (0xED0CDAED, 2, self.size, 2)
        value = 0xCBF29CE484222325
        for byte in self.data[at + 16 : at + 16 + 56]:
            value = ((value ^ byte) * 0x100000001B3) % (1 << 64)
        assert checksum == value
        return root, pages, txid

    def page(self, number: int) -> Tree:
        at = number * self.size
        ident, flags, count, more = struct.unpack_from("<QHHI", self.data, at)
        assert ident == number
        assert not self.seen & set(range(number, number + more + 1))
        self.seen |= set(range(number, number + more + 1))
        end = at + (more + 1) * self.size
        if flags == 0x02:
            return self.leaf(self.data, at, count, end)
        assert (flags, count > 0) == (0x01, True)
        found: Tree = {}
        for place in range(count):
            here = at + 16 + 16 * place
            position, length, child = struct.unpack_from("<IIQ", self.data, here)
            assert here + position + length <= end
            first = self.data[here + position : here + position + length].decode()
            below = self.page(child)
            assert next(iter(below)) == first
            assert not found or list(found)[-1].encode() < first.encode()
            found |= below
        return found

    def leaf(self, data: bytes, at: int, count: int, end: int) -> Tree:
        found: Tree = {}
        for place in range(count):
            here = at + 16 + 16 * place
            flags, position, length, size = struct.unpack_from("<IIII", data, here)
            begin = here + position
            assert begin + length + size <= end
            key, value = data[begin : begin + length], data[begin + length : begin + length + size]
            assert not found or list(found)[-1].encode() < key
            found[key.decode()] = self.bucket(value) if flags == 1 else value
        return found

    def bucket(self, value: bytes) -> Tree:
        (root,) = struct.unpack_from("<Q", value)
        if root:
            assert len(value) == 16
            return self.page(root)
        _, flags, count, _ = struct.unpack_from("<QHHI", value, 16)
        assert flags == 0x02
        return self.leaf(value, 16, count, len(value))


SMALL: Tree = {
    "b": {"x": b"1", "": b"no name"},
    "a": {"deep": {"deeper": {"y": b"2"}}},
    "ä": {},
    "empty": {"z": b""},
}


@pytest.mark.parametrize(
    "tree",
    [
        {},
        SMALL,
        {"large": {"value": b"x" * 20_000, "after": b"y"}},
        {"many": {f"key-{n:05}": b"v" * 40 for n in range(5000)}},
        {f"bucket-{n}": {"k": b"v" * 900, "l": b"w" * 200} for n in range(200)},
    ],
    ids=["empty", "small", "large value", "several levels", "many buckets"],
)
def test_a_file_of_the_store_can_be_read_back_page_by_page(tree: Tree) -> None:
    assert Bolt(bolt.encode(tree)).tree == tree


names = st.text(max_size=20)
trees = st.recursive(
    st.dictionaries(names, st.binary(max_size=1500), max_size=12),
    lambda below: st.dictionaries(names, below, max_size=5),
    max_leaves=10,
)


@given(st.dictionaries(names, trees, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_tree_can_be_read_back(tree: Tree) -> None:
    assert Bolt(bolt.encode(tree)).tree == tree


def test_equal_trees_are_equal_bytes_in_whatever_order_they_were_made() -> None:
    turned = {name: dict(reversed(below.items())) for name, below in reversed(SMALL.items())}
    assert list(turned) != list(SMALL)
    assert bolt.encode(turned) == bolt.encode(SMALL)


# ------------------------------------------------------------------------------------- the database
def test_the_database_is_the_same_bytes_in_every_process() -> None:
    script = (
        "import hashlib; from checker.scanning import database; own = database.own();"
        "print(hashlib.sha256(own.data + own.metadata + own.archive).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(found) == 1


def test_every_advisory_is_found_where_trivy_looks_for_it() -> None:
    own = advisories.read()
    tree = Bolt(database.own().data).tree
    assert set(tree["vulnerability"]) == {row.id for row in own.advisory}
    places = {"PyPI": "pip::registry-lab's subset", "npm": "npm::registry-lab's subset"}
    for row in own.advisory:
        detail = json.loads(tree["vulnerability"][row.id])
        assert (detail["Severity"], detail["CVSS"][row.rated_by]["V3Score"]) == (row.severity, row.score)
        for place in row.affects:
            source = places.get(place.ecosystem, place.ecosystem.lower())
            about = json.loads(tree[source][place.package.lower()][row.id])
            assert source in tree["data-source"]
            if place.ranges:
                assert about == {
                    "PatchedVersions": list(place.fixed),
                    "VulnerableVersions": list(place.ranges),
                }
            else:
                assert about.get("FixedVersion", "") == "".join(place.fixed)
                assert (about["Status"] == 3) is bool(place.fixed)


def test_the_archive_holds_both_files_and_nothing_of_this_machine() -> None:
    own = database.own()
    with tarfile.open(fileobj=io.BytesIO(own.archive), mode="r:gz") as archive:
        members = archive.getmembers()
        held = {member.name: archive.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    assert held == {"trivy.db": own.data, "metadata.json": own.metadata}
    assert {(member.mtime, member.uid, member.uname) for member in members} == {(0, 0, "")}
    assert json.loads(own.metadata)["Version"] == 2


@pytest.mark.parametrize("size", [0, 1, 0xFFFE, 0xFFFF, 0x10000, 0x1FFFE, 200_001])
def test_what_is_stored_without_compression_is_gzip_all_the_same(size: int) -> None:
    data = bytes(size)
    assert gzip.decompress(database.stored(data)) == data


def test_the_files_are_put_where_trivy_keeps_them_over_what_was_there(tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "db"
    database.own().write(folder)
    (folder / "trivy.db").write_bytes(b"old")
    database.own().write(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["metadata.json", "trivy.db"]
    assert (folder / "trivy.db").read_bytes() == database.own().data


# ------------------------------------------------------------------------------------- the advisories
def test_there_are_between_20_and_40_advisories_of_every_kind() -> None:
    own = advisories.read()
    assert 20 <= len(own.advisory) <= 40
    assert {row.severity for row in own.advisory} >= {"MEDIUM", "HIGH", "CRITICAL"}
    kinds = {place.ecosystem.split()[0] for row in own.advisory for place in row.affects}
    assert {"PyPI", "npm", "Debian"} <= kinds
    assert any(place.state for row in own.advisory for place in row.affects)
    found = own.of(own.advisory[0].id)
    assert found == own.advisory[0]
    assert own.of("CVE-1999-0001") is None


@pytest.mark.parametrize("row", advisories.read().advisory, ids=lambda row: row.id)
def test_the_fixed_version_of_a_package_is_one_that_its_range_leaves_out(row: advisories.Advisory) -> None:
    for place in row.affects:
        for text in place.ranges:
            uppers = re.findall(r"(?:^|, )<([^=\s,]+)", text)
            assert not uppers or set(uppers) & set(place.fixed), (place.package, text, place.fixed)


GOOD = """\
name = "mine"
as_of = 2026-01-01
notice = "A subset."

[[advisory]]
id = "CVE-2019-16785"
title = "waitress: bare line feeds"
text = "One message is read as two."
weakness = ["CWE-444"]
cvss = "CVSS:3.1/AV:N/AC:H/PR:L/UI:N/S:C/C:H/I:L/A:N"
score = 7.1
rated_by = "ghsa"
published = 2019-12-20
link = "https://nvd.nist.gov/vuln/detail/CVE-2019-16785"
affects = [{ in = "PyPI", package = "waitress", ranges = ["<1.4.0"], fixed = ["1.4.0"] }]
"""


@pytest.mark.parametrize(
    ("right", "wrong", "says"),
    [
        ('title = "waitress', 'title = waitress', "(at line 7, column 9)"),
        ("as_of = 2026-01-01", "as_of = 2026-13-01", "line 2, column"),
        ("[[advisory]]", "[[advisory]", "(at line 5, column 11)"),
        ("rated_by", "rated_bye", "$.advisory[0]"),
        ('name = "mine"', "name = 3", "$.name"),
        ("published = 2019-12-20", 'published = "soon"', "$.advisory[0].published"),
        ('"CVE-2019-16785"\n', '"GHSA-2019"\n', "GHSA-2019: the id is no CVE's."),
        ("One message is read as two.", " ", "needs a title and a text"),
        ('["CWE-444"]', "[]", "weaknesses"),
        ("CWE-444", "444", "weaknesses"),
        ("AC:H/PR:L", "AC:X/PR:L", "no CVSS 3 vector"),
        ("score = 7.1", "score = 0.0", "above 0"),
        ("score = 7.1", "score = 10.1", "no more than 10"),
        ('"ghsa"', '"me"', "rated_by"),
        ("https://nvd", "http://nvd", "link"),
        ("detail/CVE-2019-16785", "detail/CVE-2019-16786", "link"),
        ("published = 2019", "published = 2018", "before its number"),
        ('ranges = ["<1.4.0"], ', "", "ranges and fixed"),
        ('"<1.4.0"', '"below 1.4.0"', "ranges and fixed"),
        ('fixed = ["1.4.0"]', 'state = "affected"', "ranges and fixed"),
        ('in = "PyPI"', 'in = "Debian 12"', "one fixed version"),
        ('in = "PyPI"', 'in = "Windows"', "`affects`"),
    ],
)  # fmt: skip
def test_a_row_that_is_wrong_is_refused_with_its_place(
    tmp_path: Path, right: str, wrong: str, says: str
) -> None:
    assert right in GOOD
    file = tmp_path / "advisories.toml"
    file.write_text(GOOD.replace(right, wrong, 1))
    with pytest.raises(BrokenLab) as caught:
        advisories.read(file)
    assert says in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_row_that_is_right_is_read_and_may_not_be_there_twice(tmp_path: Path) -> None:
    file = tmp_path / "advisories.toml"
    file.write_text(GOOD)
    (row,) = advisories.read(file).advisory
    assert (row.score, row.severity) == (7.1, "HIGH")
    file.write_text(GOOD + GOOD[GOOD.index("[[advisory]]") :])
    with pytest.raises(BrokenLab, match="there twice"):
        advisories.read(file)
    with pytest.raises(BrokenLab):
        advisories.read(tmp_path / "nowhere.toml")


# --------------------------------------------------------------------------------------------- CVSS
@pytest.mark.parametrize("row", advisories.read().advisory, ids=lambda row: row.id)
def test_score_and_severity_follow_from_the_vector(row: advisories.Advisory) -> None:
    worked_out = CVSS3(row.cvss)

    assert row.score == float(worked_out.base_score)
    assert row.severity == worked_out.severities()[0].upper()
