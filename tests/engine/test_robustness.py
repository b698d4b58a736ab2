"""What goes wrong: each time a clear message, the right exit code, nothing lost, nothing left behind."""

import json
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest

from checker.base.errors import EngineFault
from checker.engine.connection import Engine, connect
from checker.report import jsonform
from tests.helpers import Command, Done, Proxy, TinyLab, until

pytestmark = pytest.mark.engine

ENGINE_GONE = "unix:///nowhere/docker.sock"


def service(engine: Engine) -> str:
    """The container of the one practice that runs."""
    (found,) = engine.client.api.containers(all=True, filters={"label": "registry-lab.values"})
    return str(found["Id"])


def docker(lab: Command, *arguments: str) -> None:
    subprocess.run(["docker", *arguments], env=lab.env, check=True, capture_output=True)


# The engine


@pytest.mark.parametrize("command", ["start 90", "check 90", "check", "run 90 push", "watch 90", "stop 90"])
def test_without_an_engine_every_command_says_so(lab: Command, command: str, workspace: Path) -> None:
    workspace.mkdir(parents=True)

    done = lab(*command.split(), DOCKER_HOST=ENGINE_GONE)

    assert done.code == 3
    assert "No container engine answers" in done.err
    assert ENGINE_GONE in done.err
    assert "`lab doctor --fix`" in done.err


def test_without_an_engine_json_has_the_error_form(lab: Command) -> None:
    done = lab("check", "90", "--json", DOCKER_HOST=ENGINE_GONE)

    assert done.code == 3
    jsonschema.validate(done.json, jsonform.schema())
    assert done.json["schema"] == "registry-lab/error"
    assert done.json["exit_code"] == 3


def test_without_an_engine_stop_all_has_nothing_to_stop(lab: Command) -> None:
    done = lab("stop", "--all", DOCKER_HOST=ENGINE_GONE)

    assert done.code == 0
    assert "So nothing of ours runs in it." in done.err


def test_an_engine_that_never_answers_is_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")

        with pytest.raises(EngineFault, match="timed out"):
            connect(timeout=1)


@pytest.fixture
def failing(tmp_path: Path, engine: Engine) -> Iterator[Callable[[bytes], Proxy]]:
    """Makes an engine that stops for good when a request holds some bytes."""
    made: list[Proxy] = []

    def make(at: bytes) -> Proxy:
        made.append(Proxy(tmp_path / "proxy.sock", engine.docker_host, at, lambda proxy: proxy.die()))
        return made[-1]

    yield make
    for proxy in made:
        proxy.die()


def test_an_engine_that_stops_during_a_check_is_nobodys_failure(
    lab: Command, started: Done, tiny: TinyLab, failing: Callable[[bytes], Proxy]
) -> None:
    tiny.edit("checks.py", "(registry, values):\n", "(registry, values, engine):\n    engine.names()\n")
    proxy = failing(b"/images/json")

    done = lab("check", "90", DOCKER_HOST=proxy.address)

    assert proxy.met.is_set()
    assert done.code == 3
    assert "The container engine stopped answering" in done.out + done.err
    assert "fail" not in done.out
    assert "Traceback" not in done.out + done.err
    assert lab("check", "90").code == 1  # the practice itself is as it was


def test_an_engine_that_stops_during_a_grading_is_in_the_report(
    lab: Command, tiny: TinyLab, failing: Callable[[bytes], Proxy], engine: Engine
) -> None:
    solved = tiny.solve(lab.home / TinyLab.name)
    proxy = failing(b"/build?")
    file = lab.home / "report.json"

    done = lab("grade", solved, "--unprotected", "--json", file, DOCKER_HOST=proxy.address)

    assert done.code == 3
    form = json.loads(file.read_text())
    jsonschema.validate(form, jsonform.schema())
    assert form["outcome"] == "error"
    assert (
        "The container engine stopped answering" in done.err
    )  # and it does not answer when it is tried again
    assert "No container engine answers" in form["results"][0]["error"]
    assert lab("start", "90").code == 0  # sweeps what could not be removed without an engine
    assert lab("stop", "90").code == 0


# The registry


def test_a_killed_registry_is_nobodys_failure_and_comes_back_with_its_data(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path, engine: Engine
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    docker(lab, "kill", service(engine))

    checked = lab("check", "90")
    again = lab("start", "90")

    assert checked.code == 3
    assert "Start it again with `lab start`" in " ".join(checked.out.replace("│", "").split())
    assert again.code == 0
    assert again.out.splitlines()[0] == started.out.splitlines()[0]
    assert "what they stored is kept" in again.err
    assert lab("check", "90").code == 0


def test_a_registry_killed_during_a_check_is_nobodys_failure(
    lab: Command, started: Done, tiny: TinyLab, engine: Engine
) -> None:
    kill = f"__import__('subprocess').check_output(['docker', 'kill', '{service(engine)}'])"
    tiny.edit(
        "checks.py",
        "    image = registry.image(",
        f"    registry.tags('x')\n    {kill}\n    image = registry.image(",
    )

    done = lab("check", "90", "push", "--json")

    assert done.code == 3
    (step,) = done.json["results"][0]["steps"]
    assert (step["outcome"], step["max_points"]) == ("error", 0)
    assert "does not answer" in step["reason"]


def test_a_registry_whose_container_is_gone_is_started_anew(
    lab: Command, started: Done, engine: Engine
) -> None:
    docker(lab, "rm", "--force", "--volumes", service(engine))

    assert lab("check", "90").code == 2
    assert lab("start", "90").code == 0


# Ports


def test_a_taken_port_is_named_and_nothing_is_started(lab: Command, engine: Engine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        done = lab("start", "90", "--port", str(port))

    assert done.code == 3
    assert f"Port {port} on 127.0.0.1 is taken by another program." in done.err
    assert "--port NUMBER" in done.err


def test_a_port_taken_meanwhile_keeps_the_data_until_it_is_free(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path, engine: Engine
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    docker(lab, "kill", service(engine))
    port = int(re.findall(r"127\.0\.0\.1:(\d+)", started.out)[0])
    with socket.create_server(("127.0.0.1", port)):
        taken = lab("start", "90")

    free = lab("start", "90")

    assert taken.code == 3
    assert f"Port {port} on 127.0.0.1 is taken by another program." in taken.err
    assert (free.code, lab("check", "90").code) == (0, 0)


# The disk


@pytest.fixture
def small_disk(lab: Command) -> Iterator[Path]:
    """A disk of 1 MiB with the workspaces on it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    lab.workspaces.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", lab.workspaces], check=True)
    yield lab.workspaces
    subprocess.run(["umount", lab.workspaces], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk to the last byte."""
    path = disk / "full"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return path


def test_a_full_disk_stops_a_start_and_room_mends_it(small_disk: Path, lab: Command, workspace: Path) -> None:
    full = fill(small_disk)

    refused = lab("start", "90")
    full.unlink()
    done = lab("start", "90")

    assert refused.code == 3
    assert "No space left on device" in refused.err
    assert done.code == 0, done.err
    assert (workspace / "steps/push.sh").read_text() == "# Push an image of this run\n"
    log = subprocess.check_output(["git", "-C", workspace, "log", "--oneline"], text=True)
    assert len(log.splitlines()) == 2
    assert lab("stop", "90").code == 0


def test_a_full_disk_loses_no_answer(small_disk: Path, lab: Command, tiny: TinyLab, workspace: Path) -> None:
    assert lab("start", "90").code == 0
    tiny.solve(workspace)
    (workspace / "steps/pin.sh").write_text("set -e; head -c 2000000 /dev/zero > big\n")
    answers = {path: path.read_bytes() for path in workspace.glob("steps/*")}
    full = fill(small_disk)

    run = lab("run", "90", "pin")
    reset = lab("reset", "90", "push")

    assert run.code == 1
    assert "No space left on device" in run.err
    assert reset.code == 3
    assert "No space left on device" in reset.err
    assert "Nothing was lost." in reset.err
    assert {path: path.read_bytes() for path in workspace.glob("steps/*")} == answers
    assert lab("stop", "90").code == 0
    full.unlink()


def test_a_disk_that_fills_up_while_building_fails_the_answer_with_its_own_words(
    small_disk: Path, lab: Command, tiny: TinyLab, workspace: Path
) -> None:
    assert lab("start", "90").code == 0
    tiny.solve(workspace)
    fill(small_disk)
    answer = workspace / "steps/push.sh"
    built = answer.read_text().replace("docker build", "cat > Dockerfile && docker build -f Dockerfile")
    (small_disk / "full").unlink()
    answer.write_text(built)
    fill(small_disk)

    done = lab("run", "90", "push")

    assert done.code == 1
    assert "No space left on device" in done.err
    assert "not-pushed" in done.out or "The registry holds" in done.out
    assert lab("stop", "90").code == 0


def test_a_full_disk_keeps_the_last_report(small_disk: Path, lab: Command, tiny: TinyLab) -> None:
    solved = tiny.solve(lab.home / TinyLab.name)
    file = small_disk / "report.json"
    file.write_text("the last one")
    fill(small_disk)

    done = lab("grade", solved, "--json", file)

    assert done.code == 3
    assert f"Cannot write {file}: No space left on device." in done.err
    assert file.read_text() == "the last one"
    assert [path.name for path in small_disk.iterdir() if path.suffix == ".tmp"] == []


def test_a_full_cache_stops_a_grading_and_says_where(small_disk: Path, lab: Command, tiny: TinyLab) -> None:
    solved = tiny.solve(lab.home / TinyLab.name)
    (solved / "image.bin").write_bytes(bytes(4096))
    fill(small_disk)

    done = lab("grade", solved, "--unprotected", REGISTRY_LAB_CACHE=str(small_disk / "cache"))

    assert done.code == 3
    assert "No space left on device" in done.out + done.err
    assert list(small_disk.glob("cache/replays/*")) == []


# The lab's own files


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('title = "Tiny"', "title = ", "line 1, column"),
        ('title = "Tiny"', 'titel = "Tiny"', "`titel`"),
        ("points = 5", 'points = "five"', "$.steps[0].points"),
        ('needs = ["push"]', 'needs = ["pull"]', "needs 'pull', which does not come before it"),
        ('name = "pin"', 'name = "push"', "the step 'push' stands twice"),
        ('answer = "note.txt"', 'answer = "../note.txt"', "the answer of step 'note' lies outside"),
        ('service = "registry"', 'service = "hub"', "the address of 'hub', which is no service"),
        ('kind = "registry"', 'kind = "mirror"', "kind 'mirror'"),
    ],
)
def test_a_broken_lab_toml_is_told_with_file_and_place(
    lab: Command, tiny: TinyLab, old: str, new: str, place: str
) -> None:
    tiny.edit("lab.toml", old, new)

    done = lab("start", "90")

    assert done.code == 3
    assert "Traceback" not in done.err
    assert "lab.toml" in done.err
    assert place in done.err
    assert "author" in done.err


# Places


def test_spaces_and_letters_of_all_kinds_in_the_path_change_nothing(
    lab: Command, tiny: TinyLab, started: Done, engine: Engine
) -> None:
    place = lab.home / "Übung für Zoë, Teil 1 – 漢字" / TinyLab.name
    named = ("--workspace", place)

    assert lab("start", "90", *named).code == 0
    tiny.solve(place)
    assert lab("run", "90", "--all", *named).code == 0
    assert lab("check", "90", *named).code == 0
    assert lab("grade", place.parent).code == 0
    stopped = lab("stop", "90", *named)

    assert stopped.code == 0
    assert str(place) in stopped.err
    assert lab("check", "90").code == 1  # the other practice, in its own place, is as it was


# Two at once


def test_two_starts_at_once_make_one_stack(lab: Command, engine: Engine) -> None:
    both = [lab.spawn("start", "90") for _ in range(2)]

    done = [process.wait() for process in both]

    assert [one.code for one in done] == [0, 0], [one.err for one in done]
    assert done[0].out == done[1].out
    assert service(engine)
    assert lab("stop", "90").code == 0


def test_a_run_beside_a_run_is_told_who_is_at_work(lab: Command, started: Done, workspace: Path) -> None:
    (workspace / "steps/push.sh").write_text("touch begun; until [ -e go ]; do sleep 0.02; done\n")
    first = lab.spawn("run", "90", "push")
    until((workspace / "begun").exists, "the first answer to run")

    second = lab("run", "90", "push", before="import checker.lab.workspace as w; w.LOCK_WAIT = 0.3")
    looked = lab("check", "90")
    (workspace / "go").touch()

    assert second.code == 3
    assert f"`lab run 90 push` (process {first.popen.pid})" in second.err
    assert "Wait until it is done" in second.err
    assert looked.code == 1  # looking needs no turn
    assert first.wait().code == 1


# Ctrl-C


@pytest.mark.parametrize("at", [b"/containers/create", b"/start HTTP", b"/containers/json"])
def test_ctrl_c_during_start_leaves_nothing(lab: Command, engine: Engine, tmp_path: Path, at: bytes) -> None:
    ready = []
    proxy = Proxy(tmp_path / "p.sock", engine.docker_host, at, lambda _: ready[0].interrupt())
    ready.append(lab.spawn("start", "90", DOCKER_HOST=proxy.address))

    done = ready[0].wait()

    proxy.die()
    assert proxy.met.is_set()
    assert done.code == 130, done.err
    assert "Interrupted." in done.err
    assert "Traceback" not in done.err
    assert lab("check", "90").code == 2  # it is not started
    assert lab("start", "90").code == 0
    assert lab("stop", "90").code == 0


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_during_run_ends_the_answer_with_all_it_started(
    lab: Command, started: Done, workspace: Path, presses: int
) -> None:
    stubborn = "trap '' TERM\n" if presses == 2 else ""
    (workspace / "steps/push.sh").write_text(f"{stubborn}sleep 600 & echo $! $$ > pids; sleep 600\n")
    process = lab.spawn("run", "90", "push")
    pids = until(lambda: (workspace / "pids").exists() and (workspace / "pids").read_text(), "it to run")

    for _ in range(presses):
        process.interrupt()

    assert process.wait().code == 130
    for pid in pids.split():
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists(), f"process {pid} to end")
    assert lab("run", "90", "note").code == 1  # nobody holds the workspace any more


def test_ctrl_c_during_grade_leaves_nothing(lab: Command, tiny: TinyLab) -> None:
    solved = tiny.solve(lab.home / TinyLab.name)
    with (solved / "steps/push.sh").open("a") as file:
        file.write("sleep 600\n")
    process = lab.spawn("grade", solved, "--unprotected")
    until(lambda: list(lab.cache.glob("replays/*/*/steps/push.sh")), "the replay")

    process.interrupt()

    assert process.wait().code == 130
    assert "Interrupted." in process.text


# The record of progress


def test_half_a_record_of_progress_costs_hints_and_nothing_else(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    for _ in range(2):
        lab("hint", "90", "push")
    record = workspace / ".lab/progress.json"
    record.write_bytes(record.read_bytes()[: record.stat().st_size // 2])

    hint = lab("hint", "90", "push")

    assert hint.code == 0
    assert hint.out == "Hint 1 of 2: Build it first.\n"
    assert "was damaged; it is kept as progress.damaged." in hint.err
    assert lab("check", "90").code == 0
    assert lab("hint", "90", "push").err == ""


def test_a_lost_private_folder_costs_nothing_that_matters(
    lab: Command, started: Done, tiny: TinyLab, workspace: Path
) -> None:
    tiny.solve(workspace)
    assert lab("run", "90", "--all").code == 0
    subprocess.run(["rm", "-r", workspace / ".lab"], check=True)

    assert lab("check", "90").code == 0
    assert lab("run", "90", "push").code == 0


def test_what_is_pushed_by_hand_counts_like_what_an_answer_pushed(
    lab: Command, started: Done, engine: Engine
) -> None:
    labels = engine.client.api.inspect_container(service(engine))["Config"]["Labels"]
    values = json.loads(labels["registry-lab.values"])
    address = f"http://{values['REGISTRY']}/v2/"

    assert urllib.request.urlopen(address, timeout=5).status == 200
