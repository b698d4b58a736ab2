"""Trivy's database, built from the lab's advisories: the same bytes on every machine.

The schema is version 2 of Trivy's (aquasecurity/trivy-db): buckets by source, package and vulnerability.
"""

import io
import json
import struct
import tarfile
import zlib
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from checker.scanning import bolt
from checker.scanning.advisories import LANGUAGES, Advisories, Advisory, Affected, read

SEVERITIES = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}
STATES = {"affected": 2, "fixed": 3, "will not fix": 5, "end of life": 7}
PREFIXES = {"PyPI": "pip", "npm": "npm"}
SCHEMA = 2
NEVER = "2099-01-01T00:00:00Z"
"""When the next one is due: Trivy looks for a newer one after that."""

URL = "https://nvd.nist.gov"
"""Shown as where the source is; each advisory has its own link."""

DATABASE, METADATA = "trivy.db", "metadata.json"


class Database(msgspec.Struct, frozen=True):
    """The two files of Trivy's database."""

    data: bytes
    metadata: bytes

    @property
    def archive(self) -> bytes:
        """Both files as `db.tar.gz`, the form in which a registry holds it. Equal files give equal bytes."""
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in ((METADATA, self.metadata), (DATABASE, self.data)):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return stored(stream.getvalue())

    def write(self, folder: Path) -> None:
        """Put both files into a folder, as Trivy has them in `db` of its cache. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in ((DATABASE, self.data), (METADATA, self.metadata)):
            made = folder / f".{name}"
            made.write_bytes(data)
            made.replace(folder / name)


@lru_cache(maxsize=1)
def own() -> Database:
    """Return the database of the lab's own advisories. 20 ms the first time. Raises BrokenLab."""
    return build(read())


def build(advisories: Advisories) -> Database:
    """Return the database of these advisories."""
    tree: dict[str, Any] = {"data-source": {}, "vulnerability": {}}
    for row in advisories.advisory:
        tree["vulnerability"][row.id] = _json(_detail(row))
        for place in row.affects:
            source = _source(place)
            package = place.package.lower() if place.ecosystem == "PyPI" else place.package
            tree["data-source"][source] = _json(
                {"ID": _rater(place), "Name": f"{advisories.name} ({place.ecosystem})", "URL": URL}
            )
            tree.setdefault(source, {}).setdefault(package, {})[row.id] = _json(_advisory(place))
    when = f"{advisories.as_of.isoformat()}T00:00:00Z"
    metadata = {"Version": SCHEMA, "NextUpdate": NEVER, "UpdatedAt": when, "DownloadedAt": when}
    return Database(bolt.encode(tree), _json(metadata))


def stored(data: bytes) -> bytes:
    """Gzip without compression (RFC 1952, RFC 1951 section 3.2.4): no zlib has a say in the bytes."""
    blocks = [data[place : place + 0xFFFF] for place in range(0, len(data), 0xFFFF)] or [b""]
    body = b"".join(
        struct.pack("<BHH", block is blocks[-1], len(block), len(block) ^ 0xFFFF) + block for block in blocks
    )
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"
    return head + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _source(place: Affected) -> str:
    if place.ecosystem in LANGUAGES:
        return f"{PREFIXES[place.ecosystem]}::registry-lab's subset"
    return place.ecosystem.lower()


def _rater(place: Affected) -> str:
    """Trivy's name of who rates what is in there: debian, alpine, or ghsa for packages of languages."""
    return "ghsa" if place.ecosystem in LANGUAGES else place.ecosystem.split()[0].lower()


def _advisory(place: Affected) -> dict[str, Any]:
    if place.ecosystem in LANGUAGES:
        return {"PatchedVersions": list(place.fixed), "VulnerableVersions": list(place.ranges)}
    if place.fixed:
        return {"FixedVersion": place.fixed[0], "Status": STATES["fixed"]}
    return {"Status": STATES[place.state]}


def _detail(row: Advisory) -> dict[str, Any]:
    level = SEVERITIES[row.severity]
    return {
        "Title": row.title,
        "Description": row.text,
        "Severity": row.severity,
        "CweIDs": list(row.weakness),
        # Trivy takes the rating of the source that an advisory came from, so each one gets it.
        "VendorSeverity": dict.fromkeys(("alpine", "debian", "ghsa", "nvd"), level),
        "CVSS": {row.rated_by: {"V3Vector": row.cvss, "V3Score": row.score}},
        "References": [row.link],
        "PublishedDate": f"{row.published.isoformat()}T00:00:00Z",
        "LastModifiedDate": f"{row.published.isoformat()}T00:00:00Z",
    }


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()
