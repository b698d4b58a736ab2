"""An engine of our own, started and ended for real, in a network of its own so that no other one notices.

What is compared before and after is what dockerd is known to leave: processes, mounts, bridges, firewall.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from checker.engine import images
from checker.engine.connection import Engine

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="starting an engine takes root"),
    pytest.mark.skipif(
        not shutil.which("dockerd", path="/usr/sbin:/usr/bin") or not shutil.which("unshare"),
        reason="needs dockerd and unshare",
    ),
]

START = """
import fcntl, json, os, signal, socket, struct, sys
from checker.engine import footprint, own_engine, provide
from checker.engine import connection as engine_module

# Whatever engine the machine has, this process sees none but its own.
own = lambda: tuple(f"unix://{path}" for path in [own_engine.own_socket()] if path.exists())
engine_module.candidates = own
provide.SYSTEMD = own_engine.folder() / "none"

# The loopback interface of a new network is down.
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x41))

def state():
    rules = [footprint._rules("iptables", table) for table in ("filter", "nat")]
    return {
        "interfaces": sorted(name for _, name in socket.if_nameindex()),
        "rules": rules,
        "mounts": [point for point in footprint._mount_points() if str(own_engine.folder()) in point],
        "processes": len(own_engine._members()),
    }

said = []
result = {"said": said, "before": state()}
engine = provide.ensure_engine(said.append, may_install=True)
result["address"] = engine.docker_host
result["socket"] = f"unix://{own_engine.own_socket()}"
result["again"] = provide.ensure_engine(said.append, may_install=True).docker_host
"""

USE = """
from checker.engine import images
with open(sys.argv[1], "rb") as file:
    engine.client.images.load(file)
engine.client.networks.create("lab-test")
held = engine.client.containers.run(
    images.tag_of("busybox"), ["sh", "-c", "echo it works > /page; exec busybox httpd -f -h /"],
    detach=True, stop_signal="SIGKILL", network="lab-test", ports={"80/tcp": ("127.0.0.1", 8080)},
)
import http.client, time
for attempt in range(100):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=2)
        connection.request("GET", "/page")
        result["served"] = connection.getresponse().read().decode()
        break
    except OSError:
        time.sleep(0.05)
"""

CRASH = """
os.kill(own_engine.running(), signal.SIGKILL)
os.environ.pop("DOCKER_HOST")
"""

REVIVE = """
result["revived"] = provide.ensure_engine(said.append, may_install=True).docker_host
"""

TAKEN = """
import ipaddress
subnet = ipaddress.ip_network(engine.client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"])

def change(request, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, request, data)

def of_other(address):
    return struct.pack("16sHH4s8x", b"other", socket.AF_INET, 0, address.packed)

provide.stop_own_engine(said.append)
os.environ.pop("DOCKER_HOST")
footprint.add_bridge("other")
change(0x8916, of_other(subnet[1]))  # SIOCSIFADDR
change(0x891C, of_other(subnet.netmask))  # SIOCSIFNETMASK
change(0x8914, struct.pack("16sh14x", b"other", 0x41))  # SIOCSIFFLAGS
engine = provide.ensure_engine(said.append, may_install=True)
result["moved"] = engine.client.networks.get("bridge").attrs["IPAM"]["Config"][0]["Subnet"] != str(subnet)
"""

FREED = """
footprint.remove_bridge("other")
"""

END = """
result["ended"] = provide.stop_own_engine(said.append)
result["ended again"] = provide.stop_own_engine(said.append)
result["after"] = state()
json.dump(result, sys.stdout)
"""


def in_own_network(cache: Path, code: str, *arguments: str) -> dict[str, Any]:
    kept = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"}
    environment = kept | {"REGISTRY_LAB_CACHE": str(cache)}
    try:
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", code, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
    finally:
        # Nothing to do unless the test has failed half-way.
        stop = "from checker.engine import provide; provide.stop_own_engine(print)"
        subprocess.run([sys.executable, "-c", stop], env=environment, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("", id="orderly"),
        pytest.param(CRASH, id="killed"),
        pytest.param(CRASH + REVIVE, id="revived"),
    ],
)
def test_an_own_engine_leaves_nothing_but_its_images(engine: Engine, between: str, tmp_path: Path) -> None:
    # In both places where its sockets can be: in the cache, or in /run if the cache's path is too long.
    with tempfile.TemporaryDirectory(prefix="lab ") as short:
        leave_nothing(Path(short) if not between else tmp_path / ("long" * 10), engine, between, tmp_path)


def leave_nothing(cache: Path, engine: Engine, between: str, tmp_path: Path) -> None:
    image = tmp_path / "busybox.tar"
    with image.open("wb") as file:
        file.writelines(engine.client.api.get_image(images.tag_of("busybox")))
    result = in_own_network(cache, START + USE + between + END, str(image))
    assert result["address"] == result["again"] == result["socket"]
    assert (str(cache) in result["socket"]) == (not between)
    assert result["served"] == "it works\n"
    assert result["ended"] is True
    assert result["ended again"] is False
    assert result["after"] == result["before"]
    left = sorted(path.name for path in (cache / "engine").iterdir())
    assert left == ["data", "log"]
    said = [line for line in result["said"] if "Starting" in line]
    assert len(said) == (2 if REVIVE in between else 1)


def test_a_network_that_another_program_has_taken_meanwhile_is_left_to_it(
    engine: Engine, tmp_path: Path
) -> None:
    image = tmp_path / "busybox.tar"
    with image.open("wb") as file:
        file.writelines(engine.client.api.get_image(images.tag_of("busybox")))
    on_the_default_bridge = USE.replace('network="lab-test", ', "")

    result = in_own_network(
        tmp_path / "cache", START + TAKEN + on_the_default_bridge + FREED + END, str(image)
    )

    assert result["moved"]
    assert result["served"] == "it works\n"
    assert result["after"] == result["before"]


def test_what_a_killed_engine_wrote_about_its_networks_keeps_no_later_one_from_starting(
    tmp_path: Path,
) -> None:
    networks = tmp_path / "cache/engine/data/network/files/local-kv.db"
    networks.parent.mkdir(parents=True)
    networks.write_bytes(b"half written" * 1000)

    result = in_own_network(tmp_path / "cache", START + END)

    assert result["address"] == result["socket"]
    assert any("without what it remembers of networks" in line for line in result["said"])
    assert result["after"] == result["before"]


def test_an_engine_that_does_not_come_up_says_why(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (cache / "engine").mkdir(parents=True)
    (cache / "engine/data").write_text("a file where a folder has to be")
    code = """
from checker.base.errors import EngineFault
result = {}
try:
    provide.ensure_engine(lambda text: None, may_install=True)
except EngineFault as fault:
    result["fault"] = fault.message
result["left"] = own_engine.running()
json.dump(result, sys.stdout)
"""
    imports = START.partition("said = []")[0]
    result = in_own_network(cache, imports + code)
    assert "The last lines of its log:" in result["fault"]
    assert result["left"] is None


def test_the_bridge_has_a_hardware_address_of_its_own_and_takes_none_from_its_ports() -> None:
    program = """
import fcntl, socket, struct
from checker.engine import footprint

footprint.add_bridge("rlab-test")
asked = struct.pack("16s24x", b"rlab-test")
print(fcntl.ioctl(socket.socket(), 0x8927, asked)[18:24].hex(":"))  # SIOCGIFHWADDR
footprint.remove_bridge("rlab-test")
"""
    command = ["unshare", "--net", sys.executable, "-c", program]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    # One that was not set is all zeros until the first port joins.
    assert done.stdout.startswith("02:42:")
