"""Grading a class on a cluster: a Dask scheduler, workers with rooms of their own, and one of them that is lost."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from checker.base.ports import free_port
from tests.engine.classes import grades, left
from tests.helpers import Command, Process, TinyLab, until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("rooms")]

DASK = Path(sys.executable).with_name("dask")
HOST = "127.0.0.1"

StartWorker = Callable[[], Process]


@pytest.fixture
def dask(lab: Command) -> Iterator[Callable[..., Process]]:
    """Starts a program of Dask in the surroundings of the command; ends all of them after the test."""
    started: list[Process] = []

    def start(*words: str) -> Process:
        # What it keeps has its place outside of the folder that has to be empty after each test.
        env = lab.env | {"DASK_TEMPORARY_DIRECTORY": str(lab.home / "dask")}
        started.append(Process([str(DASK), *words], env, lab.home, lab.home / "logs"))
        return started[-1]

    yield start
    for process in started:
        if process.popen.poll() is None:
            process.kill()


class Scheduler(NamedTuple):
    address: str
    process: Process


@pytest.fixture
def cluster(dask: Callable[..., Process]) -> Scheduler:
    """A scheduler, as yet without workers."""
    port = free_port()
    process = dask("scheduler", "--host", HOST, "--port", str(port), "--no-dashboard")
    process.says("Scheduler at", 60)
    return Scheduler(f"tcp://{HOST}:{port}", process)


@pytest.fixture
def scheduler(cluster: Scheduler) -> str:
    """The address of one."""
    return cluster.address


@pytest.fixture
def worker(dask: Callable[..., Process], scheduler: str) -> StartWorker:
    """Starts a worker of one thread, and waits until the scheduler has it."""

    def start() -> Process:
        process = dask("worker", scheduler, "--host", HOST, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        process.says("Registered to", 60)
        return process

    return start


def test_each_is_graded_once_when_one_of_two_workers_is_killed_half_way(
    lab: Command, course: Path, scheduler: str, worker: StartWorker
) -> None:
    here, report, kept = lab.home / "here.json", lab.home / "report.json", lab.home / "done.jsonl"
    assert lab("grade", course, "--jobs", "2", "--json", here).code == 1
    lost, _ = worker(), worker()

    process = lab.spawn("grade", course, "--scheduler", scheduler, "--json", report, "--resume", kept)
    until(lambda: kept.exists() and len(kept.read_text().splitlines()) >= 2, "two to be done", 60)
    lost.kill()
    done = process.wait(120)

    assert done.code == 1, done.err
    assert len(grades(report)) == 6
    assert len(kept.read_text().splitlines()) == 6
    assert whole(report) == whole(here), "a cluster judges as this machine does"
    until(lambda: left(lab) == [], "the rooms to be gone")


def test_warnings_and_refusals_are_the_same_on_a_cluster(
    lab: Command, tiny: TinyLab, scheduler: str, worker: StartWorker
) -> None:
    folder = lab.home / "course"
    odd = tiny.solve(folder / "odd" / tiny.name)
    (odd / "conftest.py").write_text("raise SystemExit")
    (odd / "away").symlink_to("/etc/passwd")
    large = tiny.solve(folder / "large" / tiny.name)
    with (large / "big").open("wb") as file:
        file.truncate(60 * 1024 * 1024)
    here, there = lab.home / "here.json", lab.home / "there.json"
    worker()

    codes = [
        lab("grade", folder, "--json", here).code,
        lab("grade", folder, "--scheduler", scheduler, "--json", there).code,
    ]

    assert codes == [1, 1]
    assert len(json.loads(here.read_text())["results"][1]["warnings"]) == 2
    assert whole(there) == whole(here)


def test_a_worker_with_another_lab_judges_nothing(
    lab: Command, course: Path, scheduler: str, worker: StartWorker
) -> None:
    worker()
    # A worker reads the lab when it judges: what differs is what the grader read before, as if elsewhere.
    change = "from checker.grading import dask; dask.fingerprint = lambda lab: 'other'"

    done = lab("grade", course / "learner-0", "--scheduler", scheduler, before=change)

    assert done.code == 3
    assert "The lab 90-tiny is another one here." in done.out + done.err
    assert "Install the same version of registry-lab everywhere." in done.out + done.err


def test_a_scheduler_that_is_not_there_is_said(lab: Command, course: Path) -> None:
    address = f"tcp://{HOST}:{free_port()}"
    short = "from checker.grading import dask; dask.CONNECTING = 0.5"

    done = lab("grade", course, "--scheduler", address, before=short)

    assert done.code == 3
    assert f"No Dask scheduler answers at {address}." in done.err
    assert "Traceback" not in done.out + done.err


def test_a_scheduler_that_ends_half_way_is_said_and_what_is_done_is_kept(
    lab: Command, course: Path, cluster: Scheduler, worker: StartWorker
) -> None:
    worker()
    kept = lab.home / "done.jsonl"
    process = lab.spawn("grade", course, "--scheduler", cluster.address, "--resume", kept)
    until(lambda: kept.exists() and kept.read_text().endswith("\n"), "one to be done", 60)

    cluster.process.kill()
    done = process.wait(90)

    assert done.code == 3, done.err
    assert f"The scheduler at {cluster.address} has ended." in done.err
    assert "Traceback" not in done.out + done.err
    # A worker ends what it has begun, and itself when its scheduler does not come back.
    until(lambda: left(lab) == [] and not list(lab.cache.glob("replays/*")), "the worker to be done", 60)


def test_ctrl_c_leaves_the_report_of_those_that_were_done_and_the_cluster_as_it_was(
    lab: Command, course: Path, scheduler: str, worker: StartWorker
) -> None:
    worker()
    report, kept = lab.home / "report.json", lab.home / "done.jsonl"
    options = ("--scheduler", scheduler, "--resume", kept, "--json", report)
    process = lab.spawn("grade", course, *options)
    until(lambda: kept.exists() and kept.read_text().endswith("\n"), "one to be done", 60)

    process.interrupt()
    done = process.wait(30)
    assert done.code == 130, done.err
    assert 1 <= len(grades(report)) < 6
    again = lab("grade", course, *options)

    assert again.code == 1, again.err
    assert len(kept.read_text().splitlines()) == 6
    assert len(grades(report)) == 6
    assert "Traceback" not in done.err + again.err


def test_a_cluster_without_workers_is_said_and_nothing_is_lost(
    lab: Command, course: Path, scheduler: str
) -> None:
    short = "from checker.grading import dask; dask.PATIENCE = 0.5; dask.POLL = 0.1"

    done = lab("grade", course, "--scheduler", scheduler, before=short)

    assert done.code == 3
    assert f"There is no worker at {scheduler}." in done.err


def test_without_dask_its_installation_is_told(lab: Command, course: Path) -> None:
    missing = "import sys; sys.modules['distributed'] = None"

    done = lab("grade", course, "--scheduler", "tcp://127.0.0.1:8786", before=missing)

    assert done.code == 3
    assert "Dask is not installed." in done.err
    assert "pip install 'registry-lab[dask]'" in done.err


def test_jobs_are_for_this_machine(lab: Command, course: Path) -> None:
    done = lab("grade", course, "--jobs", "2", "--scheduler", "tcp://127.0.0.1:8786")

    assert done.code == 2
    assert "--jobs is for this machine" in done.err


def whole(path: Path) -> list[object]:
    """The results of a report without what no two gradings have in common: how long things took."""
    results = json.loads(path.read_text())["results"]
    for result in results:
        del result["seconds"]
        for step in result["steps"]:
            del step["answer"], step["seconds"]
    return list(results)
