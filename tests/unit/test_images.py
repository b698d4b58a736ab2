"""The table of base images, choosing an origin, and putting packages into a layer."""

import io
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import docker.errors
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker import images
from checker.engine import Engine
from checker.errors import BrokenLab, EnvironmentFault, UsageError
from checker.origins import ORIGIN, RECIPE, BaseImage, File, OriginFailed, Recipe, layer, packages, pull
from checker.origins.recipes import TABLE


class FakeApi:
    """Knows images by tag: their labels."""

    def __init__(self, labels: dict[str, dict[str, str]]) -> None:
        self.labels = labels
        self.calls = 0

    def inspect_image(self, tag: str) -> dict[str, Any]:
        self.calls += 1
        if tag not in self.labels:
            response = type("Response", (), {"status_code": 404, "reason": "not found", "url": ""})()
            raise docker.errors.ImageNotFound("no such image", response=response)
        return {"Config": {"Labels": self.labels[tag]}}


def engine_with(labels: dict[str, dict[str, str]]) -> Engine:
    return Engine("unix:///nowhere", type("Client", (), {"api": FakeApi(labels)})())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[str]:
    """A cache of the test's own, no settings, and a list to collect what is said."""
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("REGISTRY_LAB_IMAGES", raising=False)
    monkeypatch.delenv("REGISTRY_LAB_MIRROR", raising=False)
    return []


class Origin:
    """Gives every image, or fails with a reason."""

    def __init__(self, reason: str = "", *, everywhere: bool = False) -> None:
        self.reason, self.everywhere, self.asked = reason, everywhere, list[str]()

    def __call__(self, engine: Engine, image: BaseImage, say: Any) -> None:
        self.asked.append(image.name)
        if self.reason:
            raise OriginFailed(self.reason, everywhere=self.everywhere)
        engine.client.api.labels[image.tag] = {}


def use(monkeypatch: pytest.MonkeyPatch, pulling: Origin, building: Origin) -> None:
    monkeypatch.setattr(pull, "pull", pulling)
    monkeypatch.setattr(packages, "build", building)


def test_every_image_has_a_name_of_ours_and_a_full_upstream_reference() -> None:
    for name, row in TABLE.items():
        assert row.name == name
        assert row.tag.startswith("registry-lab/")
        assert row.upstream.startswith("docker.io/library/")
        assert row.version
        assert row.recipe.packages


def test_an_unknown_image_is_a_broken_lab() -> None:
    with pytest.raises(BrokenLab, match="no base image named 'nope'") as caught:
        images.tag_of("nope")
    assert "registry" in caught.value.action


def test_what_is_present_costs_one_call_and_no_word(told: list[str]) -> None:
    engine = engine_with({images.tag_of("busybox"): {}})
    images.ensure(engine, ["busybox", "busybox"], told.append)
    assert engine.client.api.calls == 1
    assert told == []


def test_pulling_comes_first(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pulling, building = Origin(), Origin()
    use(monkeypatch, pulling, building)
    images.ensure(engine_with({}), ["registry"], told.append)
    assert (pulling.asked, building.asked) == (["registry"], [])


def test_packages_are_next_and_an_unreachable_hub_is_asked_once(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pulling, building = Origin("dial tcp: no such host", everywhere=True), Origin()
    use(monkeypatch, pulling, building)
    images.ensure(engine_with({}), ["registry", "busybox"], told.append)
    assert (pulling.asked, building.asked) == (["registry"], ["registry", "busybox"])
    assert (
        "registry: not on Docker Hub from here (dial tcp: no such host); building it from Debian packages."
        in told
    )


def test_when_nothing_works_every_reason_is_named(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Origin("no such host"), Origin("apt-get failed"))
    with pytest.raises(EnvironmentFault) as caught:
        images.ensure(engine_with({}), ["cc"], told.append)
    assert "no such host" in caught.value.message
    assert "apt-get failed" in caught.value.message
    assert "REGISTRY_LAB_MIRROR" in caught.value.action


@pytest.mark.parametrize(("choice", "asked"), [("pull", "pull"), ("packages", "packages")])
def test_origins_can_be_restricted(
    choice: str, asked: str, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    origins = {"pull": Origin("no"), "packages": Origin("no")}
    use(monkeypatch, origins["pull"], origins["packages"])
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", choice)
    with pytest.raises(EnvironmentFault):
        images.ensure(engine_with({}), ["cc"], told.append)
    assert {name for name, origin in origins.items() if origin.asked} == {asked}


def test_a_misspelt_origin_is_wrong_usage(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_LAB_IMAGES", "package")
    with pytest.raises(UsageError, match="'package'"):
        images.ensure(engine_with({}), ["cc"], told.append)


def test_an_image_of_an_earlier_recipe_is_made_again(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    building = Origin()
    use(monkeypatch, Origin("no"), building)
    row = TABLE["busybox"]
    images.ensure(engine_with({row.tag: {RECIPE: "earlier"}}), ["busybox"], told.append)
    assert building.asked == ["busybox"]
    current = engine_with({row.tag: {RECIPE: row.recipe.fingerprint, ORIGIN: "Debian x=1"}})
    assert images.origin_of(current, "busybox") == "Debian x=1"


def test_a_cache_that_cannot_be_made_is_named(
    told: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("REGISTRY_LAB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(EnvironmentFault, match="cannot be written"):
        images.ensure(engine_with({}), ["cc"], told.append)


@pytest.mark.parametrize(
    ("mirror", "expected"),
    [
        ("", "docker.io/library/busybox:1.36-musl"),
        ("mirror.example", "mirror.example/library/busybox:1.36-musl"),
        ("https://mirror.example:5000/", "mirror.example:5000/library/busybox:1.36-musl"),
        ("127.0.0.1:5000/hub", "127.0.0.1:5000/hub/library/busybox:1.36-musl"),
    ],
)
def test_a_mirror_takes_the_place_of_docker_hub(
    mirror: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_LAB_MIRROR", mirror)
    assert pull.source(TABLE["busybox"]) == expected


@pytest.mark.parametrize(
    ("debian", "upstream"),
    [
        ("2.8.2+ds1-1", "2.8.2"),
        ("1:1.35.0-4+deb12u1+b1", "1.35.0"),
        ("0.9.27+git20200814.62c30a4a-1", "0.9.27"),
        ("r5", "r5"),
    ],
)
def test_upstream_versions(debian: str, upstream: str) -> None:
    assert packages.upstream_version(debian) == upstream


def package(files: dict[str, str], links: dict[str, str] | None = None) -> io.BytesIO:
    """What `dpkg-deb --fsys-tarfile` prints for a package."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"./{name}")
            info.size, info.mtime, info.uid, info.uname, info.mode = len(text), 12345, 7, "me", 0o4755
            archive.addfile(info, io.BytesIO(text.encode()))
        for name, target in (links or {}).items():
            info = tarfile.TarInfo(f"./{name}")
            info.type, info.linkname = tarfile.SYMTYPE, target
            archive.addfile(info)
    stream.seek(0)
    return stream


def built(recipe: Recipe, *streams: io.BytesIO, architecture: str = "amd64") -> tarfile.TarFile:
    return tarfile.open(fileobj=io.BytesIO(layer.build(recipe, streams, architecture)))


RECIPE_OF_ONE = Recipe(
    packages=("one",),
    files={"usr/bin/cc": File("#!/bin/sh\nexec tcc -L/usr/lib/@MUSL@ -I/usr/lib/@GNU@/tcc", 0o755)},
    folders={"tmp": 0o1777},
)


def test_old_places_end_up_in_usr_and_documentation_stays_out() -> None:
    archive = built(
        RECIPE_OF_ONE,
        package(
            {"bin/busybox": "x", "usr/share/man/man1/x.1": "x", "usr/share/doc/one/copyright": "c"},
            {"lib64/ld.so": "/lib/ld.so"},
        ),
    )
    names = archive.getnames()
    assert "usr/bin/busybox" in names
    assert "usr/share/doc/one/copyright" in names
    assert "usr/share/man/man1/x.1" not in names
    assert archive.getmember("bin").linkname == "usr/bin"
    assert archive.getmember("usr/lib64/ld.so").linkname == "/lib/ld.so"
    assert archive.getmember("tmp").mode == 0o1777
    assert archive.getmember("usr/bin/busybox").mode == 0o4755


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", "x86_64"), ("arm64", "aarch64")])
def test_library_folders_follow_the_machine(architecture: str, machine: str) -> None:
    file = built(RECIPE_OF_ONE, architecture=architecture).extractfile("usr/bin/cc")
    assert file
    assert (
        file.read().decode().endswith(f"-L/usr/lib/{machine}-linux-musl -I/usr/lib/{machine}-linux-gnu/tcc")
    )


def test_the_same_packages_give_the_same_bytes() -> None:
    def streams() -> tuple[io.BytesIO, io.BytesIO]:
        return package({"usr/a": "1", "usr/c": "2"}), package({"usr/b": "3"})

    first = layer.build(RECIPE_OF_ONE, streams(), "amd64")
    assert first == layer.build(RECIPE_OF_ONE, streams(), "amd64")
    assert first == layer.build(RECIPE_OF_ONE, reversed(streams()), "amd64")
    assert {(entry.mtime, entry.uid, entry.uname) for entry in built(RECIPE_OF_ONE, *streams())} == {
        (0, 0, "")
    }


NAMES = st.text(st.sampled_from("ab"), min_size=1, max_size=2)


@given(st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.text("xy"), max_size=6))
def test_every_file_has_its_folders_before_it(files: dict[str, str]) -> None:
    files = {name: text for name, text in files.items() if not any(f.startswith(f"{name}/") for f in files)}
    seen: set[str] = set()
    for entry in built(Recipe(packages=("one",)), package(files)):
        parent = entry.name.rpartition("/")[0]
        assert not parent or parent in seen
        seen.add(entry.name)
    assert files.keys() <= seen


def test_a_recipe_has_a_fingerprint_of_its_own() -> None:
    fingerprints = {row.recipe.fingerprint for row in TABLE.values()}
    assert len(fingerprints) == len(TABLE)
    changed = msgspec.structs.replace(TABLE["cc"].recipe, changes=("USER nobody",))
    assert changed.fingerprint not in fingerprints


def test_the_compiler_links_by_gnu_ld_where_it_came_along(tmp_path: Path) -> None:
    """As on arm64: tcc and ld are stand-ins that write down what they are asked."""
    text = TABLE["cc"].recipe.files["usr/bin/cc"].text.replace("@GNU@", "gnu").replace("@MUSL@", "musl")
    for name, body in {
        "cc": text.removeprefix("#!/bin/sh\n"),
        "tcc": 'printf "[tcc"; printf "|%s" "$@"; echo "]"',
        "gnu-ld.bfd": 'printf "[ld"; printf "|%s" "$@"; echo "]"',
    }.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

    def cc(*words: str) -> list[str]:
        environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
        done = subprocess.run(
            [tmp_path / "cc", *words], env=environment, capture_output=True, text=True, check=True
        )
        return re.sub(r"/[^ |]*/(\d\.o)", r"\1", done.stdout).splitlines()

    headers = "-nostdinc|-isystem|/usr/include/musl|-isystem|/usr/lib/gnu/tcc/include"
    musl = "/usr/lib/musl"
    assert cc("-static", "-o", "app", "-DA=two words", "-I", "inc", "a.c", "-lm", "b.c", "-s") == [
        f"[tcc|-c|-DA=two words|-I|inc|{headers}|-o|1.o|a.c]",
        f"[tcc|-c|-DA=two words|-I|inc|{headers}|-o|2.o|b.c]",
        f"[ld|-static|-o|app|{musl}/crt1.o|{musl}/crti.o|1.o|-lm|2.o|-s|-L{musl}|-lc"
        f"|/usr/lib/gnu/tcc/libtcc1.a|-lc|{musl}/crtn.o]",
    ]
    assert cc("-c", "a.c", "-o", "a.o") == [f"[tcc|-c|a.c|-o|a.o|{headers}]"]
    assert cc("--version") == ["[tcc|-v]"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cc", "gnu-ld.bfd", "tcc"]
