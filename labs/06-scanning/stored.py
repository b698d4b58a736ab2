"""A registry on trial with images that nobody could know of, to see whether a script finds them by itself."""

import json
import secrets
from collections.abc import Mapping

import msgspec

from checker.inspect.asking import AskedServer, Reply, digest, target
from checker.scanning import trialimages
from checker.scanning.trialimages import OS_RELEASE, Package
from reading import Found

OCI = "application/vnd.oci.image"


class Stored(msgspec.Struct, frozen=True):
    """An image that was pushed. found: what a scan of it has to find at least."""

    repository: str
    tag: str
    image_id: str
    found: frozenset[Found]

    @property
    def name(self) -> str:
        return f"{self.repository}:{self.tag}"

    @property
    def report(self) -> str:
        return f"reports/stored/{self.repository}/{self.tag}.json"


def fill(port: int, known: Mapping[tuple[str, str], frozenset[Found]]) -> list[Stored]:
    """Push a few images into the empty registry at a port, and something that is no image.

    known: name and version of Python packages -> what is known about them. Each image has one of these.
    """
    server = AskedServer(port)
    word = secrets.token_hex(3)
    # The one that is no image stands between the others in the catalogue.
    places = ((f"app-{word}", "1.0"), (f"app-{word}", "latest"), (f"team-{word}/tools/menu", "3"))
    packages = sorted(known, key=lambda name: (-len(known[name]), name))
    assert packages, "the database knows no Python package of the vulnerable base image"
    _put(server, f"notes-{word}", "1", b"{}", b"no layer of anything", "application/vnd.example.note")
    stored = []
    for number, (repository, tag) in enumerate(places):
        name, version = packages[number % len(packages)]
        layer = _layer(name, version, f"{word} {number}")
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
            "history": [{"created": "2026-01-01T00:00:00Z", "created_by": "COPY"}],
        }
        settings = json.dumps(config).encode()
        _put(server, repository, tag, settings, layer, f"{OCI}.config.v1+json")
        stored.append(Stored(repository, tag, digest(settings), known[name, version]))
    return stored


def _layer(name: str, version: str, note: str) -> bytes:
    package = trialimages.files(Package(name, version))
    return trialimages.archive({"etc/os-release": OS_RELEASE, **package, "note": note.encode()})


def _put(server: AskedServer, repository: str, tag: str, config: bytes, layer: bytes, kind: str) -> None:
    for blob in (config, layer):
        opened = server.reserve(repository)
        _expect(opened, 202)
        place = target(opened.headers.get("location", ""))
        joint = "&" if "?" in place else "?"
        _expect(server.ask("PUT", f"{place}{joint}digest={digest(blob)}", body=blob), 201)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": f"{OCI}.manifest.v1+json",
            "config": {"mediaType": kind, "size": len(config), "digest": digest(config)},
            "layers": [
                {"mediaType": f"{OCI}.layer.v1.tar", "size": len(layer), "digest": digest(layer)},
            ],
        }
    ).encode()
    put = server.ask(
        "PUT",
        f"/v2/{repository}/manifests/{tag}",
        body=manifest,
        headers={"Content-Type": f"{OCI}.manifest.v1+json"},
    )
    _expect(put, 201)


def _expect(reply: Reply, status: int) -> None:
    assert reply.status == status, f"the registry on trial gave {reply.said}"
