"""Grading a class: side by side, in parts, interrupted and gone on with; and always the same grades."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.classes import NOTES_ONLY, grades, left
from tests.helpers import Command, Process, until

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("rooms")]


def test_grades_are_the_same_in_one_lane_in_three_in_parts_and_in_another_order(
    lab: Command, course: Path
) -> None:
    ways = {name: lab.home / f"{name}.json" for name in ("one", "three", "merged", "backwards")}
    parts = [lab.home / f"part-{number}.json" for number in (1, 2)]
    backwards = sorted(course.iterdir(), reverse=True)

    codes = {
        lab("grade", course, "--json", ways["one"]).code,
        lab("grade", course, "--jobs", "3", "--json", ways["three"]).code,
        lab("grade", *backwards, "--jobs", "2", "--json", ways["backwards"]).code,
    }
    for number, part in enumerate(parts, start=1):
        lab("grade", course, "--jobs", "3", "--shard", f"{number}/2", "--json", part)
    codes.add(lab("merge", *reversed(parts), "--json", ways["merged"]).code)

    first = grades(ways["one"])
    assert codes == {1}
    assert [len(grades(part)) for part in parts] == [3, 3]
    assert list(first) == [f"learner-{number}" for number in range(6)]
    assert list(grades(ways["merged"])) == list(first)
    assert all(grades(way) == first for way in ways.values())
    assert [points[0][2] for points in first.values()] == [5, 0, 5, 0, 5, 0]
    assert left(lab) == []


def test_what_is_done_when_ctrl_c_comes_is_not_done_again(lab: Command, course: Path) -> None:
    (course / "learner-5/90-tiny/steps/push.sh").write_text("echo $$; sleep 30\n")
    kept, report = lab.home / "done.jsonl", lab.home / "report.json"
    process = lab.spawn("grade", course, "--jobs", "2", "--resume", kept, "--json", report)
    until(lambda: kept.exists() and len(kept.read_text().splitlines()) >= 3, "three to be done", 60)
    process.interrupt()
    done = process.wait(30)
    assert done.code == 130, done.err
    before = grades(report)
    assert len(before) in (3, 4, 5)
    assert left(lab) == []
    (course / "learner-5/90-tiny/steps/push.sh").write_text(NOTES_ONLY)

    again = lab("grade", course, "--jobs", "2", "--resume", kept, "--json", report)

    assert f"{len(before)} of 6 are done already" in again.err
    assert len(kept.read_text().splitlines()) == 6
    assert list(grades(report)) == [f"learner-{number}" for number in range(6)]


def test_each_is_graded_once_when_one_of_two_parts_is_killed_half_way_and_done_again(
    lab: Command, course: Path
) -> None:
    kept = [lab.home / f"part-{number}.jsonl" for number in (1, 2)]
    parts = [lab.home / f"part-{number}.json" for number in (1, 2)]
    first, second = (
        ("grade", course, "--shard", f"{number}/2", "--resume", kept[number - 1], "--json", parts[number - 1])
        for number in (1, 2)
    )
    killed, other = lab.spawn(*first), lab.spawn(*second)
    until(lambda: kept[0].exists() and kept[0].read_text().endswith("\n"), "one to be done", 60)
    killed.kill()
    assert not parts[0].exists()

    again = lab(*first)
    assert (again.code, other.wait().code) == (0, 1)
    merged = lab("merge", *parts, "--json", lab.home / "report.json")

    assert "of 3 are done already" in again.err
    assert merged.code == 1
    points = [steps[0][2] for steps in grades(lab.home / "report.json").values()]
    assert points == [5, 0, 5, 0, 5, 0]
    assert [len(file.read_text().splitlines()) for file in kept] == [3, 3]
    until(lambda: left(lab) == [], "the rooms to be gone")


def test_a_worker_that_is_killed_is_tried_once_more_and_nobody_else_notices(
    lab: Command, course: Path
) -> None:
    (course / "learner-0/90-tiny/steps/pin.sh").write_text("sleep 2\n")
    report = lab.home / "report.json"
    process = lab.spawn("grade", course, "--jobs", "2", "--json", report)
    worker = until(lambda: _worker(process.popen.pid), "a worker", 60)
    os.kill(worker, signal.SIGKILL)

    done = process.wait(120)

    assert "It is tried once more." in done.err
    assert done.code == 1
    assert len(grades(report)) == 6
    assert [steps[0][2] for steps in grades(report).values()] == [5, 0, 5, 0, 5, 0]
    assert left(lab) == []


def test_a_grading_that_is_killed_leaves_no_room(lab: Command, course: Path) -> None:
    process = lab.spawn("grade", course, "--jobs", "2")
    until(lambda: _worker(process.popen.pid), "a worker", 60)

    process.kill()

    until(lambda: left(lab) == [], "the rooms to be gone", 20)


def test_rooms_work_where_control_groups_are_of_version_2(lab: Command, course: Path) -> None:
    # Its own way to see the machine: the other version in the usual place, as far as the kernel still has it to give.
    other = 'umount --recursive /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup && exec "$@"'
    seen_so = ["unshare", "--mount", "sh", "-c", other, "sh"]
    if subprocess.run([*seen_so, "true"], capture_output=True).returncode:
        pytest.skip("control groups of version 2 cannot be mounted here")
    report = lab.home / "report.json"
    command = [sys.executable, "-m", "checker.cli", "grade", *map(str, sorted(course.iterdir())[:2])]

    done = Process([*seen_so, *command, "--json", str(report)], lab.env, lab.home, lab.home / "logs").wait()

    assert done.code == 1, done.err
    assert [steps[0][2] for steps in grades(report).values()] == [5, 0]
    assert left(lab) == []


def test_without_rooms_several_are_not_graded_side_by_side_unless_told_so(lab: Command, course: Path) -> None:
    report = lab.home / "report.json"
    no_root = "import os; os.geteuid = lambda: 1000"

    refused = lab("grade", course, "--jobs", "2", before=no_root)
    told = lab("grade", course / "learner-0", "--json", report, before=no_root)

    assert refused.code == 3
    assert "only root can make rooms" in refused.err
    assert "--unprotected" in refused.err
    assert told.code == 0, told.err
    assert "Without protection, as only root can make rooms" in told.err


def _worker(grader: int) -> int | None:
    """The process in whose place the first process of a room is: child of a child of the one that makes workers."""
    wave = {grader}
    for _ in range(4):
        wave = {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _parent(path) in wave}
    return min(wave, default=None)


def _parent(path: Path) -> int:
    try:
        return int(path.read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
