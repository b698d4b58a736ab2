"""Which containers a pipeline may have, and that what goes to the engine is what was looked at."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from checker.pipelines.engine.containerrules import RequestRefused, check, spelled


def checked(place: Path, **host: Any) -> dict[str, Any]:
    """The body of a request after it was let through."""
    return let_through(
        place, {"Image": "shop", "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": {}}}
    )


def let_through(place: Path, asked: dict[str, Any]) -> dict[str, Any]:
    async def ours(kind: str, name: str) -> bool:
        return (kind, name) in {("volumes", "data"), ("networks", "mine")}

    asyncio.run(check(asked, place, ours))
    return asked


@pytest.mark.parametrize("mode", ["", "default", "bridge", "none", "nat", None])
def test_an_ordinary_container_gets_no_network_and_is_not_restarted(tmp_path: Path, mode: str | None) -> None:
    asked = checked(
        tmp_path, NetworkMode=mode, RestartPolicy={"Name": "always"}, MaskedPaths=None, Binds=None
    )
    assert asked["HostConfig"]["NetworkMode"] == "none"
    assert asked["HostConfig"]["RestartPolicy"] == {}
    assert "NetworkingConfig" not in asked


def test_a_network_of_the_pipelines_own_is_kept(tmp_path: Path) -> None:
    asked = checked(tmp_path, NetworkMode="mine")
    assert asked["HostConfig"]["NetworkMode"] == "mine"
    assert "NetworkingConfig" in asked


@pytest.mark.parametrize("host", [None, {}])
def test_a_container_without_settings_gets_none_of_the_network(tmp_path: Path, host: Any) -> None:
    assert let_through(tmp_path, {"HostConfig": host})["HostConfig"]["NetworkMode"] == "none"
    assert let_through(tmp_path, {})["HostConfig"]["NetworkMode"] == "none"


@pytest.mark.parametrize(
    ("host", "named"),
    [
        ({"Privileged": True}, "Privileged"),
        ({"CapAdd": ["SYS_ADMIN"]}, "CapAdd"),
        ({"Devices": [{"PathOnHost": "/dev/sda"}]}, "Devices"),
        ({"SecurityOpt": ["seccomp=unconfined"]}, "SecurityOpt"),
        ({"MaskedPaths": []}, "MaskedPaths"),
        ({"ReadonlyPaths": []}, "ReadonlyPaths"),
        ({"VolumesFrom": ["other"]}, "VolumesFrom"),
        ({"PidMode": "host"}, "PidMode"),
        ({"IpcMode": "container:x"}, "IpcMode"),
        ({"UsernsMode": "host"}, "UsernsMode"),
        ({"CgroupnsMode": "host"}, "CgroupnsMode"),
        ({"NetworkMode": "host"}, "host"),
        ({"NetworkMode": "container:x"}, "container:x"),
        ({"NetworkMode": "theirs"}, "theirs"),
        ({"PortBindings": {"80/tcp": [{"HostPort": "80"}]}}, "no network"),
        ({"PublishAllPorts": True}, "no network"),
        ({"Binds": ["/:/host"]}, "/"),
        ({"Binds": ["/var/run/docker.sock:/s"]}, "/var/run/docker.sock"),
        ({"Binds": ["theirs:/data"]}, "theirs"),
        ({"Binds": ["../x:/data"]}, "../x"),
        ({"Mounts": [{"Type": "bind", "Source": "/etc", "Target": "/e"}]}, "/etc"),
        ({"Mounts": [{"Type": "volume", "Source": "theirs", "Target": "/e"}]}, "theirs"),
        ({"Mounts": [{"Type": "volume", "Target": "/e"}]}, "without a name"),
        # The engine reads keys without regard to their case, and the last one counts.
        ({"privileged": True}, "privileged"),
        ({"PRIVILEGED": True}, "PRIVILEGED"),
        ({"ipcmode": "host"}, "ipcmode"),
        ({"Ma\u017fkedPath\u017f": []}, "Ma\u017fkedPath\u017f"),
        ({"Networ\u212aMode": "host"}, "Networ\u212aMode"),
        ({"Mounts": [{"Type": "tmpfs", "type": "bind", "source": "/", "Target": "/e"}]}, "type"),
        ({"Mounts": ["/:/host"]}, "objects"),
    ],
)
def test_what_gets_at_the_machine_is_refused(tmp_path: Path, host: dict[str, Any], named: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        checked(tmp_path, **host)
    assert named in str(caught.value)


@pytest.mark.parametrize("key", ["hostconfig", "HOSTCONFIG", "networkingConfig", "labels"])
def test_settings_under_a_name_that_the_engine_takes_as_well_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(RequestRefused, match=key):
        let_through(tmp_path, {key: {"Privileged": True}})


def test_folders_of_the_workspace_and_volumes_of_the_pipeline_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    mounts = [{"Type": "bind", "Source": str(tmp_path / "app")}, {"Type": "tmpfs", "Target": "/t"}]
    asked = checked(tmp_path, Binds=[f"{tmp_path}/app:/app:ro", "data:/data"], Mounts=mounts)
    assert asked["HostConfig"]["Mounts"] == mounts


def test_a_link_out_of_the_workspace_is_followed_before_it_is_judged(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/etc")
    for source in (tmp_path / "out", tmp_path / "app" / ".." / "..", Path(f"{tmp_path}-other")):
        with pytest.raises(RequestRefused, match="may not be given"):
            checked(tmp_path, Binds=[f"{source}:/x"])


def test_keys_that_only_look_alike_are_no_matter_of_these_rules() -> None:
    spelled({"Driver": "", "DriverOptsOfMine": 1, "lables": 2}, "Driver", "DriverOpts", "Labels")
    with pytest.raises(RequestRefused, match="driveropts"):
        spelled({"driveropts": {"device": "/"}}, "Driver", "DriverOpts")
    with pytest.raises(RequestRefused):
        spelled([], "Driver")
