"""The table of base images, choosing an origin, and putting packages into a layer."""

import io
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import docker.errors
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from checker.base.errors import BrokenLab, EnvironmentFault, UsageError
from checker.engine import images
from checker.engine.connection import Engine
from checker.engine.origins import (
    ORIGIN,
    RECIPE,
    Addition,
    BaseImage,
    File,
    OriginFailed,
    Recipe,
    finish_image,
    layer,
    packages,
    pull,
    wheels,
)
from checker.engine.origins.recipes import TABLE


class FakeApi:
    """Knows images by tag: their labels."""

    def __init__(self, labels: dict[str, dict[str, str]]) -> None:
        self.labels = labels
        self.calls = 0
        self.nameless: list[str] = []

    def inspect_image(self, tag: str) -> dict[str, Any]:
        self.calls += 1
        if tag not in self.labels:
            response = type("Response", (), {"status_code": 404, "reason": "not found", "url": ""})()
            raise docker.errors.ImageNotFound("no such image", response=response)
        # What an origin brings has another ID.
        return {"Id": f"{tag} {self.labels[tag]}", "Config": {"Labels": self.labels[tag]}}

    def images(self, filters: dict[str, Any]) -> list[dict[str, str]]:
        return [{"Id": key} for key in self.nameless]

    def remove_image(self, key: str) -> None:
        self.nameless.remove(key)


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


def test_what_an_earlier_recipe_made_is_removed_and_nothing_else(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Origin("no"), Origin())
    tag = TABLE["busybox"].tag
    engine = engine_with({tag: {RECIPE: "earlier"}})
    engine.client.api.nameless = [engine.client.api.inspect_image(tag)["Id"], "somebody else's"]
    images.ensure(engine, ["busybox"], told.append)
    assert engine.client.api.nameless == ["somebody else's"]


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
    assert pull.source(TABLE["busybox"].upstream) == expected


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
    fingerprints = {row.fingerprint for row in TABLE.values()}
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


ADDITION = Addition(place="opt/ours", wheels="services.lock", sources=("__init__.py", "services/**/*.py"))


def with_addition(addition: Addition = ADDITION) -> BaseImage:
    return msgspec.structs.replace(TABLE["busybox"], addition=addition)


def test_what_of_ours_goes_into_an_image_is_python_alone() -> None:
    assert TABLE["services"].addition
    own = TABLE["services"].addition.own
    assert "opt/registry-lab/checker/__init__.py" in own
    assert "opt/registry-lab/checker/services/__main__.py" in own
    assert all(path.endswith(".py") for path in own)
    assert not any(path.startswith("opt/registry-lab/checker/origins") for path in own)


def test_an_image_is_out_of_date_when_its_sources_or_its_lock_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By what the files hold, as two checkouts of one commit have them at other times and places."""
    source, lock = tmp_path / "source.py", tmp_path / "lock"
    source.write_text("one = 1\n")
    lock.write_text("one==1\n")
    monkeypatch.setattr(Addition, "own", property(lambda _: {"opt/ours/source.py": source}))
    monkeypatch.setattr(Addition, "lock", property(lambda _: lock))
    row = with_addition()
    monkeypatch.setitem(TABLE, "busybox", row)
    current = engine_with({row.tag: {RECIPE: row.fingerprint, ORIGIN: "x"}})
    assert images.origin_of(current, "busybox") == "x"
    for file in (source, lock):
        before = file.read_text()
        file.write_text(f"{before}# changed\n")
        assert images.origin_of(current, "busybox") is None
        file.write_text(before)
        assert images.origin_of(current, "busybox") == "x"


def test_an_image_without_a_fingerprint_is_not_one_that_has_our_part(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tag = TABLE["busybox"].tag
    by_hand = engine_with({tag: {}})
    assert images.origin_of(by_hand, "busybox") == "brought by hand"
    monkeypatch.setitem(TABLE, "busybox", with_addition())
    assert images.origin_of(by_hand, "busybox") is None


def test_nobody_is_told_to_bring_an_image_by_hand_that_has_a_part_of_ours(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Origin("no such host"), Origin("apt-get failed"))
    with pytest.raises(EnvironmentFault) as caught:
        images.ensure(engine_with({}), ["services"], told.append)
    assert caught.value.action == "Get online, or name a mirror of Docker Hub in REGISTRY_LAB_MIRROR."


def wheel(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_a_wheel_gives_its_packages_and_neither_scripts_nor_what_leads_out(tmp_path: Path) -> None:
    one = wheel(
        tmp_path / "one-1-py3-none-any.whl",
        {
            "one/__init__.py": "1",
            "one-1.dist-info/METADATA": "m",
            "one-1.data/purelib/two.py": "2",
            "one-1.data/scripts/one": "s",
            "one-1.data/data/etc/one": "d",
            "../outside.py": "o",
            "one/../../outside.py": "o",
            "/absolute.py": "a",
        },
    )
    assert dict(wheels.unpacked(one)) == {
        "one/__init__.py": b"1",
        "one-1.dist-info/METADATA": b"m",
        "two.py": b"2",
    }


def fake_pip(monkeypatch: pytest.MonkeyPatch, delivered: dict[str, str], error: str = "") -> list[list[str]]:
    """Let pip deliver one wheel, made of these files, or fail; records what it was asked."""
    asked: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> "subprocess.CompletedProcess[str]":
        asked.append(command)
        folder = Path(command[command.index("--dest") + 1])
        if delivered:
            wheel(folder / "one-1-py3-none-any.whl", delivered)
        return subprocess.CompletedProcess(command, int(bool(error)), "", error)

    monkeypatch.setattr(wheels.subprocess, "run", run)
    return asked


@pytest.mark.parametrize(("architecture", "machine"), [("amd64", "x86_64"), ("arm64", "aarch64")])
def test_pip_fetches_locked_wheels_for_the_engines_machine_from_the_index_of_this_one(
    architecture: str, machine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    lock.write_text("# a comment\none==1 \\\n    --hash=sha256:00\n")
    asked = fake_pip(monkeypatch, {"one.py": "1"})
    assert wheels.files(lock, architecture, lambda _: None) == {"one.py": b"1"}
    (command,) = asked
    assert command[:3] == [sys.executable, "-m", "pip"]
    assert {"--require-hashes", "--no-deps", f"manylinux_2_28_{machine}"} <= set(command)
    assert not any("index" in word or "://" in word for word in command)


def test_too_few_wheels_and_a_failed_pip_are_told_as_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lock = tmp_path / "lock"
    lock.write_text("one==1 --hash=sha256:00\ntwo==2 --hash=sha256:00\n")
    fake_pip(monkeypatch, {"one.py": "1"})
    with pytest.raises(OriginFailed, match="1 of 2"):
        wheels.files(lock, "amd64", lambda _: None)
    fake_pip(monkeypatch, {}, "WARNING: slow\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\nmore\n")
    with pytest.raises(OriginFailed, match=r"packages: THESE PACKAGES DO NOT MATCH THE HASHES$"):
        wheels.files(lock, "amd64", lambda _: None)


def test_the_lock_has_what_the_services_ask_for_with_hashes() -> None:
    """pyproject.toml says what they need; `make lock` writes the lock from it."""
    root = Path(__file__).parents[3]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert TABLE["services"].addition
    text = TABLE["services"].addition.lock.read_text()
    names = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    asked = {re.split(r"[\[><=]", line)[0] for line in project["optional-dependencies"]["services"]}
    assert asked <= names
    assert wheels.locked(TABLE["services"].addition.lock) == len(names)
    for entry in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in entry
    assert not re.search(r"index-url|find-links|://", text)


def test_what_of_ours_goes_on_top_is_one_layer_with_its_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "files", lambda *_: {"one/__init__.py": b"1"})
    addition = msgspec.structs.replace(
        ADDITION, sources=("__init__.py",), folders={"var/lib/registry-lab": 0o700}
    )
    stream = io.BytesIO(finish_image.added(addition, "amd64", print))
    with tarfile.open(fileobj=stream) as archive:
        names = archive.getnames()
        assert {"opt/ours/one/__init__.py", "opt/ours/checker/__init__.py"} <= set(names)
        assert archive.getmember("var/lib/registry-lab").mode == 0o700
        assert names.index("opt/ours") < names.index("opt/ours/one/__init__.py")
        assert archive.getmember("opt/ours/one/__init__.py").mode == 0o644
