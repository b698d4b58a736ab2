"""The client that checks use: what a registry says is verified, and a bad one is nobody's failure."""

import gzip
import hashlib
import io
import json
import lzma
import random
import tarfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from checker.base.errors import ContentFault, ServiceFault
from checker.base.ports import free_port
from checker.inspect import layerfiles, registryimage
from checker.inspect.registry import RegistryClient

DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Fake:
    """A registry of exactly what a test puts into it."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.asked.append(self.path)
                code, body, headers = fake.pages.get(self.path, (404, b"{}", {}))
                self.send_response(code)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.client = RegistryClient(f"127.0.0.1:{self.server.server_port}")

    def answer(self, path: str, body: bytes | object, code: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.pages[path] = (code, data, {name.replace("_", "-"): value for name, value in headers.items()})

    def blob(self, data: bytes) -> dict[str, Any]:
        self.answer(f"/v2/app/blobs/{digest(data)}", data)
        return {"mediaType": "x", "digest": digest(data), "size": len(data)}

    def manifest(self, body: dict[str, Any], *tags: str) -> str:
        data = json.dumps(body).encode()
        for name in (digest(data), *tags):
            self.answer(f"/v2/app/manifests/{name}", data, Docker_Content_Digest=digest(data))
        return digest(data)

    def image(self, *layers: bytes, config: dict[str, Any] | None = None, tags: tuple[str, ...] = ()) -> str:
        described = self.blob(json.dumps(config or {"config": {}}).encode())
        entries = [self.blob(layer) for layer in layers]
        return self.manifest({"mediaType": DOCKER, "config": described, "layers": entries}, *tags)


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.server.shutdown()
    made.server.server_close()


def layer(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/"))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def test_registry_that_sends_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            with suppress(OSError):
                while not ended.wait(0.02):
                    self.wfile.write(b" ")

        def log_message(self, *_: object) -> None:
            return

    monkeypatch.setattr("checker.inspect.registry.ANSWER_WITHIN", 0.2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        client = RegistryClient(f"127.0.0.1:{server.server_port}")
        with pytest.raises(ServiceFault, match="took longer than"):
            client.tags("app")
        ended.set()
        server.shutdown()


def test_what_is_not_there_is_nothing(fake: Fake) -> None:
    assert fake.client.tags("app") == []
    assert fake.client.digest("app", "1") is None
    assert fake.client.image("app", "1") is None


def test_a_tag_no_registry_could_have_is_nothing(fake: Fake) -> None:
    fake.answer("/v2/app/manifests/-x", {}, code=400)

    assert fake.client.digest("app", "-x") is None


def test_lists_are_sorted_and_read_to_their_last_page(fake: Fake) -> None:
    following = "/v2/app/tags/list?n=1000&last=b"
    fake.answer("/v2/app/tags/list?n=1000", {"tags": ["b", "a"]}, Link=f'<{following}>; rel="next"')
    fake.answer(following, {"tags": ["c"]})
    fake.answer("/v2/_catalog?n=1000", {"repositories": ["x", "app"]})

    assert fake.client.tags("app") == ["a", "b", "c"]
    assert fake.client.repositories() == ["app", "x"]


def test_a_repository_whose_tags_are_all_gone_has_none(fake: Fake) -> None:
    fake.answer("/v2/app/tags/list?n=1000", {"name": "app", "tags": None})

    assert fake.client.tags("app") == []


def test_an_image_says_what_its_config_says(fake: Fake) -> None:
    config = {
        "created": "2026-01-31T09:30:00Z",
        "config": {"Labels": {"a": "b"}, "ExposedPorts": {"8080/tcp": {}}},
        "history": [{"created_by": "COPY x"}],
        "rootfs": {"diff_ids": ["sha256:1"]},
    }
    named = fake.image(layer(x=b"x"), config=config, tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    assert (image.digest, image.media_type) == (named, DOCKER)
    assert image.config_digest == digest(json.dumps(config).encode())
    assert (image.labels, image.created) == ({"a": "b"}, "2026-01-31T09:30:00Z")
    assert (image.history, image.diff_ids) == ([{"created_by": "COPY x"}], ("sha256:1",))
    assert image.size == sum(entry.size for entry in image.layers)


@pytest.mark.parametrize("config", [{}, {"config": None}, {"config": {"Labels": None}, "history": None}])
def test_an_image_that_says_little_has_empty_labels(fake: Fake, config: dict[str, Any]) -> None:
    fake.image(config=config or {"os": "linux"}, tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    assert (image.labels, image.history, image.size) == ({}, [], 0)


def test_of_an_index_the_engines_own_architecture_counts(fake: Fake) -> None:
    other, mine = fake.image(layer(x=b"arm")), fake.image(layer(x=b"amd"))
    entries = [
        {"digest": other, "platform": {"architecture": "arm64"}},
        {"digest": mine, "platform": {"architecture": "amd64"}},
    ]
    index = fake.manifest({"mediaType": INDEX, "manifests": entries}, "1")

    image = fake.client.image("app", "1")

    assert image is not None
    assert image.digest == mine
    assert fake.client.digest("app", "1") == index
    assert [each.digest for each in fake.client.images("app", "1")] == [other, mine]
    assert [each.digest for each in fake.client.images("app", mine)] == [mine]
    assert fake.client.images("app", "none") == []


def test_provenance_in_an_index_is_no_image(fake: Fake) -> None:
    mine = fake.image(layer(x=b"x"))
    provenance = {
        "digest": fake.image(),
        "platform": {"architecture": "amd64"},
        "annotations": {"vnd.docker.reference.type": "attestation-manifest"},
    }
    fake.manifest({"mediaType": INDEX, "manifests": [provenance, {"digest": mine}]}, "1")
    fake.manifest({"mediaType": INDEX, "manifests": [provenance]}, "empty")

    image = fake.client.image("app", "1")

    assert image is not None
    assert image.digest == mine
    assert fake.client.image("app", "empty") is None


def test_every_file_of_every_layer_is_seen_also_what_is_deleted_later(fake: Fake) -> None:
    fake.image(layer(app__key=b"secret", bin=b"x"), layer(**{"app__.wh.key": b""}), tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    assert [(file.layer, file.path, file.whiteout, file.data) for file in image.files()] == [
        (0, "app/key", False, b"secret"),
        (0, "bin", False, b"x"),
        (1, "app/key", True, b""),
    ]


def test_a_large_file_is_named_and_not_read(fake: Fake) -> None:
    fake.image(layer(big=bytes(layerfiles.MAX_FILE + 1)), tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    assert [(file.path, file.size, file.data) for file in image.files()] == [
        ("big", layerfiles.MAX_FILE + 1, b"")
    ]


def test_one_client_asks_once_and_sees_one_state(fake: Fake) -> None:
    fake.image(config={"config": {"Labels": {"a": "b"}}}, tags=("1",))

    labels = [image.labels for _ in range(3) if (image := fake.client.image("app", "1"))]

    assert len(labels) == 3
    assert sum("/blobs/" in path for path in fake.asked) == 1
    assert sum(path.endswith("/manifests/1") for path in fake.asked) == 1


@pytest.mark.parametrize("what", ["manifest", "config", "layer"])
def test_bytes_that_are_not_what_the_digest_says_are_refused(fake: Fake, what: str) -> None:
    content = layer(x=b"x")
    named = fake.image(content, config={"os": "linux"}, tags=("1",))
    forged = {
        "manifest": "/v2/app/manifests/1",
        "config": f"/v2/app/blobs/{digest(json.dumps({'os': 'linux'}).encode())}",
        "layer": f"/v2/app/blobs/{digest(content)}",
    }[what]
    fake.answer(forged, b"{}", Docker_Content_Digest=named)

    def read() -> None:
        image = fake.client.image("app", "1")
        assert image is not None
        assert image.document
        list(image.files())

    with pytest.raises(ServiceFault, match="sent bytes that are not sha256:"):
        read()


def test_a_layer_that_is_no_archive_is_refused(fake: Fake) -> None:
    fake.image(gzip.compress(b"no tar"), tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    with pytest.raises(ContentFault, match="Layer 1 is no readable tar archive"):
        list(image.files())


def test_a_layer_that_breaks_off_inside_is_refused(fake: Fake) -> None:
    whole = lzma.compress(gzip.decompress(layer(x=random.Random(1).randbytes(300_000))))
    fake.image(whole[:100_000] + bytes(100_000), tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    with pytest.raises(ContentFault, match="Layer 1 is no readable tar archive"):
        list(image.files())


def test_no_more_is_kept_of_an_image_than_there_is_room_for(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registryimage, "MAX_KEPT", 5)
    monkeypatch.setattr(layerfiles, "MAX_UNPACKED", 100)
    fake.image(layer(a=b"123"), layer(b=b"456", c=b"78"), tags=("1",))
    fake.image(layer(bomb=bytes(101)), tags=("2",))

    image, bomb = fake.client.image("app", "1"), fake.client.image("app", "2")

    assert image is not None
    assert bomb is not None
    assert [file.data for file in image.files()] == [b"123", b"", b"78"]
    with pytest.raises(ContentFault, match="larger than 100 bytes"):
        list(bomb.files())


@pytest.mark.parametrize(
    "manifest",
    [
        {"config": {"digest": "sha256:x"}, "layers": None},
        {"config": None, "layers": []},
        {"config": {"digest": "sha256:x"}, "layers": [{"size": 1}]},
        {"manifests": {"digest": "sha256:x"}},
        {"manifests": ["sha256:x"]},
    ],
)
def test_a_manifest_of_another_shape_is_its_pushers_fault(fake: Fake, manifest: dict[str, Any]) -> None:
    fake.manifest(manifest, "1")

    with pytest.raises(ContentFault, match="no image's"):
        fake.client.image("app", "1")


def test_an_index_entry_may_have_no_platform(fake: Fake) -> None:
    mine = fake.image(layer(x=b"x"))
    fake.manifest({"mediaType": INDEX, "manifests": [{"digest": mine, "platform": None}]}, "1")

    image = fake.client.image("app", "1")

    assert image is not None
    assert image.digest == mine


@pytest.mark.parametrize(
    "config",
    [
        {"config": "x"},
        {"config": {"Labels": ["x"]}},
        {"history": ["x"]},
        {"rootfs": "x"},
        {"rootfs": {"diff_ids": 1}},
    ],
)
def test_a_configuration_of_another_shape_is_its_pushers_fault(fake: Fake, config: dict[str, Any]) -> None:
    fake.image(config=config, tags=("1",))

    image = fake.client.image("app", "1")

    assert image is not None
    with pytest.raises(ContentFault, match="no image's"):
        assert image.document


def test_json_without_end_is_its_pushers_fault(fake: Fake) -> None:
    fake.answer("/v2/app/manifests/1", b"[" * 100_000)

    with pytest.raises(ContentFault, match="no JSON"):
        fake.client.image("app", "1")


def test_a_blob_there_is_not_and_one_that_is_too_large_are_told(fake: Fake) -> None:
    data = b"x" * 100
    fake.blob(data)

    with pytest.raises(ContentFault, match="has no blob"):
        fake.client.blob("app", digest(b"y"), 10)
    with pytest.raises(ContentFault, match="larger than 99 bytes"):
        fake.client.blob("app", digest(data), 99)


@pytest.mark.parametrize("code", [500, 401, 302])
def test_a_registry_that_refuses_is_no_empty_registry(fake: Fake, code: int) -> None:
    for path in ("manifests/1", "tags/list?n=1000"):
        fake.answer(f"/v2/app/{path}", {}, code=code)

    with pytest.raises(ServiceFault, match=f"answered {code}"):
        fake.client.image("app", "1")
    with pytest.raises(ServiceFault, match=f"answered {code}"):
        fake.client.tags("app")


def test_a_manifest_that_is_no_json_is_its_pushers_fault(fake: Fake) -> None:
    fake.answer("/v2/app/manifests/1", b"<html>")

    with pytest.raises(ContentFault, match="no JSON"):
        fake.client.image("app", "1")


def test_a_blob_asked_for_as_a_manifest_is_nothing(fake: Fake) -> None:
    blob = fake.blob(b"x")["digest"]
    fake.answer(f"/v2/app/manifests/{blob}", {}, code=500)
    fake.answer("/v2/", {})

    assert fake.client.digest("app", blob) is None


def test_a_registry_that_is_gone_says_how_to_bring_it_back() -> None:
    client = RegistryClient(f"127.0.0.1:{free_port()}")

    assert not client.alive()
    with pytest.raises(ServiceFault, match="does not answer") as raised:
        client.tags("app")
    assert "`lab start`" in raised.value.action


def test_a_proxy_of_the_users_is_not_asked(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    fake.answer("/v2/", {})

    assert fake.client.alive()
