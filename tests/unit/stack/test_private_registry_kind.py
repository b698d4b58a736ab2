"""What of a workspace's folder gets into a registry on trial, and what does not."""

import os
from pathlib import Path

import pytest

from checker.base.errors import BrokenLab
from checker.base.model import Lab, Service
from checker.stack.kind import Plan, Run, plan
from checker.stack.kinds.private_registry import FILE_LIMIT, FILES, OWN


def planned(place: Path | None, **options: object) -> Plan:
    service = Service(name="trial", kind="private-registry", options=options)
    nowhere = Path("nowhere")
    lab = Lab(
        name="91-trial",
        folder=nowhere,
        notebook=nowhere,
        title="",
        version="1",
        summary="",
        minutes=1,
        services=(service,),
        values={},
        steps=(),
    )
    return plan(lab, service, Run(values={}, addresses={"trial": {"": "127.0.0.1:1"}}, place=place))


def test_plain_files_of_the_folder_are_copied_in(tmp_path: Path) -> None:
    (tmp_path / "registry/tls").mkdir(parents=True)
    (tmp_path / "registry/config.yml").write_text("version: 0.1\n")
    (tmp_path / "registry/tls/server.crt").write_text("x")
    (tmp_path / "registry/link").symlink_to("config.yml")

    made = planned(tmp_path, folder="registry")

    assert made.command == ("serve", "/etc/docker/registry/config.yml")
    assert made.files == {
        "/etc/docker/registry/config.yml": b"version: 0.1\n",
        "/etc/docker/registry/link": b"version: 0.1\n",
        "/etc/docker/registry/tls/server.crt": b"x",
    }
    assert made.environment["REGISTRY_HTTP_ADDR"] == "0.0.0.0:5000"


def test_what_is_no_plain_file_of_the_workspace_stays_out(tmp_path: Path) -> None:
    folder = tmp_path / "workspace/registry"
    folder.mkdir(parents=True)
    (tmp_path / "secret").write_text("of somebody else")
    (folder / "out").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to("loop")
    (folder / "gone").symlink_to("nothing")
    (folder / "name with blanks").write_text("x")
    (folder / "huge").write_bytes(bytes(FILE_LIMIT + 1))
    os.mkfifo(folder / "pipe")

    assert planned(tmp_path / "workspace", folder="registry").files == {}


def test_only_so_many_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "registry").mkdir()
    for number in range(FILES + 5):
        (tmp_path / f"registry/{number}").write_text("x")

    assert len(planned(tmp_path, folder="registry").files) == FILES


def test_a_folder_that_is_a_link_out_gives_nothing(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/config.yml").write_text("x")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace/registry").symlink_to(tmp_path / "elsewhere")

    assert planned(tmp_path / "workspace", folder="registry").files == {}


def test_a_configuration_of_the_checks_own_goes_before_the_folders(tmp_path: Path) -> None:
    made = planned(tmp_path, folder="registry", own="version: 0.1\n", environment={"REGISTRY_AUTH": "silly"})

    assert made.command == ("serve", OWN)
    assert made.files == {OWN: b"version: 0.1\n"}
    assert made.environment["REGISTRY_AUTH"] == "silly"


def test_a_volume_is_seen_at_its_path_under_its_name() -> None:
    made = planned(None, own="x", volumes={"/var/lib/registry": "amber-data"})

    assert {path: str(source) for path, source in made.folders.items()} == {"/var/lib/registry": "amber-data"}


def test_a_folder_needs_a_workspace() -> None:
    with pytest.raises(BrokenLab, match="needs a workspace"):
        planned(None, folder="registry")
