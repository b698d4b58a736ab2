"""Archives of images: every name that loading one gives away is known before it is loaded."""

import io
import json
import tarfile

import pytest

from checker.pipelines.engine import imagearchive
from checker.pipelines.engine.containerrules import RequestRefused


def archive(*files: tuple[str, object], links: dict[str, str] | None = None, mode: str = "w") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as made:  # type: ignore[call-overload]
        for name, target in (links or {}).items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            made.addfile(link)
        for name, content in files:
            data = json.dumps(content).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return stream.getvalue()


SAVED = ("manifest.json", [{"RepoTags": ["shop:1", "hub.example/ada/shop:2"]}, {"RepoTags": None}])


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_names_are_those_of_the_manifest_however_it_is_compressed(mode: str) -> None:
    found = imagearchive.names(archive(SAVED, ("0a1b/layer.tar", "x"), mode=mode))

    assert found == ["hub.example/ada/shop:2", "shop:1"]


def test_names_of_older_and_newer_forms_count_as_well() -> None:
    older = ("repositories", {"shop": {"3": "0a1b"}})
    annotated = {
        "io.containerd.image.name": "docker.io/library/shop:4",
        "org.opencontainers.image.ref.name": "4",
    }
    newer = ("index.json", {"manifests": [{"annotations": annotated}, {}]})

    found = imagearchive.names(archive(SAVED, older, newer))

    assert set(found) == {"shop:1", "hub.example/ada/shop:2", "shop:3", "docker.io/library/shop:4"}


def test_layers_may_be_links_as_the_engine_makes_them() -> None:
    assert imagearchive.names(archive(SAVED, links={"0a1b/layer.tar": "../2c3d/layer.tar"}))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(archive(SAVED, SAVED), id="twice"),
        pytest.param(archive(SAVED, ("x/manifest.json", []), links={"x": "."}), id="below-a-link"),
        pytest.param(archive(SAVED, ("x/../manifest.json", [])), id="by-a-detour"),
        pytest.param(
            archive(("0a1b/layer.tar", "x"), links={"manifest.json": "0a1b/layer.tar"}), id="as-a-link"
        ),
        pytest.param(archive(("layer.tar", "x")), id="without-any"),
        pytest.param(archive(("manifest.json", {"RepoTags": ["shop:1"]})), id="of-another-form"),
        pytest.param(archive(("manifest.json", [{"RepoTags": [1]}])), id="of-numbers"),
        pytest.param(archive(("manifest.json", "x" * (imagearchive.INDEX_LIMIT + 1))), id="without-end"),
        pytest.param(archive(SAVED)[:700], id="cut-off"),
        pytest.param(b"no archive", id="of-something-else"),
        pytest.param(b"", id="empty"),
    ],
)
def test_an_archive_whose_names_cannot_be_told_for_sure_is_refused(data: bytes) -> None:
    with pytest.raises(RequestRefused):
        imagearchive.names(data)
